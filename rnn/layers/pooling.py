"""Pooling: one vector for each sequence of a packed batch, from the states of its steps.

last    the state after the last step that its direction runs: many to one as in the article
mean    the mean of the states of all steps
max     for each unit the largest of its states (Collobert et al., 2011, section 3.3.2)
"""

from collections.abc import Callable, Sequence

import numpy as np

from elman.rnn.compute.arrays import Floats
from elman.rnn.compute.batches import Batch
from elman.rnn.layers.recurrent import first_rows

POOLINGS = ("last", "mean", "max")
Pooled = tuple[Floats, Callable[[Floats], Floats]]


def pool(h: Floats, batch: Batch, pooling: str, directions: Sequence[str] = ("forward",)) -> Pooled:
    """Pool the states of each sequence.

    Args:
        h: (N, D*H), the states of each direction side by side.
        batch: B sequences, N rows.
        pooling: one of POOLINGS.
        directions: names of the D directions.

    Returns:
        y (B, D*H), row i of sequence i of the batch, and backprop: dy -> dh (N, D*H).
    """
    if pooling == "last":
        return _last(h, batch, directions)
    return _mean(h, batch) if pooling == "mean" else _max(h, batch)


def _last(h: Floats, batch: Batch, directions: Sequence[str]) -> Pooled:
    H = h.shape[1] // len(directions)
    parts = [
        (first_rows(batch, direction != "backward"), slice(d * H, (d + 1) * H))
        for d, direction in enumerate(directions)
    ]

    def backprop(dy: Floats) -> Floats:
        dh = np.zeros_like(h)
        for rows, units in parts:
            dh[rows, units] = dy[:, units]
        return dh

    return np.hstack([h[rows, units] for rows, units in parts]), backprop


def _mean(h: Floats, batch: Batch) -> Pooled:
    y = np.zeros((len(batch.sequences), h.shape[1]), h.dtype)
    for first, last in zip(batch.starts[:-1].tolist(), batch.starts[1:].tolist(), strict=True):
        y[: last - first] += h[first:last]
    share = (1 / np.bincount(batch.columns)).astype(h.dtype)[:, None]
    y *= share
    return y, lambda dy: np.take(dy * share, batch.columns, axis=0)


def _max(h: Floats, batch: Batch) -> Pooled:
    y = h[: len(batch.sequences)].copy()
    rows = np.repeat(np.arange(len(y))[:, None], h.shape[1], axis=1)  # whose state is the largest, (B, D*H)
    for first, last in zip(batch.starts[1:-1].tolist(), batch.starts[2:].tolist(), strict=True):
        count = last - first
        larger = h[first:last] > y[:count]
        y[:count][larger] = h[first:last][larger]
        rows[:count] = np.where(larger, np.arange(first, last)[:, None], rows[:count])

    def backprop(dy: Floats) -> Floats:
        dh = np.zeros_like(h)
        dh[rows, np.arange(h.shape[1])] = dy
        return dh

    return y, backprop
