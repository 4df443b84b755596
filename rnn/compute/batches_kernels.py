"""Numba kernels of rnn/compute/batches.py: a batch in one pass, as a small one costs NumPy's calls."""

from typing import Any

import numpy as np

from elman.rnn.compute.jit import jit


@jit
def pack(offsets: Any, tokens: Any, chosen: Any) -> Any:
    """Sequences, starts, places and tokens of a `Batch`, of the sequences `chosen` (B,)."""
    B, longest = len(chosen), 0
    for i in range(B):
        longest = max(longest, offsets[chosen[i] + 1] - offsets[chosen[i]])
    place = np.zeros(longest + 2, np.int64)  # of each length: how many are longer, then the next free place
    for i in range(B):
        place[longest - (offsets[chosen[i] + 1] - offsets[chosen[i]]) + 1] += 1
    for k in range(1, longest + 1):
        place[k] += place[k - 1]
    starts = np.zeros(longest + 1, np.int64)
    for t in range(longest):
        starts[t + 1] = starts[t] + place[longest - t]
    order, N = np.empty(B, np.int64), starts[longest]
    for i in range(B):
        k = longest - (offsets[chosen[i] + 1] - offsets[chosen[i]])
        order[place[k]] = chosen[i]
        place[k] += 1
    places, packed = np.empty(N, np.int64), np.empty(N, tokens.dtype)
    for i in range(B):
        first = offsets[order[i]]
        for t in range(offsets[order[i] + 1] - first):
            places[starts[t] + i] = first + t
            packed[starts[t] + i] = tokens[first + t]
    return order, starts, places, packed


@jit
def columns(starts: Any) -> Any:
    """The sequence of each row, (N,)."""
    of = np.empty(starts[-1], np.int64)
    for t in range(len(starts) - 1):
        for r in range(starts[t], starts[t + 1]):
            of[r] = r - starts[t]
    return of


@jit
def previous_rows(starts: Any) -> Any:
    """The row one step earlier, for each row after the first step, (N - B,)."""
    B = starts[1]
    rows = np.empty(starts[-1] - B, np.int64)
    for t in range(1, len(starts) - 1):
        for r in range(starts[t], starts[t + 1]):
            rows[r - B] = starts[t - 1] + r - starts[t]
    return rows
