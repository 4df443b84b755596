"""Flags: yes/no features of a place in a text, which are no part of the symbol's bag.

A bag depends on the symbol alone, so that what is computed from it can be cached; flags say what the rest of
a document tells of the symbol. They are the bits of one number, and each that is set adds its row of a table
to the embedding.
"""

from collections.abc import Callable

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32

MOST = 30  # flags


def bits(flags: Int32, count: int, dtype: np.dtype) -> Floats:
    """Flags one by one, (N, R): 1 where it is set, from numbers (N,)."""
    one_by_one: Floats = (flags[:, None] >> np.arange(count) & 1).astype(dtype)
    return one_by_one


def added(x: Floats, table: Floats, flags: Int32) -> tuple[Floats, Callable[[Floats], Floats]]:
    """x (N, E) with the rows of its flags added.

    Args:
        x: (N, E)
        table: (R, E)
        flags: (N,)

    Returns:
        y (N, E), and backprop: dy -> gradient of the table; that of x is dy.
    """
    present = bits(flags, len(table), table.dtype)

    def backprop(dy: Floats) -> Floats:
        gradient: Floats = present.T @ dy
        return gradient

    return x + present @ table, backprop
