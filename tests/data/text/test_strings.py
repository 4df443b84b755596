"""Substrings equal Python's slices, in any script."""

import numpy as np
import polars as pl
import pytest

from elman.data.text.strings import Strings, substrings


@pytest.mark.parametrize("text", ["plain words", "naïve café 東京 \U0001f600!", ""])
def test_substrings_equal_python_slices(text):
    pairs = [(a, b) for a in range(len(text) + 1) for b in range(a, len(text) + 1)]
    starts, ends = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    assert substrings(text, starts, ends).to_list() == [text[a:b] for a, b in pairs]


def test_no_positions_give_no_substrings():
    none = np.empty(0, np.int64)
    assert substrings("text", none, none).to_list() == []


def test_a_column_survives_the_round_trip():
    series = pl.Series(["", "naïve", "東京", "\U0001f600"])
    assert Strings.from_series(series).series().to_list() == series.to_list()
    assert Strings.from_series(series[1:3]).slice(1, 2).series().to_list() == ["東京"]
    assert Strings.from_series(pl.Series([], dtype=pl.String)).series().to_list() == []
