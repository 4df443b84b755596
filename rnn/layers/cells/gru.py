"""Gated recurrent unit (Cho et al., 2014), the reset gate after the product as in cuDNN.

    r[t] = sigmoid(xr[t] + h[t-1] @ Whr)                    reset
    z[t] = sigmoid(xz[t] + h[t-1] @ Whz)                    update
    n[t] = tanh(xn[t] + r[t] * (h[t-1] @ Whn + bh))         new state
    h[t] = (1 - z[t]) * n[t] + z[t] * h[t-1]

Wh (H, 3H) has the columns of r, z and n side by side; bh (H,).
"""

from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Params
from elman.rnn.compute.batches import Batch
from elman.rnn.compute.fast_math import sigmoid, tanh
from elman.rnn.compute.jit import jit
from elman.rnn.compute.matmul import packed, times
from elman.rnn.layers import dense
from elman.rnn.layers.recurrent import Backprop, Cell, add_start_gradient, first_rows, register, steps_of
from elman.rnn.layers.recurrent_kernels import (
    gather_inputs,
    previous_step,
    recurrent_gradient,
    start_rows,
    state_before,
)


class GRU(Cell):
    """Gates r, z, n."""

    name = "gru"
    gates = "rzn"
    starts_from_state = True

    def shapes(self, inputs: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """Those of every cell, and bh (H,)."""
        return {**super().shapes(inputs, hidden), "bh": (hidden,)}

    def forward(self, x: Floats, weights: Params, batch: Batch, reverse: bool) -> tuple[Floats, Backprop]:
        """With q = h[t-1] @ Whn + bh, and d the gradient of h[t] from above and from the step after.

        dn = d * (1 - z) * (1 - n^2);  dr = dn * q * r * (1 - r);  dz = d * (h[t-1] - n) * z * (1 - z);
        the gradient of h[t-1] is d * z + [dr, dz, dn * r] @ Wh.T.
        """
        Wh, bh, h0 = weights["Wh"], weights["bh"], weights.get("h0")
        N, H = len(x), len(bh)
        h, gates, q = np.empty((N, H), x.dtype), np.empty_like(x), np.empty((N, H), x.dtype)
        h_before = np.zeros((N, H), x.dtype)
        if h0 is not None:
            h_before[first_rows(batch, reverse)] = h0
        steps = steps_of(batch, reverse)
        for now, before in steps:
            h_before[now][: before.stop - before.start] = h[before]
            u = h_before[now] @ Wh
            gate = gates[now]
            gate[:, : 2 * H] = dense.sigmoid(x[now, : 2 * H] + u[:, : 2 * H])
            q[now] = u[:, 2 * H :] + bh
            gate[:, 2 * H :] = np.tanh(x[now, 2 * H :] + gate[:, :H] * q[now])
            z = gate[:, H : 2 * H]
            h[now] = (1 - z) * gate[:, 2 * H :] + z * h_before[now]

        def backprop(dh: Floats) -> tuple[Floats, Params]:
            dstate, dx, du = dh.copy(), np.empty_like(x), np.empty_like(x)
            for now, before in reversed(steps):
                m = before.stop - before.start
                r, z, n = gates[now, :H], gates[now, H : 2 * H], gates[now, 2 * H :]
                d = dstate[now]
                dn = d * (1 - z) * (1 - n**2)
                dx[now, :H] = dn * q[now] * r * (1 - r)
                dx[now, H : 2 * H] = d * (h_before[now] - n) * z * (1 - z)
                dx[now, 2 * H :] = dn
                du[now] = dx[now]
                du[now, 2 * H :] *= r
                dstate[before] += (d * z)[:m] + du[now][:m] @ Wh.T
            return dx, {"Wh": h_before.T @ du, "bh": du[:, 2 * H :].sum(axis=0)}

        return h, backprop

    def forward_compiled(
        self, x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool
    ) -> tuple[Floats, Backprop]:
        """By kernels."""
        Wh, h0, starts = weights["Wh"], weights.get("h0"), batch.starts
        start = start_rows(h0, Wh)
        h, gates, q = _forward(x, rows, packed(Wh), weights["bh"], start, starts, reverse)

        def backprop(dh: Floats) -> tuple[Floats, Params]:
            dx, du = _backward(np.ascontiguousarray(dh), h, gates, q, packed(Wh.T), start, starts, reverse)
            dbh = dense.column_sums(du[:, 2 * h.shape[1] :])
            dWh = recurrent_gradient(h, du, batch, reverse)
            return dx, {"Wh": add_start_gradient(dWh, h0, du, batch, reverse), "bh": dbh}

        return h, backprop

    def states(self, x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool) -> Floats:
        """h alone, by kernels."""
        start = start_rows(weights.get("h0"), x)
        h: Floats = _states(x, rows, weights["Wh"], weights["bh"], start, batch.starts, reverse)
        return h


register(GRU())


@jit
def _step(gates: Any, u: Any, bh: Any, h_before: Any, q: Any, h: Any) -> None:
    """One row of a step: gates (3H,) hold x and become r, z, n; u (3H,) is h_before @ Wh; q and h are set."""
    H = len(bh)
    r, z, n, un = gates[:H], gates[H : 2 * H], gates[2 * H : 3 * H], u[2 * H : 3 * H]
    for j in range(2 * H):
        gates[j] = sigmoid(gates[j] + u[j])
    for j in range(H):
        q[j] = un[j] + bh[j]
    for j in range(H):
        new = tanh(n[j] + r[j] * q[j])
        n[j] = new
        h[j] = new + z[j] * (h_before[j] - new)


@jit
def _forward(x: Any, rows: Any, Wh: Any, bh: Any, start: Any, starts: Any, reverse: bool) -> Any:
    N, H = len(rows), len(bh)
    T, B = len(starts) - 1, starts[1]
    h, gates, q = np.empty((N, H), x.dtype), np.empty((N, 3 * H), x.dtype), np.empty((N, H), x.dtype)
    u, zero = np.empty((B, 3 * H), x.dtype), np.zeros(H, x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        before, m = previous_step(starts, t, reverse)
        gather_inputs(x, rows, a, gates[a : a + n])
        times(h[before : before + m], Wh, u[:m], False)
        u[m:n] = 0
        if len(start) and m < n:
            times(start[m:n], Wh, u[m:n], True)
        for i in range(n):
            h_before = state_before(h, before, m, start, zero, i)
            _step(gates[a + i], u[i], bh, h_before, q[a + i], h[a + i])
    return h, gates, q


@jit
def _step_back(d: Any, gates: Any, q: Any, h_before: Any, dkept: Any, du: Any) -> None:
    """Backward pass of _step: d (H,) of h; gates become dx; dkept = d * z; du (3H,) of the product with Wh.

    Loops of few arrays each, as LLVM turns loops of many into single steps.
    """
    H, one = len(d), np.float32(1)
    r, z, n, dn = gates[:H], gates[H : 2 * H], gates[2 * H : 3 * H], du[2 * H : 3 * H]
    for j in range(H):
        dn[j] = d[j] * (one - z[j]) * (one - n[j] * n[j])
    for j in range(H):
        update = z[j]
        dkept[j] = d[j] * update
        z[j] = d[j] * (h_before[j] - n[j]) * update * (one - update)
    for j in range(H):
        reset, c = r[j], dn[j]
        n[j] = c
        r[j] = c * q[j] * reset * (one - reset)
        dn[j] = c * reset
    for j in range(2 * H):
        du[j] = gates[j]


@jit
def _backward(dh: Any, h: Any, gates: Any, q: Any, WhT: Any, start: Any, starts: Any, reverse: bool) -> Any:
    """dx (N, 3H), in the place of the gates, and du (N, 3H), the gradient of the product with Wh."""
    N, H = h.shape
    T, B = len(starts) - 1, starts[1]
    du, carry, zero = np.empty((N, 3 * H), h.dtype), np.zeros((B, H), h.dtype), np.zeros(H, h.dtype)
    dkept = np.empty((B, H), h.dtype)
    for k in range(T):
        t = k if reverse else T - 1 - k
        a, n = starts[t], starts[t + 1] - starts[t]
        before, m = previous_step(starts, t, reverse)
        for i in range(n):
            c, d = carry[i], dh[a + i]
            for j in range(H):
                c[j] += d[j]
            h_before = state_before(h, before, m, start, zero, i)
            _step_back(c, gates[a + i], q[a + i], h_before, dkept[i], du[a + i])
        times(du[a : a + m], WhT, carry[:m], False)
        for i in range(m):
            c, w = carry[i], dkept[i]
            for j in range(H):
                c[j] += w[j]
    return gates, du


@jit
def _states(x: Any, rows: Any, Wh: Any, bh: Any, start: Any, starts: Any, reverse: bool) -> Any:
    """_forward without what only backprop needs."""
    N, H = len(rows), len(bh)
    T, B = len(starts) - 1, starts[1]
    h, u = np.empty((N, H), x.dtype), np.empty((B, 3 * H), x.dtype)
    gates, q, zero = np.empty((B, 3 * H), x.dtype), np.empty(H, x.dtype), np.zeros(H, x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        before, m = previous_step(starts, t, reverse)
        gather_inputs(x, rows, a, gates[:n])
        times(h[before : before + m], Wh, u[:m], False)
        u[m:n] = 0
        if len(start) and m < n:
            times(start[m:n], Wh, u[m:n], True)
        for i in range(n):
            _step(gates[i], u[i], bh, state_before(h, before, m, start, zero, i), q, h[a + i])
    return h
