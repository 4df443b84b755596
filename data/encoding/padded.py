"""Padded one-hot batches, time first: the textbook form, as reference for tests and for `elman show`.

Training and tagging never compute on padding: `rnn` reads ragged ids with their offsets. T time steps,
B sequences, V symbols.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from elman.data.encoding.vocabulary import PAD_ID

NO_TAG = -1


@dataclass(frozen=True)
class Batch:
    """Batch of sequences, padded to the longest.

    ids (T, B) int32, `<PAD>` beyond the end; lengths (B,) int64; mask (T, B) bool, True on real tokens;
    tags (T, B) int32, -1 beyond the end or without tags.
    """

    ids: np.ndarray
    lengths: np.ndarray
    mask: np.ndarray
    tags: np.ndarray


def pad_batch(
    ids: np.ndarray, offsets: np.ndarray, tags: np.ndarray | None, sequences: np.ndarray, pad: int = PAD_ID
) -> Batch:
    """Pad the chosen sequences to one batch.

    Args:
        ids: (N,) ids of all sequences.
        offsets: (n + 1,) ragged offsets of the sequences.
        tags: (N,) tag ids, or None.
        sequences: (B,) indices of the chosen sequences, in this order.
        pad: the id beyond the end of a sequence.
    """
    starts = np.asarray(offsets)[sequences]
    lengths = np.asarray(offsets)[np.asarray(sequences) + 1] - starts
    steps = np.arange(lengths.max(initial=0))[:, None]
    mask = steps < lengths
    at = (starts + steps)[mask]
    padded = np.full(mask.shape, pad, np.int32)
    padded[mask] = np.asarray(ids)[at]
    labels = np.full(mask.shape, NO_TAG, np.int32)
    if tags is not None:
        labels[mask] = np.asarray(tags)[at]
    return Batch(padded, lengths, mask, labels)


def pad_batches(
    ids: np.ndarray,
    offsets: np.ndarray,
    tags: np.ndarray | None,
    size: int,
    order: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Padded batches of `size` sequences, in `order` (0, 1, ... by default); the last may be smaller."""
    order = np.arange(len(offsets) - 1) if order is None else order
    for first in range(0, len(order), size):
        yield pad_batch(ids, offsets, tags, order[first : first + size])


def one_hot(ids: np.ndarray, size: int) -> np.ndarray:
    """One-hot view of a batch: (T, B) ids -> (T, B, V) float32; `one_hot(ids, V) @ W` is `W[ids]`."""
    view = np.zeros((*ids.shape, size), np.float32)
    np.put_along_axis(view, ids[..., None].astype(np.int64), 1, axis=-1)
    return view


def many_hot(ids: np.ndarray, rows: np.ndarray, offsets: np.ndarray, size: int) -> np.ndarray:
    """Multi-hot view of a batch of bags; its product with a table is the sum of the bags' rows.

    Args:
        ids: (T, B) bag ids, negative for padding, which gives an all-zero row.
        rows: (R,) rows of all bags.
        offsets: (M + 1,) ragged offsets of the bags.
        size: I, rows of the table.

    Returns:
        (T, B, I) float32, a 1 for each row of the bag.
    """
    view = np.zeros((ids.size, size), np.float32)
    flat = np.asarray(ids).ravel()
    real = np.flatnonzero(flat >= 0)
    lengths = np.diff(offsets)[flat[real]]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = np.repeat(np.asarray(offsets)[flat[real]], lengths) + within
    view[np.repeat(real, lengths), np.asarray(rows)[at]] = 1
    return view.reshape(*ids.shape, size)
