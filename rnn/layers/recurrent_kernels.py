"""Numba kernels that recurrent cells share: inputs and states of a step, and the gradient of Wh.

T time steps, B sequences, N rows, H hidden units; `starts` (T + 1,) as in rnn/compute/batches.py. float32
only; weights are packed, see rnn/compute/matmul.py.
"""

from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats
from elman.rnn.compute.batches import Batch
from elman.rnn.compute.jit import jit
from elman.rnn.compute.matmul import empty_panels, put, times


@jit
def previous_step(starts: Any, t: int, reverse: bool) -> Any:
    """First row, and number of rows, whose states step t takes: those of the step before it."""
    T = len(starts) - 1
    if reverse:
        if t + 1 < T:
            return starts[t + 1], starts[t + 2] - starts[t + 1]
        return 0, 0
    if t:
        return starts[t - 1], starts[t + 1] - starts[t]
    return 0, 0


@jit
def gather_inputs(x: Any, rows: Any, first: int, out: Any) -> None:
    """out[i] = x[rows[first + i]]."""
    for i in range(len(out)):
        e, o = x[rows[first + i]], out[i]
        for j in range(len(o)):
            o[j] = e[j]


def start_rows(h0: Floats | None, like: Floats) -> Floats:
    """States before the first step as kernels take them: h0 (B, H), or no rows where they are 0."""
    return np.empty((0, 1), like.dtype) if h0 is None else np.ascontiguousarray(h0)


@jit
def state_before(h: Any, before: int, m: int, start: Any, zero: Any, i: int) -> Any:
    """The state that row i of a step takes: of row `before` + i, before the first step of `start`, or 0."""
    if i < m:
        return h[before + i]
    if len(start):
        return start[i]
    return zero


CHUNK = 128  # pairs of rows whose products are summed in one go, in the second-level cache


@jit
def _outer_products(h: Any, dz: Any, previous: Any, reverse: bool) -> Any:
    """Sum (H, F*H) of h[from].T @ dz[to] over all pairs of rows of which one takes the state of the other."""
    H, B = h.shape[1], len(h) - len(previous)
    panel, dWh = empty_panels(CHUNK, dz.shape[1]), np.zeros((H, dz.shape[1]), h.dtype)
    lines = (H + 15) // 16 | 1  # an odd number of cache lines, so that a column's do not displace each other
    state = np.empty((CHUNK, 16 * lines), h.dtype)
    for begin in range(0, len(previous), CHUNK):
        n = min(CHUNK, len(previous) - begin)
        for i in range(n):
            later = B + begin + i
            earlier = previous[begin + i]
            w, o = h[later if reverse else earlier], state[i]
            for j in range(H):
                o[j] = w[j]
            put(dz[earlier if reverse else later], panel, i)
        times(state[:n, :H].T, panel, dWh, True)
    return dWh


def recurrent_gradient(h: Floats, dz: Floats, batch: Batch, reverse: bool) -> Floats:
    """Gradient of Wh (H, F*H): states h (N, H), transposed, times the gradients dz (N, F*H) one step on."""
    dWh: Floats = _outer_products(h, dz, batch.previous, reverse)
    return dWh
