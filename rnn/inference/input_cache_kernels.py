"""Numba kernels of the table of rows, rnn/inference/input_cache.py: M symbols, K rows."""

from typing import Any

import numpy as np

from elman.rnn.compute.jit import jit

MOST, NEEDED = 3, 64  # counts of a row; the second is added while it is looked up for a batch


@jit
def place(tokens: Any, names: Any, row_of: Any, name_of: Any, count: Any, hand: int) -> Any:
    """Find the rows of a batch's symbols, and give rows to those that have none.

    Args:
        tokens: (N,) symbols.
        names: (M,) of all symbols.
        row_of: row of each name, -1 where it has none.
        name_of: (K,) name of each row, -1 where it has none.
        count: (K,) of each row.
        hand: where it stands.

    Returns:
        rows (N,), the symbols that are new among them and their rows, and where the hand stands; no rows at
        all if there are more symbols than rows.
    """
    N, K, found, fresh = len(tokens), len(name_of), 0, 0
    rows, new, places = np.empty(N, np.int32), np.empty(N, np.int32), np.empty(N, np.int32)
    for i in range(N):
        row = row_of[names[tokens[i]]]
        if row >= 0 and count[row] < NEEDED:
            count[row] = min(count[row] + 1, MOST) + NEEDED
            found += 1
        rows[i] = row
    for i in range(N):
        if rows[i] >= 0:
            continue
        name = names[tokens[i]]
        if row_of[name] < 0:
            if found + fresh == K:
                rows = rows[:0]
                break
            while count[hand]:
                if count[hand] < NEEDED:
                    count[hand] -= 1
                hand = (hand + 1) % K
            if name_of[hand] >= 0:
                row_of[name_of[hand]] = -1
            name_of[hand], row_of[name], count[hand] = name, hand, NEEDED
            new[fresh], places[fresh] = tokens[i], hand
            fresh += 1
        rows[i] = row_of[name]
    for row in range(K):
        count[row] &= NEEDED - 1
    return rows, new[:fresh], places[:fresh], hand


@jit
def put(values: Any, places: Any, table: Any) -> None:
    """table[places] = values."""
    for i in range(len(places)):
        table[places[i]] = values[i]
