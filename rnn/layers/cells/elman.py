"""Elman cell, the cell of the article (Elman, 1990): h[t] = tanh(x[t] + h[t-1] @ Wh), with Wh (H, H)."""

from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Params
from elman.rnn.compute.batches import Batch
from elman.rnn.compute.fast_math import tanh_rows
from elman.rnn.compute.jit import jit
from elman.rnn.compute.matmul import packed, times
from elman.rnn.layers.recurrent import (
    Backprop,
    Cell,
    add_start_gradient,
    register,
    steps_of,
    transitions_of,
)
from elman.rnn.layers.recurrent_kernels import gather_inputs, previous_step, recurrent_gradient, start_rows


class Elman(Cell):
    """One gate, which is the state."""

    name = "elman"
    gates = "h"
    starts_from_state = True

    def forward(self, x: Floats, weights: Params, batch: Batch, reverse: bool) -> tuple[Floats, Backprop]:
        """Dz[t] = (dh[t] + dz[t+1] @ Wh.T) * (1 - h[t]^2)."""
        Wh, h0 = weights["Wh"], weights.get("h0")
        h = np.empty_like(x)
        steps = steps_of(batch, reverse)
        for now, before in steps:
            z = h[now]
            z[:] = x[now]
            m = before.stop - before.start
            z[:m] += h[before] @ Wh
            if h0 is not None:
                z[m:] += h0[m : len(z)] @ Wh
            np.tanh(z, out=z)

        def backprop(dh: Floats) -> tuple[Floats, Params]:
            dz = dh.copy()
            for now, before in reversed(steps):
                dz[now] *= 1 - h[now] ** 2
                dz[before] += dz[now][: before.stop - before.start] @ Wh.T
            source, target = transitions_of(batch, reverse)
            dWh = h[source].T @ dz[target]
            return dz, {"Wh": add_start_gradient(dWh, h0, dz, batch, reverse)}

        return h, backprop

    def forward_compiled(
        self, x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool
    ) -> tuple[Floats, Backprop]:
        """By kernels."""
        Wh, h0, starts = weights["Wh"], weights.get("h0"), batch.starts
        h = _forward(x, rows, packed(Wh), start_rows(h0, Wh), starts, reverse)

        def backprop(dh: Floats) -> tuple[Floats, Params]:
            dz = _backward(np.ascontiguousarray(dh), h, packed(Wh.T), starts, reverse)
            dWh = recurrent_gradient(h, dz, batch, reverse)
            return dz, {"Wh": add_start_gradient(dWh, h0, dz, batch, reverse)}

        return h, backprop

    def states(self, x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool) -> Floats:
        """h alone, by kernels."""
        start = start_rows(weights.get("h0"), x)
        h: Floats = _forward(x, rows, weights["Wh"], start, batch.starts, reverse)
        return h


register(Elman())


@jit
def _forward(x: Any, rows: Any, Wh: Any, start: Any, starts: Any, reverse: bool) -> Any:
    T, H = len(starts) - 1, x.shape[1]
    h = np.empty((len(rows), H), x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        now = h[starts[t] : starts[t + 1]]
        before, m = previous_step(starts, t, reverse)
        gather_inputs(x, rows, starts[t], now)
        times(h[before : before + m], Wh, now[:m], True)
        if len(start) and m < len(now):
            times(start[m : len(now)], Wh, now[m:], True)
        tanh_rows(now)
    return h


@jit
def _backward(dh: Any, h: Any, WhT: Any, starts: Any, reverse: bool) -> Any:
    N, H = h.shape
    T, B = len(starts) - 1, starts[1]
    dz, carry, one = np.empty((N, H), h.dtype), np.zeros((B, H), h.dtype), np.float32(1)
    for k in range(T):
        t = k if reverse else T - 1 - k
        a, n = starts[t], starts[t + 1] - starts[t]
        for i in range(n):
            c, o, d, w = carry[i], dz[a + i], dh[a + i], h[a + i]
            for j in range(H):
                o[j] = (d[j] + c[j]) * (one - w[j] * w[j])
        _, m = previous_step(starts, t, reverse)
        times(dz[a : a + m], WhT, carry[:m], False)
    return dz
