"""Numba kernels of the input cache, rnn/inference/input_cache.py: M symbols, K rows."""

from typing import Any

import numpy as np

from elman.rnn.compute.jit import jit

MOST, NEEDED = 3, 64  # counts of a row; the second is added while it is looked up for a batch


@jit
def place(tokens: Any, keys: Any, row_of: Any, key_of: Any, count: Any, hand: int) -> Any:
    """Find the rows of a batch's symbols, and assign rows to those that have none.

    Args:
        tokens: (N,) symbols.
        keys: (M,) of all symbols.
        row_of: row of each key, -1 where it has none.
        key_of: (K,) key of each row, -1 where it has none.
        count: (K,) of each row.
        hand: row the clock hand points at.

    Returns:
        rows (N,), the symbols that are new among them and their rows, and the row the hand points at; no
        rows at all if there are more symbols than rows.
    """
    N, K, hits, misses = len(tokens), len(key_of), 0, 0
    rows, new, places = np.empty(N, np.int32), np.empty(N, np.int32), np.empty(N, np.int32)
    for i in range(N):
        row = row_of[keys[tokens[i]]]
        if row >= 0 and count[row] < NEEDED:
            count[row] = min(count[row] + 1, MOST) + NEEDED
            hits += 1
        rows[i] = row
    for i in range(N):
        if rows[i] >= 0:
            continue
        key = keys[tokens[i]]
        if row_of[key] < 0:
            if hits + misses == K:
                rows = rows[:0]
                break
            while count[hand]:
                if count[hand] < NEEDED:
                    count[hand] -= 1
                hand = (hand + 1) % K
            if key_of[hand] >= 0:
                row_of[key_of[hand]] = -1
            key_of[hand], row_of[key], count[hand] = key, hand, NEEDED
            new[misses], places[misses] = tokens[i], hand
            misses += 1
        rows[i] = row_of[key]
    for row in range(K):
        count[row] &= NEEDED - 1
    return rows, new[:misses], places[:misses], hand


@jit
def put(values: Any, places: Any, table: Any) -> None:
    """table[places] = values."""
    for i in range(len(places)):
        row, value = table[places[i]], values[i]
        for j in range(len(row)):  # an assignment of slices compiles the text of its error, for seconds
            row[j] = value[j]
