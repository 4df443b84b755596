"""Numba kernels of the recurrent cells: what cells.py computes, a whole batch a call.

float32 only. Each kernel is compared with its reference by tests. Shapes and words as in the references.

The gates of a row are made in one place: a step copies its rows of x there, adds the product with Wh,
squashes them, and on the way back puts their gradient there, so that little memory is touched.
"""

from functools import partial
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Params
from elman.rnn.compute.batches import Batch
from elman.rnn.compute.fast_math import SIGMOID, TANH, exp2, sigmoid, tanh
from elman.rnn.compute.jit import jit
from elman.rnn.compute.matmul import packed
from elman.rnn.layers import dense
from elman.rnn.layers.recurrent import Backprop
from elman.rnn.layers.step_kernels import (
    NONE,
    add_recurrent_product,
    cell_of,
    gather_inputs,
    previous_rows,
    recurrent_product_back,
    state_gradient,
)


@jit
def _simple_forward(x: Any, rows: Any, Wh: Any, starts: Any, reverse: bool, rectify: bool, keep: Any) -> Any:
    N, H = len(rows), x.shape[1]
    T, B = len(starts) - 1, starts[1]
    h, state = np.empty((N, H), x.dtype), np.empty((B, H), x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        here = h[starts[t] : starts[t + 1]]
        first, m = previous_rows(starts, t, reverse)
        gather_inputs(x, rows, starts[t], here)
        add_recurrent_product(h, first, m, keep, Wh, state, here)
        for i in range(len(here)):
            o = here[i]
            if rectify:
                for j in range(H):
                    o[j] = max(o[j], np.float32(0))
            else:
                for j in range(H):
                    o[j] = tanh(o[j])
    return h


@jit
def _simple_backward(dh: Any, h: Any, WhT: Any, starts: Any, reverse: bool, rectify: bool, keep: Any) -> Any:
    N, H = h.shape
    T, B = len(starts) - 1, starts[1]
    dx, dstate = np.empty((N, H), h.dtype), np.zeros((B, H), h.dtype)
    one, zero = np.float32(1), np.float32(0)
    for k in range(T):
        t = k if reverse else T - 1 - k
        a, n = starts[t], starts[t + 1] - starts[t]
        for i in range(n):
            d, o, b, w = dstate[i], dx[a + i], dh[a + i], h[a + i]
            if rectify:
                for j in range(H):
                    o[j] = b[j] + d[j] if w[j] > 0 else zero
            else:
                for j in range(H):
                    o[j] = (b[j] + d[j]) * (one - w[j] * w[j])
        _, m = previous_rows(starts, t, reverse)
        recurrent_product_back(dx[a : a + n], m, keep, WhT, dstate)
    return dx


@jit
def _gru_step(g: Any, v: Any, bh: Any, before: Any, inner: Any, h: Any) -> None:
    """One row of a step: g (3H,) what enters becomes the gates, v (3H,) the product of the state before."""
    H = len(bh)
    reset, keep, fresh, came = g[:H], g[H : 2 * H], g[2 * H : 3 * H], v[2 * H : 3 * H]
    for j in range(2 * H):
        g[j] = sigmoid(g[j] + v[j])
    for j in range(H):
        inner[j] = came[j] + bh[j]
    for j in range(H):
        n = tanh(fresh[j] + reset[j] * inner[j])
        fresh[j] = n
        h[j] = n + keep[j] * (before[j] - n)


@jit
def _gru_forward(x: Any, rows: Any, Wh: Any, bh: Any, starts: Any, reverse: bool, keep: Any) -> Any:
    N, H = len(rows), len(bh)
    T, B = len(starts) - 1, starts[1]
    h, gates, inner = np.empty((N, H), x.dtype), np.empty((N, 3 * H), x.dtype), np.empty((N, H), x.dtype)
    u, state, none = np.empty((B, 3 * H), x.dtype), np.empty((B, H), x.dtype), np.zeros(H, x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = previous_rows(starts, t, reverse)
        gather_inputs(x, rows, a, gates[a : a + n])
        u[:n] = 0
        add_recurrent_product(h, first, m, keep, Wh, state, u)
        for i in range(n):
            before = h[first + i] if i < m else none
            _gru_step(gates[a + i], u[i], bh, before, inner[a + i], h[a + i])
    return h, gates, inner


@jit
def _gru_step_back(d: Any, g: Any, inner: Any, before: Any, kept: Any, u: Any) -> None:
    """Back through _gru_step: d (H,) of h; g becomes dx; kept (H,) what `before` gets; u (3H,) the product.

    Loops of few arrays each, as LLVM turns loops of many into single steps.
    """
    H, one = len(d), np.float32(1)
    reset, keep, fresh, new = g[:H], g[H : 2 * H], g[2 * H : 3 * H], u[2 * H : 3 * H]
    for j in range(H):
        new[j] = d[j] * (one - keep[j]) * (one - fresh[j] * fresh[j])
    for j in range(H):
        z = keep[j]
        kept[j] = d[j] * z
        keep[j] = d[j] * (before[j] - fresh[j]) * z * (one - z)
    for j in range(H):
        r, c = reset[j], new[j]
        fresh[j] = c
        reset[j] = c * inner[j] * r * (one - r)
        new[j] = c * r
    for j in range(2 * H):
        u[j] = g[j]


@jit
def _gru_backward(
    dh: Any, h: Any, gates: Any, inner: Any, WhT: Any, starts: Any, reverse: bool, keep: Any
) -> Any:
    """dx (N, 3H), and du (N, 3H), the gradient of the product with Wh."""
    N, H = h.shape
    T, B = len(starts) - 1, starts[1]
    du, dstate, none = np.empty((N, 3 * H), h.dtype), np.zeros((B, H), h.dtype), np.zeros(H, h.dtype)
    kept = np.empty((B, H), h.dtype)
    for k in range(T):
        t = k if reverse else T - 1 - k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = previous_rows(starts, t, reverse)
        for i in range(n):
            d, came = dstate[i], dh[a + i]
            for j in range(H):
                d[j] += came[j]
            before = h[first + i] if i < m else none
            _gru_step_back(d, gates[a + i], inner[a + i], before, kept[i], du[a + i])
        recurrent_product_back(du[a : a + n], m, keep, WhT, dstate)
        for i in range(m):
            d, w = dstate[i], kept[i]
            for j in range(H):
                d[j] += w[j]
    return gates, du


@jit
def _lstm_step(g: Any, c: Any, h: Any) -> None:
    """One row of a step: g (4H,), what enters and the product, becomes the gates; c (H,) is that before.

    One quotient serves i, f and g, another o and tanh(c). In two loops, as a processor looks only so far
    ahead for work that waits for nothing.
    """
    H, one = len(h), np.float32(1)
    write, keep, fresh, show = g[:H], g[H : 2 * H], g[2 * H : 3 * H], g[3 * H : 4 * H]
    for j in range(H):
        i, f = one + exp2(SIGMOID * write[j]), one + exp2(SIGMOID * keep[j])
        y = exp2(TANH * fresh[j])
        n = one + y
        q = one / (i * f * n)
        write[j], keep[j], fresh[j] = f * n * q, i * n * q, (one - y) * (i * f) * q
        c[j] = keep[j] * c[j] + write[j] * fresh[j]
    for j in range(H):
        o, y = one + exp2(SIGMOID * show[j]), exp2(TANH * c[j])
        n = one + y
        q = one / (o * n)
        show[j], h[j] = n * q, (one - y) * q


@jit
def _lstm_forward(x: Any, rows: Any, Wh: Any, starts: Any, reverse: bool, keep: Any) -> Any:
    N, H = len(rows), x.shape[1] // 4
    T, B = len(starts) - 1, starts[1]
    h, c, gates = np.empty((N, H), x.dtype), np.empty((N, H), x.dtype), np.empty((N, 4 * H), x.dtype)
    state, none = np.empty((B, H), x.dtype), np.zeros(H, x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = previous_rows(starts, t, reverse)
        gather_inputs(x, rows, a, gates[a : a + n])
        add_recurrent_product(h, first, m, keep, Wh, state, gates[a : a + n])
        for i in range(n):
            w, before = c[a + i], c[first + i] if i < m else none
            for j in range(H):
                w[j] = before[j]
            _lstm_step(gates[a + i], w, h[a + i])
    return h, c, gates


@jit
def _lstm_backward(dh: Any, c: Any, gates: Any, WhT: Any, starts: Any, reverse: bool, keep: Any) -> Any:
    """dx, in the place of the gates."""
    H = c.shape[1]
    T, B = len(starts) - 1, starts[1]
    dstate, dcell = np.zeros((B, H), dh.dtype), np.zeros((B, H), dh.dtype)
    none, one = np.zeros(H, dh.dtype), np.float32(1)
    for k in range(T):
        t = k if reverse else T - 1 - k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = previous_rows(starts, t, reverse)
        for i in range(n):
            b, d, e, w, o = dh[a + i], dstate[i], dcell[i], c[a + i], gates[a + i]
            before = c[first + i] if i < m else none
            write, keeps, fresh, show = o[:H], o[H : 2 * H], o[2 * H : 3 * H], o[3 * H : 4 * H]
            for j in range(H):
                i_, f, g, q, y, ds = write[j], keeps[j], fresh[j], show[j], tanh(w[j]), b[j] + d[j]
                dc = e[j] + ds * q * (one - y * y)
                e[j] = dc * f
                write[j] = dc * g * i_ * (one - i_)
                keeps[j] = dc * before[j] * f * (one - f)
                fresh[j] = dc * i_ * (one - g * g)
                show[j] = ds * y * q * (one - q)
        recurrent_product_back(gates[a : a + n], m, keep, WhT, dstate)
    return gates


@jit
def _gru_states(x: Any, rows: Any, Wh: Any, bh: Any, starts: Any, reverse: bool) -> Any:
    """_gru_forward without what only the way back needs."""
    N, H = len(rows), len(bh)
    T, B = len(starts) - 1, starts[1]
    h, u, none = np.empty((N, H), x.dtype), np.empty((B, 3 * H), x.dtype), np.empty((0, 0), x.dtype)
    g, inner, zeros = np.empty((B, 3 * H), x.dtype), np.empty(H, x.dtype), np.zeros(H, x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = previous_rows(starts, t, reverse)
        gather_inputs(x, rows, a, g[:n])
        u[:n] = 0
        add_recurrent_product(h, first, m, none, Wh, none, u)
        for i in range(n):
            _gru_step(g[i], u[i], bh, h[first + i] if i < m else zeros, inner, h[a + i])
    return h


@jit
def _lstm_states(x: Any, rows: Any, Wh: Any, starts: Any, reverse: bool) -> Any:
    """_lstm_forward without what only the way back needs."""
    N, H = len(rows), x.shape[1] // 4
    T, B = len(starts) - 1, starts[1]
    h, g, none = np.empty((N, H), x.dtype), np.empty((B, 4 * H), x.dtype), np.empty((0, 0), x.dtype)
    c = np.zeros((B, H), x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = previous_rows(starts, t, reverse)
        gather_inputs(x, rows, a, g[:n])
        add_recurrent_product(h, first, m, none, Wh, none, g)
        for i in range(n):
            _lstm_step(g[i], c[i], h[a + i])
    return h


def _simple(
    x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool, mask: Floats, rectify: bool
) -> tuple[Floats, Backprop]:
    """cells.elman, or cells.relu where `rectify`, by kernels."""
    Wh, starts = weights["Wh"], batch.starts
    h = _simple_forward(x, rows, packed(Wh), starts, reverse, rectify, mask)

    def backprop(dh: Floats) -> tuple[Floats, Params]:
        dx = _simple_backward(np.ascontiguousarray(dh), h, packed(Wh.T), starts, reverse, rectify, mask)
        return dx, {"Wh": state_gradient(h, dx, batch, reverse, mask)}

    return h, backprop


def _gru(
    x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool, mask: Floats
) -> tuple[Floats, Backprop]:
    """cells.gru, by kernels."""
    Wh, starts = weights["Wh"], batch.starts
    h, gates, inner = _gru_forward(x, rows, packed(Wh), weights["bh"], starts, reverse, mask)

    def backprop(dh: Floats) -> tuple[Floats, Params]:
        back = packed(Wh.T)
        dx, du = _gru_backward(np.ascontiguousarray(dh), h, gates, inner, back, starts, reverse, mask)
        return dx, {
            "Wh": state_gradient(h, du, batch, reverse, mask),
            "bh": dense.column_sums(du[:, 2 * h.shape[1] :]),
        }

    return h, backprop


def _lstm(
    x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool, mask: Floats
) -> tuple[Floats, Backprop]:
    """cells.lstm, by kernels."""
    Wh, starts = weights["Wh"], batch.starts
    h, c, gates = _lstm_forward(x, rows, packed(Wh), starts, reverse, mask)

    def backprop(dh: Floats) -> tuple[Floats, Params]:
        dx = _lstm_backward(np.ascontiguousarray(dh), c, gates, packed(Wh.T), starts, reverse, mask)
        return dx, {"Wh": state_gradient(h, dx, batch, reverse, mask)}

    return h, backprop


CELLS = {
    "elman": cell_of(partial(_simple, rectify=False)),
    "relu": cell_of(partial(_simple, rectify=True)),
    "gru": cell_of(_gru),
    "lstm": cell_of(_lstm),
}


def recurrent(params: Params, name: str) -> Params:
    """The recurrent weights of a cell as `states` wants them; packed here once for many batches."""
    weights = {"Wh": packed(params[f"{name}.Wh"])}
    if f"{name}.bh" in params:
        weights["bh"] = params[f"{name}.bh"]
    return weights


def states(cell: str, x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool) -> Floats:
    """h (N, H) of a cell on the rows x[rows], with no way back; weights as `recurrent` gives them."""
    Wh, starts = weights["Wh"], batch.starts
    if cell == "lstm":
        h: Floats = _lstm_states(x, rows, Wh, starts, reverse)
    elif cell == "gru":
        h = _gru_states(x, rows, Wh, weights["bh"], starts, reverse)
    else:
        h = _simple_forward(x, rows, Wh, starts, reverse, cell == "relu", NONE)
    return h
