"""Numba kernels that all recurrent cells share: one step's inputs and products, and the gradient of Wh."""

from collections.abc import Callable
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Params
from elman.rnn.compute.batches import Batch
from elman.rnn.compute.jit import jit
from elman.rnn.compute.matmul import empty_panels, put, times
from elman.rnn.layers.recurrent import Backprop, Cell


@jit
def previous_rows(starts: Any, t: int, reverse: bool) -> Any:
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
def gather_inputs(x: Any, rows: Any, a: int, out: Any) -> None:
    """out[i] = x[rows[a + i]]."""
    for i in range(len(out)):
        e, o = x[rows[a + i]], out[i]
        for j in range(len(o)):
            o[j] = e[j]


@jit
def add_recurrent_product(h: Any, first: int, n: int, keep: Any, Wh: Any, state: Any, out: Any) -> None:
    """out[:n] += (h[first:first + n] * keep) @ Wh; `keep` without rows drops nothing."""
    if len(keep):
        for i in range(n):
            for j in range(h.shape[1]):
                state[i, j] = h[first + i, j] * keep[i, j]
        times(state[:n], Wh, out[:n], True)
    else:
        times(h[first : first + n], Wh, out[:n], True)


@jit
def recurrent_product_back(dz: Any, n: int, keep: Any, WhT: Any, dstate: Any) -> None:
    """dstate[:n] = (dz[:n] @ Wh.T) * keep."""
    times(dz[:n], WhT, dstate[:n], False)
    if len(keep):
        for i in range(n):
            for j in range(dstate.shape[1]):
                dstate[i, j] *= keep[i, j]


NONE = np.empty((0, 0), np.float32)


CHUNK = 256  # pairs of rows whose products are added up in one go


@jit
def _pairs(h: Any, dz: Any, before: Any, member: Any, reverse: bool, keep: Any, came: Any, sum_: Any) -> None:
    """sum_ (H, .) += state times what came back, over all pairs of rows that hand a state on."""
    H, B = h.shape[1], len(h) - len(before)
    state = np.empty((CHUNK, H), h.dtype)
    for begin in range(0, len(before), CHUNK):
        n = min(CHUNK, len(before) - begin)
        for i in range(n):
            later = B + begin + i
            earlier = before[begin + i]
            w, o = h[later if reverse else earlier], state[i]
            for j in range(H):
                o[j] = w[j]
            if len(keep):
                factor = keep[member[later]]
                for j in range(H):
                    o[j] *= factor[j]
            put(dz[earlier if reverse else later], came, i)
        times(state[:n].T, came, sum_, True)


def state_gradient(h: Floats, dz: Floats, batch: Batch, reverse: bool, mask: Floats) -> Floats:
    """dWh: all states handed on, transposed, times what came back."""
    gradient = np.zeros((h.shape[1], dz.shape[1]), h.dtype)
    came = empty_panels(CHUNK, dz.shape[1])
    _pairs(h, dz, batch.before, batch.member, reverse, mask, came, gradient)
    return gradient


def cell_of(run: Callable[..., tuple[Floats, Backprop]]) -> Cell:
    """The cell on x, or on x[rows], with a mask that has no rows where nothing is dropped."""

    def cell(
        x: Floats,
        weights: Params,
        batch: Batch,
        *,
        reverse: bool = False,
        keep: Floats | None = None,
        rows: Int32 | None = None,
    ) -> tuple[Floats, Backprop]:
        every = np.arange(len(x), dtype=np.int32) if rows is None else rows
        return run(x, every, weights, batch, reverse, NONE if keep is None else keep)

    return cell
