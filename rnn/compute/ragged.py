"""Ragged arrays: rows of unequal length in one flat array; row i is `values[offsets[i]:offsets[i + 1]]`."""

import numpy as np
import numpy.typing as npt

from elman.rnn.compute.arrays import Int64


def offsets_of(lengths: npt.ArrayLike) -> Int64:
    """Ragged offsets (n + 1,) of rows of these lengths (n,)."""
    counts = np.asarray(lengths, np.int64)
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def rows_of(offsets: Int64) -> Int64:
    """Row of each value (N,), counted from 0."""
    rows: Int64 = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return rows


def positions_of(offsets: Int64) -> Int64:
    """Position of each value (N,) in its row, counted from 0."""
    positions: Int64 = np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
    return positions


def take(offsets: Int64, rows: npt.NDArray[np.integer]) -> tuple[Int64, Int64]:
    """Gather rows.

    Args:
        offsets: (n + 1,)
        rows: (K,) which rows, in any order, some perhaps several times.

    Returns:
        offsets (K + 1,) of the gathered rows, and the index of each of their values in the flat array.
    """
    starts = offsets[rows]
    lengths = offsets[np.asarray(rows) + 1] - starts
    taken = offsets_of(lengths)
    return taken, np.repeat(starts - taken[:-1], lengths) + np.arange(taken[-1])
