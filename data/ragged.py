"""Ragged arrays: the values of all rows concatenated, (N,), and offsets (n + 1,) int64.

Row i is `values[offsets[i]:offsets[i + 1]]`; `np.diff(offsets)` are the lengths.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

Offsets = npt.NDArray[np.int64]
Values = npt.NDArray[Any]
_Scalar = TypeVar("_Scalar", bound=np.generic)


def offsets_of(lengths: Sequence[int] | npt.NDArray[Any] | pl.Series) -> Offsets:
    """Offsets of rows of these lengths, (n + 1,)."""
    sizes = lengths.to_numpy() if isinstance(lengths, pl.Series) else np.asarray(lengths)
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def rows_of(offsets: Offsets) -> Offsets:
    """Row of each value, (N,)."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def positions_of(offsets: Offsets) -> Offsets:
    """Position of each value in its row, (N,), 0-based."""
    return np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))


def spread(per_row: npt.NDArray[_Scalar], offsets: Offsets) -> npt.NDArray[_Scalar]:
    """Repeat one entry per row, (n, ...), for each of its values, (N, ...)."""
    return np.repeat(per_row, np.diff(offsets), axis=0)


def places(offsets: Offsets, rows: npt.NDArray[Any]) -> tuple[Offsets, Offsets]:
    """Indices of the values of the chosen rows, in the order of `rows`, and the new offsets."""
    starts = offsets[:-1][rows]
    chosen = offsets_of(offsets[1:][rows] - starts)
    return positions_of(chosen) + spread(starts, chosen), chosen


def take(
    values: npt.NDArray[_Scalar], offsets: Offsets, rows: npt.NDArray[Any]
) -> tuple[npt.NDArray[_Scalar], Offsets]:
    """Values and offsets of the chosen rows, in the order of `rows`."""
    at, chosen = places(offsets, rows)
    return values[at], chosen


def join(offsets: Sequence[Offsets]) -> Offsets:
    """Offsets of several ragged arrays one after the other."""
    return offsets_of(np.concatenate([np.diff(one) for one in offsets]))


def of_lists(lists: pl.Series) -> tuple[Values, Offsets]:
    """Values and offsets of a List column without nulls."""
    return lists.list.explode(empty_as_null=False).to_numpy(), offsets_of(lists.list.len())
