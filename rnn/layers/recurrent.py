"""Recurrent cells on packed batches (rnn/compute/batches.py): siblings that read like their equations.

Every cell takes x (N, F*H), what enters each step with its bias already added, F gates side by side; its
recurrent weights; the batch; the direction; `keep` (B, H), a factor for each unit of the state of each
sequence where it enters the product with Wh (dropout on states), or None; and `rows` (N,) where x has a row
for each distinct symbol instead: which row of it enters. It returns h (N, H), and backprop: dh (N, H) -> the
gradient of what entered (N, F*H), gradients of the recurrent weights. The state before the first step is 0.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64, Params
from elman.rnn.compute.batches import Batch
from elman.rnn.layers.dense import sigmoid

Backprop: TypeAlias = Callable[[Floats], tuple[Floats, Params]]


class Cell(Protocol):
    """The form of a cell."""

    def __call__(
        self,
        x: Floats,
        weights: Params,
        batch: Batch,
        *,
        reverse: bool = False,
        keep: Floats | None = None,
        rows: Int32 | None = None,
    ) -> tuple[Floats, Backprop]:
        """Run over all steps; see the module."""
        ...


def elman(
    x: Floats, weights: Params, batch: Batch, *, reverse: bool = False, keep: Floats | None = None
) -> tuple[Floats, Backprop]:
    """The cell of the article (Elman, 1990): h[t] = tanh(x[t] + h[t-1] @ Wh).  Wh (H, H)."""
    return _simple(
        x, weights["Wh"], batch, reverse=reverse, keep=keep, squash=np.tanh, slope=lambda h: 1 - h**2
    )


def relu(
    x: Floats, weights: Params, batch: Batch, *, reverse: bool = False, keep: Floats | None = None
) -> tuple[Floats, Backprop]:
    """h[t] = max(0, x[t] + h[t-1] @ Wh).  Wh (H, H)."""
    return _simple(
        x,
        weights["Wh"],
        batch,
        reverse=reverse,
        keep=keep,
        squash=_relu,
        slope=lambda h: (h > 0).astype(h.dtype),
    )


def gru(
    x: Floats, weights: Params, batch: Batch, *, reverse: bool = False, keep: Floats | None = None
) -> tuple[Floats, Backprop]:
    """Gated recurrent unit, gates r, z, n (Cho et al., 2014), the reset gate after the product as in cuDNN.

    r = sigmoid(xr + h @ Whr),  z = sigmoid(xz + h @ Whz),  n = tanh(xn + r * (h @ Whn + bh)),
    h' = (1 - z) * n + z * h.  Wh (H, 3H), bh (H,).
    """
    Wh, bh = weights["Wh"], weights["bh"]
    N, H = len(x), len(bh)
    h, gates, inner = np.empty((N, H), x.dtype), np.empty_like(x), np.empty((N, H), x.dtype)
    before, handed = np.zeros((N, H), x.dtype), np.zeros((N, H), x.dtype)  # the state, and what is kept of it
    steps = _steps(batch, reverse)
    for here, there in steps:
        n = there.stop - there.start
        before[here][:n] = h[there]
        handed[here][:n] = h[there] if keep is None else h[there] * keep[:n]
        u = handed[here] @ Wh
        gate = gates[here]
        gate[:, : 2 * H] = sigmoid(x[here, : 2 * H] + u[:, : 2 * H])
        inner[here] = u[:, 2 * H :] + bh
        gate[:, 2 * H :] = np.tanh(x[here, 2 * H :] + gate[:, :H] * inner[here])
        z = gate[:, H : 2 * H]
        h[here] = (1 - z) * gate[:, 2 * H :] + z * before[here]

    def backprop(dh: Floats) -> tuple[Floats, Params]:
        dstate, dx, du = dh.copy(), np.empty_like(x), np.empty_like(x)
        for here, there in reversed(steps):
            n = there.stop - there.start
            r, z, c = gates[here, :H], gates[here, H : 2 * H], gates[here, 2 * H :]
            d = dstate[here]
            dc = d * (1 - z) * (1 - c**2)
            dx[here, :H] = dc * inner[here] * r * (1 - r)
            dx[here, H : 2 * H] = d * (before[here] - c) * z * (1 - z)
            dx[here, 2 * H :] = dc
            du[here] = dx[here]
            du[here, 2 * H :] *= r
            back = du[here][:n] @ Wh.T
            dstate[there] += (d * z)[:n] + (back if keep is None else back * keep[:n])
        return dx, {"Wh": handed.T @ du, "bh": du[:, 2 * H :].sum(axis=0)}

    return h, backprop


def lstm(
    x: Floats, weights: Params, batch: Batch, *, reverse: bool = False, keep: Floats | None = None
) -> tuple[Floats, Backprop]:
    """Long short-term memory with gates i, f, g, o (Hochreiter and Schmidhuber, 1997; Gers et al., 2000).

    i, f, o = sigmoid(x. + h @ Wh.),  g = tanh(xg + h @ Whg),  c' = f * c + i * g,  h' = o * tanh(c').
    Wh (H, 4H).
    """
    Wh = weights["Wh"]
    N, H = len(x), len(Wh)
    h, c, gates = np.empty((N, H), x.dtype), np.empty((N, H), x.dtype), np.empty_like(x)
    before, c_before = np.zeros((N, H), x.dtype), np.zeros((N, H), x.dtype)
    steps = _steps(batch, reverse)
    for here, there in steps:
        n = there.stop - there.start
        before[here][:n] = h[there] if keep is None else h[there] * keep[:n]
        c_before[here][:n] = c[there]
        u, gate = x[here] + before[here] @ Wh, gates[here]
        gate[:] = sigmoid(u)
        gate[:, 2 * H : 3 * H] = np.tanh(u[:, 2 * H : 3 * H])
        c[here] = gate[:, H : 2 * H] * c_before[here] + gate[:, :H] * gate[:, 2 * H : 3 * H]
        h[here] = gate[:, 3 * H :] * np.tanh(c[here])

    def backprop(dh: Floats) -> tuple[Floats, Params]:
        dstate, dc_next, dx = dh.copy(), np.zeros_like(dh), np.empty_like(x)
        for here, there in reversed(steps):
            n = there.stop - there.start
            i, f, g, o = (gates[here, k * H : (k + 1) * H] for k in range(4))
            tanh_c = np.tanh(c[here])
            dc = dc_next[here] + dstate[here] * o * (1 - tanh_c**2)
            dx[here, :H] = dc * g * i * (1 - i)
            dx[here, H : 2 * H] = dc * c_before[here] * f * (1 - f)
            dx[here, 2 * H : 3 * H] = dc * i * (1 - g**2)
            dx[here, 3 * H :] = dstate[here] * tanh_c * o * (1 - o)
            dc_next[there] += (dc * f)[:n]
            back = dx[here][:n] @ Wh.T
            dstate[there] += back if keep is None else back * keep[:n]
        return dx, {"Wh": before.T @ dx}

    return h, backprop


GATES = {"elman": 1, "relu": 1, "gru": 3, "lstm": 4}


def _of_rows(run: Callable[..., tuple[Floats, Backprop]]) -> Cell:
    """The cell on x, or on x[rows]."""

    def cell(
        x: Floats,
        weights: Params,
        batch: Batch,
        *,
        reverse: bool = False,
        keep: Floats | None = None,
        rows: Int32 | None = None,
    ) -> tuple[Floats, Backprop]:
        return run(x if rows is None else x[rows], weights, batch, reverse=reverse, keep=keep)

    return cell


CELLS = {
    name: _of_rows(run) for name, run in (("elman", elman), ("relu", relu), ("gru", gru), ("lstm", lstm))
}


def _relu(z: Floats, out: Floats) -> Floats:
    return np.maximum(z, 0, out=out)


def _simple(
    x: Floats,
    Wh: Floats,
    batch: Batch,
    *,
    reverse: bool,
    keep: Floats | None,
    squash: Callable[..., Floats],
    slope: Callable[[Floats], Floats],
) -> tuple[Floats, Backprop]:
    """h[t] = squash(x[t] + h[t-1] @ Wh), the slope of squash being a function of its value."""
    h = np.empty_like(x)
    steps = _steps(batch, reverse)
    for here, there in steps:
        n, z = there.stop - there.start, h[here]
        z[:] = x[here]
        z[:n] += (h[there] if keep is None else h[there] * keep[:n]) @ Wh
        squash(z, out=z)

    def backprop(dh: Floats) -> tuple[Floats, Params]:
        dx = dh.copy()
        for here, there in reversed(steps):
            n, dz = there.stop - there.start, dx[here]
            dz *= slope(h[here])
            back = dz[:n] @ Wh.T
            dx[there] += back if keep is None else back * keep[:n]
        source, target = _edges(batch, reverse)
        state = h[source] if keep is None else h[source] * keep[batch.member[source]]
        return dx, {"Wh": state.T @ dx[target]}

    return h, backprop


def _steps(batch: Batch, reverse: bool) -> list[tuple[slice, slice]]:
    """For each step in the order of running: its rows, and the rows their state comes from.

    The state of row i comes from row i of the other slice; rows beyond it begin from zero.
    """
    at = batch.starts.tolist()
    T = len(at) - 1
    if reverse:
        return [
            (slice(at[t], at[t + 1]), slice(at[t + 1], at[t + 2]) if t + 1 < T else slice(at[t], at[t]))
            for t in reversed(range(T))
        ]
    return [
        (slice(at[t], at[t + 1]), slice(at[t - 1], at[t - 1] + at[t + 1] - at[t]) if t else slice(0, 0))
        for t in range(T)
    ]


def _edges(batch: Batch, reverse: bool) -> tuple[Int64 | slice, Int64 | slice]:
    """All pairs of rows (from, to) between which a state is handed on."""
    later = slice(int(batch.starts[1]), None)
    return (later, batch.before) if reverse else (batch.before, later)
