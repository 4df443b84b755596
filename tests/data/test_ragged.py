"""Ragged arrays equal lists of lists."""

from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from elman.data import ragged

LISTS = st.lists(st.lists(st.integers(0, 99), max_size=5), max_size=6)


def flat(lists):
    return np.array([value for row in lists for value in row], np.int64), ragged.offsets_of(
        [len(r) for r in lists]
    )


def nested(values, offsets):
    return [values[a:b].tolist() for a, b in pairwise(offsets)]


@given(LISTS)
def test_values_and_offsets_give_the_lists_back(lists):
    assert nested(*flat(lists)) == lists
    values, offsets = ragged.of_lists(pl.Series(lists, dtype=pl.List(pl.Int64)))
    assert nested(values, offsets) == lists
    assert offsets.dtype == np.int64


@given(LISTS)
def test_rows_and_positions_name_every_value(lists):
    _, offsets = flat(lists)
    places = [(i, k) for i, row in enumerate(lists) for k in range(len(row))]
    assert list(zip(ragged.rows_of(offsets), ragged.positions_of(offsets), strict=True)) == places
    assert ragged.spread(np.arange(len(lists)), offsets).tolist() == [i for i, _ in places]


@given(LISTS, st.data())
def test_taking_rows_equals_indexing_the_lists(lists, data):
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=8)) if lists else []
    values, offsets = flat(lists)
    assert nested(*ragged.take(values, offsets, np.array(rows, np.int64))) == [lists[i] for i in rows]


@given(st.lists(LISTS, min_size=1, max_size=4))
def test_joined_offsets_are_those_of_the_joined_lists(several):
    joined = [row for lists in several for row in lists]
    assert ragged.join([flat(lists)[1] for lists in several]).tolist() == flat(joined)[1].tolist()
