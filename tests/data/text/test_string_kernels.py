"""Kernels over arrays of strings and ragged arrays equal plain Python."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import ragged
from elman.data.text import string_kernels as kernels

LISTS = st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=1, max_size=8)


def flat(lists):
    return np.array([v for row in lists for v in row], np.int32), ragged.offsets_of([len(r) for r in lists])


@settings(max_examples=100, deadline=None)
@given(LISTS)
def test_the_first_equal_sequence_is_that_of_index(lists):
    assert kernels.first_equal(*flat(lists)).tolist() == [lists.index(row) for row in lists]


@settings(max_examples=100, deadline=None)
@given(LISTS, st.data())
def test_gathered_bags_are_the_chosen_rows(lists, data):
    order = np.array(data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=6)), np.int32)
    rows, offsets = kernels.gather_bags(*flat(lists), order)
    expected = ragged.take(*flat(lists), order)
    assert (rows.tolist(), offsets.tolist()) == (expected[0].tolist(), expected[1].tolist())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=12))
def test_ids_are_renumbered_by_first_occurrence(ids):
    new, old = kernels.renumber(np.array(ids, np.int32), 6)
    assert old.tolist() == list(dict.fromkeys(ids))
    assert [old[number] for number in new] == ids


def test_byte_ranges_are_joined_in_their_order():
    data = np.frombuffer(b"abcdef", np.uint8)
    joined, offsets = kernels.join(data, np.array([4, 0, 2]), np.array([6, 1, 2]))
    assert (joined.tobytes(), offsets.tolist()) == (b"efa", [0, 2, 3, 3])
