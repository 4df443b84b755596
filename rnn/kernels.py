"""Numba kernels of the recurrent cells: what cells.py computes, a whole batch a call.

float32 only. Each kernel is compared with its reference by tests. Shapes and words as in the references.
"""

from typing import Any

import numpy as np

from rnn import layers
from rnn.arrays import Floats, Int32, Params
from rnn.batches import Batch
from rnn.cells import Backprop, Cell
from rnn.elementary import tanh
from rnn.jit import jit


@jit
def _there(starts: Any, t: int, reverse: bool) -> Any:
    """First row, and number of rows, that step t takes its states from."""
    T = len(starts) - 1
    if reverse:
        if t + 1 < T:
            return starts[t + 1], starts[t + 2] - starts[t + 1]
        return 0, 0
    if t:
        return starts[t - 1], starts[t + 1] - starts[t]
    return 0, 0


@jit
def _hand_on(h: Any, first: int, n: int, keep: Any, Wh: Any, state: Any, out: Any) -> None:
    """out[:n] = (h[first:first + n] * keep) @ Wh; `keep` without rows drops nothing."""
    if n:
        if len(keep):
            for i in range(n):
                for j in range(h.shape[1]):
                    state[i, j] = h[first + i, j] * keep[i, j]
            np.dot(state[:n], Wh, out[:n])
        else:
            np.dot(h[first : first + n], Wh, out[:n])


@jit
def _hand_back(dz: Any, n: int, first: int, keep: Any, WhT: Any, buffer: Any, dstate: Any) -> None:
    """dstate[first:first + n] += (dz[:n] @ Wh.T) * keep."""
    if n:
        np.dot(dz[:n], WhT, buffer[:n])
        for i in range(n):
            for j in range(dstate.shape[1]):
                if len(keep):
                    dstate[first + i, j] += buffer[i, j] * keep[i, j]
                else:
                    dstate[first + i, j] += buffer[i, j]


@jit
def _simple_forward(x: Any, Wh: Any, starts: Any, reverse: bool, rectify: bool, keep: Any) -> Any:
    N, H = x.shape
    T, B = len(starts) - 1, starts[1]
    h, u, state = np.empty((N, H), x.dtype), np.empty((B, H), x.dtype), np.empty((B, H), x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = _there(starts, t, reverse)
        _hand_on(h, first, m, keep, Wh, state, u)
        u[m:n] = 0
        if rectify:
            for i in range(n):
                for j in range(H):
                    h[a + i, j] = max(x[a + i, j] + u[i, j], np.float32(0))
        else:
            for i in range(n):
                for j in range(H):
                    h[a + i, j] = tanh(x[a + i, j] + u[i, j])
    return h


@jit
def _simple_backward(dx: Any, h: Any, WhT: Any, starts: Any, reverse: bool, rectify: bool, keep: Any) -> None:
    """Turn dh, in place, into dx."""
    H = dx.shape[1]
    T, B = len(starts) - 1, starts[1]
    buffer = np.empty((B, H), dx.dtype)
    for k in range(T):
        t = k if reverse else T - 1 - k
        a, n = starts[t], starts[t + 1] - starts[t]
        if rectify:
            for i in range(a, a + n):
                for j in range(H):
                    dx[i, j] = dx[i, j] if h[i, j] > 0 else np.float32(0)
        else:
            for i in range(a, a + n):
                for j in range(H):
                    dx[i, j] *= np.float32(1) - h[i, j] * h[i, j]
        first, m = _there(starts, t, reverse)
        _hand_back(dx[a : a + n], m, first, keep, WhT, buffer, dx)


@jit
def _gru_forward(x: Any, Wh: Any, bh: Any, starts: Any, reverse: bool, keep: Any) -> Any:
    N, H = x.shape[0], len(bh)
    T, B = len(starts) - 1, starts[1]
    h, gates, inner = np.empty((N, H), x.dtype), np.empty_like(x), np.empty((N, H), x.dtype)
    u, state, none = np.empty((B, 3 * H), x.dtype), np.empty((B, H), x.dtype), np.zeros(H, x.dtype)
    half = np.float32(0.5)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = _there(starts, t, reverse)
        _hand_on(h, first, m, keep, Wh, state, u)
        u[m:n] = 0
        for i in range(n):
            g, e, v, before = gates[a + i], x[a + i], u[i], h[first + i] if i < m else none
            for j in range(H):
                g[j] = tanh((e[j] + v[j]) * half) * half + half
                g[H + j] = tanh((e[H + j] + v[H + j]) * half) * half + half
                inner[a + i, j] = v[2 * H + j] + bh[j]
            for j in range(H):
                g[2 * H + j] = tanh(e[2 * H + j] + g[j] * inner[a + i, j])
                h[a + i, j] = g[2 * H + j] + g[H + j] * (before[j] - g[2 * H + j])
    return h, gates, inner


@jit
def _gru_backward(
    dh: Any, h: Any, gates: Any, inner: Any, WhT: Any, starts: Any, reverse: bool, keep: Any
) -> Any:
    H = h.shape[1]
    T, B = len(starts) - 1, starts[1]
    dstate, dx, du = dh.copy(), np.empty_like(gates), np.empty_like(gates)
    buffer = np.empty((B, H), dh.dtype)
    one = np.float32(1)
    w = np.zeros(H, dh.dtype)
    for k in range(T):
        t = k if reverse else T - 1 - k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = _there(starts, t, reverse)
        for i in range(n):
            g, d, o, p = gates[a + i], dstate[a + i], dx[a + i], du[a + i]
            if i < m:
                for j in range(H):
                    w[j] = h[first + i, j]
            else:
                w[:] = 0
            for j in range(H):
                r, z, c = g[j], g[H + j], g[2 * H + j]
                dc = d[j] * (one - z) * (one - c * c)
                dr = dc * inner[a + i, j] * r * (one - r)
                dz = d[j] * (w[j] - c) * z * (one - z)
                o[j] = dr
                p[j] = dr
                o[H + j] = dz
                p[H + j] = dz
                o[2 * H + j] = dc
                p[2 * H + j] = dc * r
        _hand_back(du[a : a + n], m, first, keep, WhT, buffer, dstate)
        for i in range(m):
            for j in range(H):
                dstate[first + i, j] += dstate[a + i, j] * gates[a + i, H + j]
    return dx, du


@jit
def _lstm_forward(x: Any, Wh: Any, starts: Any, reverse: bool, keep: Any) -> Any:
    N, H = x.shape[0], Wh.shape[0]
    T, B = len(starts) - 1, starts[1]
    h, c, s = np.empty((N, H), x.dtype), np.empty((N, H), x.dtype), np.empty((N, H), x.dtype)
    gates = np.empty_like(x)
    u, state, none = np.empty((B, 4 * H), x.dtype), np.empty((B, H), x.dtype), np.zeros(H, x.dtype)
    half = np.float32(0.5)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = _there(starts, t, reverse)
        _hand_on(h, first, m, keep, Wh, state, u)
        u[m:n] = 0
        for i in range(n):
            g, e, v, before = gates[a + i], x[a + i], u[i], c[first + i] if i < m else none
            for j in range(H):
                g[j] = tanh((e[j] + v[j]) * half) * half + half
                g[H + j] = tanh((e[H + j] + v[H + j]) * half) * half + half
                g[2 * H + j] = tanh(e[2 * H + j] + v[2 * H + j])
                g[3 * H + j] = tanh((e[3 * H + j] + v[3 * H + j]) * half) * half + half
            for j in range(H):
                c[a + i, j] = g[H + j] * before[j] + g[j] * g[2 * H + j]
                s[a + i, j] = tanh(c[a + i, j])
                h[a + i, j] = g[3 * H + j] * s[a + i, j]
    return h, c, s, gates


@jit
def _lstm_backward(
    dh: Any, c: Any, s: Any, gates: Any, WhT: Any, starts: Any, reverse: bool, keep: Any
) -> Any:
    N, H = c.shape
    T, B = len(starts) - 1, starts[1]
    dstate, dcell, dx = dh.copy(), np.zeros((N, H), dh.dtype), np.empty_like(gates)
    buffer = np.empty((B, H), dh.dtype)
    one = np.float32(1)
    for k in range(T):
        t = k if reverse else T - 1 - k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = _there(starts, t, reverse)
        for i in range(n):
            q, d, y, o = gates[a + i], dstate[a + i], s[a + i], dx[a + i]
            for j in range(H):
                dc = dcell[a + i, j] + d[j] * q[3 * H + j] * (one - y[j] * y[j])
                dcell[a + i, j] = dc
                o[j] = dc * q[2 * H + j] * q[j] * (one - q[j])
                o[2 * H + j] = dc * q[j] * (one - q[2 * H + j] * q[2 * H + j])
                o[3 * H + j] = d[j] * y[j] * q[3 * H + j] * (one - q[3 * H + j])
            if i < m:
                for j in range(H):
                    f = q[H + j]
                    o[H + j] = dcell[a + i, j] * c[first + i, j] * f * (one - f)
                    dcell[first + i, j] += dcell[a + i, j] * f
            else:
                o[H : 2 * H] = 0
        _hand_back(dx[a : a + n], m, first, keep, WhT, buffer, dstate)
    return dx


@jit
def _simple_states(x: Any, which: Any, Wh: Any, starts: Any, reverse: bool, rectify: bool) -> Any:
    """_simple_forward on rows x[which]."""
    N, H = len(which), x.shape[1]
    T, B = len(starts) - 1, starts[1]
    h, u, none = np.empty((N, H), x.dtype), np.empty((B, H), x.dtype), np.empty((0, 0), x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = _there(starts, t, reverse)
        _hand_on(h, first, m, none, Wh, u, u)
        u[m:n] = 0
        for i in range(n):
            e, v, o = x[which[a + i]], u[i], h[a + i]
            if rectify:
                for j in range(H):
                    o[j] = max(e[j] + v[j], np.float32(0))
            else:
                for j in range(H):
                    o[j] = tanh(e[j] + v[j])
    return h


@jit
def _gru_states(x: Any, which: Any, Wh: Any, bh: Any, starts: Any, reverse: bool) -> Any:
    """_gru_forward on rows x[which], without what only the way back needs."""
    N, H = len(which), len(bh)
    T, B = len(starts) - 1, starts[1]
    h, u, none = np.empty((N, H), x.dtype), np.empty((B, 3 * H), x.dtype), np.empty((0, 0), x.dtype)
    half, zeros = np.float32(0.5), np.zeros(H, x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = _there(starts, t, reverse)
        _hand_on(h, first, m, none, Wh, u, u)
        u[m:n] = 0
        for i in range(n):
            e, v, o, before = x[which[a + i]], u[i], h[a + i], h[first + i] if i < m else zeros
            for j in range(H):
                reset = tanh((e[j] + v[j]) * half) * half + half
                keep = tanh((e[H + j] + v[H + j]) * half) * half + half
                fresh = tanh(e[2 * H + j] + reset * (v[2 * H + j] + bh[j]))
                o[j] = fresh + keep * (before[j] - fresh)
    return h


@jit
def _lstm_states(x: Any, which: Any, Wh: Any, starts: Any, reverse: bool) -> Any:
    """_lstm_forward on rows x[which], without what only the way back needs."""
    N, H = len(which), Wh.shape[0]
    T, B = len(starts) - 1, starts[1]
    h, u, none = np.empty((N, H), x.dtype), np.empty((B, 4 * H), x.dtype), np.empty((0, 0), x.dtype)
    c = np.zeros((B, H), x.dtype)
    half = np.float32(0.5)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        first, m = _there(starts, t, reverse)
        _hand_on(h, first, m, none, Wh, u, u)
        u[m:n] = 0
        for i in range(n):
            e, v, o, s = x[which[a + i]], u[i], h[a + i], c[i]
            for j in range(H):
                keep = tanh((e[H + j] + v[H + j]) * half) * half + half
                write = tanh((e[j] + v[j]) * half) * half + half
                show = tanh((e[3 * H + j] + v[3 * H + j]) * half) * half + half
                s[j] = keep * s[j] + write * tanh(e[2 * H + j] + v[2 * H + j])
                o[j] = show * tanh(s[j])
    return h


_NONE = np.empty((0, 0), np.float32)


@jit
def _states_before(h: Any, starts: Any, reverse: bool, keep: Any) -> Any:
    """For each row after the first step, the state that crosses to or from the step before it."""
    H, B = h.shape[1], starts[1]
    states = np.empty((len(h) - B, H), h.dtype)
    for t in range(1, len(starts) - 1):
        a, n, first = starts[t], starts[t + 1] - starts[t], starts[t - 1]
        source = a if reverse else first
        for i in range(n):
            for j in range(H):
                states[a - B + i, j] = h[source + i, j]
            if len(keep):
                for j in range(H):
                    states[a - B + i, j] *= keep[i, j]
    return states


@jit
def _rows_before(dz: Any, starts: Any) -> Any:
    """For each row after the first step, the row of dz one step earlier."""
    H, B = dz.shape[1], starts[1]
    rows = np.empty((len(dz) - B, H), dz.dtype)
    for t in range(1, len(starts) - 1):
        a, n, first = starts[t], starts[t + 1] - starts[t], starts[t - 1]
        for i in range(n):
            for j in range(H):
                rows[a - B + i, j] = dz[first + i, j]
    return rows


def _state_gradient(h: Floats, dz: Floats, batch: Batch, reverse: bool, mask: Floats) -> Floats:
    """dWh: all states handed on, transposed, times what came back."""
    state = _states_before(h, batch.starts, reverse, mask)
    came = _rows_before(dz, batch.starts) if reverse else dz[int(batch.starts[1]) :]
    gradient: Floats = state.T @ came
    return gradient


def _simple(rectify: bool) -> Cell:
    def cell(
        x: Floats, weights: Params, batch: Batch, *, reverse: bool = False, keep: Floats | None = None
    ) -> tuple[Floats, Backprop]:
        Wh, mask = weights["Wh"], _NONE if keep is None else keep
        h = _simple_forward(x, Wh, batch.starts, reverse, rectify, mask)

        def backprop(dh: Floats) -> tuple[Floats, Params]:
            dx = dh.copy(order="C")
            _simple_backward(dx, h, np.ascontiguousarray(Wh.T), batch.starts, reverse, rectify, mask)
            return dx, {"Wh": _state_gradient(h, dx, batch, reverse, mask)}

        return h, backprop

    return cell


def gru(
    x: Floats, weights: Params, batch: Batch, *, reverse: bool = False, keep: Floats | None = None
) -> tuple[Floats, Backprop]:
    """cells.gru, by kernels."""
    Wh, mask = weights["Wh"], _NONE if keep is None else keep
    h, gates, inner = _gru_forward(x, Wh, weights["bh"], batch.starts, reverse, mask)

    def backprop(dh: Floats) -> tuple[Floats, Params]:
        back = np.ascontiguousarray(Wh.T)
        dx, du = _gru_backward(np.ascontiguousarray(dh), h, gates, inner, back, batch.starts, reverse, mask)
        return dx, {
            "Wh": _state_gradient(h, du, batch, reverse, mask),
            "bh": (layers.column_sums(du)[2 * h.shape[1] :]),
        }

    return h, backprop


def lstm(
    x: Floats, weights: Params, batch: Batch, *, reverse: bool = False, keep: Floats | None = None
) -> tuple[Floats, Backprop]:
    """cells.lstm, by kernels."""
    Wh, mask = weights["Wh"], _NONE if keep is None else keep
    h, c, s, gates = _lstm_forward(x, Wh, batch.starts, reverse, mask)

    def backprop(dh: Floats) -> tuple[Floats, Params]:
        back = np.ascontiguousarray(Wh.T)
        dx = _lstm_backward(np.ascontiguousarray(dh), c, s, gates, back, batch.starts, reverse, mask)
        return dx, {"Wh": _state_gradient(h, dx, batch, reverse, mask)}

    return h, backprop


CELLS: dict[str, Cell] = {"elman": _simple(False), "relu": _simple(True), "gru": gru, "lstm": lstm}


def states(cell: str, x: Floats, which: Int32, weights: Params, batch: Batch, reverse: bool) -> Floats:
    """h (N, H) of a cell on the rows x[which], with no way back."""
    Wh, starts = weights["Wh"], batch.starts
    if cell == "lstm":
        h: Floats = _lstm_states(x, which, Wh, starts, reverse)
    elif cell == "gru":
        h = _gru_states(x, which, Wh, weights["bh"], starts, reverse)
    else:
        h = _simple_states(x, which, Wh, starts, reverse, cell == "relu")
    return h
