"""The string table numbers distinct strings, and its size is fixed."""

import numpy as np

from elman.data.text.string_table import StringTable


def positions(text):
    codes = np.frombuffer(text.encode(), np.uint8)
    words = text.split(" ")
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    return codes, ends - [len(word) for word in words], ends


def number(table, text, marks=None):
    codes, starts, ends = positions(text)
    marks = np.zeros(len(starts), np.uint8) if marks is None else np.array(marks, np.uint8)
    ids, upto = table.number(codes, starts, ends, marks)
    return ids[:upto].tolist(), upto


def test_equal_strings_with_equal_marks_have_one_number():
    table = StringTable(10, 100, 20, np.uint8)
    assert number(table, "to be or not to be") == ([0, 1, 2, 3, 0, 1], 6)
    assert number(table, "be to", [1, 0]) == ([4, 0], 2)
    table.clear()
    assert number(table, "be to") == ([0, 1], 2)


def test_a_string_that_is_too_long_has_no_number():
    assert number(StringTable(10, 100, 3, np.uint8), "long a") == ([-1, 0], 2)


def test_a_full_table_stops_and_does_not_grow():
    table = StringTable(2, 100, 20, np.uint8)
    before = table.nbytes
    assert number(table, "a b a c d") == ([0, 1, 0], 3)
    assert (table.known, table.nbytes) == (2, before)
