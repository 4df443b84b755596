"""Ragged helpers agree with plain lists."""

from itertools import pairwise

import numpy as np
import pytest

from elman.rnn.compute.ragged import offsets_of, positions_of, rows_of, take

LISTS = [[[3, 4], [], [5], [6, 7, 8]], [[]], [], [[], [1]]]


def flat(lists):
    return np.array([value for row in lists for value in row], np.int64), offsets_of(
        [len(row) for row in lists]
    )


@pytest.mark.parametrize("lists", LISTS)
def test_rows_and_positions_of_values(lists):
    values, offsets = flat(lists)
    assert offsets.dtype == np.int64
    assert [values[a:b].tolist() for a, b in pairwise(offsets)] == lists
    assert rows_of(offsets).tolist() == [number for number, row in enumerate(lists) for _ in row]
    assert positions_of(offsets).tolist() == [position for row in lists for position in range(len(row))]


@pytest.mark.parametrize("rows", [[], [0], [3, 1, 3, 0], [2, 2]])
def test_gathered_rows_come_in_the_order_asked_for(rows):
    values, offsets = flat(LISTS[0])
    taken, index = take(offsets, np.array(rows, np.int32))
    gathered = values[index]
    assert [gathered[a:b].tolist() for a, b in pairwise(taken)] == [LISTS[0][row] for row in rows]
