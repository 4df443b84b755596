"""Substrings are those of Python, in any script."""

import numpy as np
import pytest

from data.strings import substrings


@pytest.mark.parametrize("text", ["plain words", "naïve café 東京 \U0001f600!", ""])
def test_each_is_the_slice_of_python(text):
    pairs = [(a, b) for a in range(len(text) + 1) for b in range(a, len(text) + 1)]
    starts, ends = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    assert substrings(text, starts, ends).to_list() == [text[a:b] for a, b in pairs]


def test_none_of_none():
    none = np.empty(0, np.int64)
    assert substrings("text", none, none).to_list() == []
