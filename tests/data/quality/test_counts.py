"""Counts are exact up to their limit, however they are added; beyond it the most frequent stay."""

import polars as pl

from elman.data.quality import counts
from elman.data.quality.counts import Counts

KEYS = pl.Schema([("word", pl.String())])


def test_counts_do_not_depend_on_how_rows_are_added(monkeypatch):
    monkeypatch.setattr(counts, "_PENDING", 3)
    words = [f"w{n % 7}" for n in range(50)]
    whole, parts = Counts(KEYS), Counts(KEYS)
    whole.add(pl.DataFrame({"word": words}))
    for at in range(0, 50, 4):
        parts.add(pl.DataFrame({"word": words[at : at + 4]}))
    assert whole.table().sort("word").equals(parts.table().sort("word"))
    assert whole.table()["count"].sum() == 50


def test_a_value_is_kept_with_each_key():
    some = Counts(KEYS, pl.Schema([("text", pl.String())]))
    some.add(
        pl.DataFrame({"word": ["a", "a", "b"], "text": ["first", "second", "third"], "count": [1, 2, 5]})
    )
    assert sorted(some.table().rows()) == [("a", "first", 3), ("b", "third", 5)]


def test_beyond_the_limit_the_rarest_are_dropped(monkeypatch):
    monkeypatch.setattr(counts, "MOST_KEYS", 10)
    some = Counts(KEYS)
    some.add(pl.DataFrame({"word": [f"w{n}" for n in range(20)] + ["w3"] * 5}))
    assert some.table().height == 5
    assert some.table()["word"][0] == "w3"
