"""Numba kernels of the character encoder: its words as a packed batch, and the characters that occur."""

from typing import Any

import numpy as np

from elman.rnn.compute.batches_kernels import pack
from elman.rnn.compute.jit import jit


@jit
def pack_words(rows: Any, offsets: Any, symbols: Any) -> Any:
    """The characters of symbols (U,) that have some, packed; B of them.

    Returns:
        sequences, starts, places and tokens of a `Batch`, the number of each word (B,), and its last row.
    """
    U, B, E = len(symbols), 0, 0
    spelt, own = np.empty(U, np.int64), np.zeros(U + 1, np.int64)
    for u in range(U):
        size = offsets[symbols[u] + 1] - offsets[symbols[u]]
        if size:
            spelt[B] = u
            B += 1
            E += size
            own[B] = E
    letters = np.empty(E, rows.dtype)
    for b in range(B):
        first = offsets[symbols[spelt[b]]]
        for k in range(own[b + 1] - own[b]):
            letters[own[b] + k] = rows[first + k]
    order, starts, places, tokens = pack(own[: B + 1], letters, np.arange(B))
    words, last = np.empty(B, np.int64), np.empty(B, np.int64)
    for i in range(B):
        words[i] = spelt[order[i]]
        last[i] = starts[own[order[i] + 1] - own[order[i]] - 1] + i
    return order, starts, places, tokens, words, last


@jit
def distinct(values: Any) -> Any:
    """Distinct numbers in their order, and which of them each of the values (N,) is: as numpy.unique."""
    low, high = values[0], values[0]
    for i in range(len(values)):
        low, high = min(low, values[i]), max(high, values[i])
    number = np.full(high - low + 1, -1, np.int32)
    for i in range(len(values)):
        number[values[i] - low] = 0
    found, n = np.empty(len(number), values.dtype), 0
    for k in range(len(number)):
        if number[k] == 0:
            found[n], number[k] = low + k, n
            n += 1
    which = np.empty(len(values), np.int32)
    for i in range(len(values)):
        which[i] = number[values[i] - low]
    return found[:n].copy(), which
