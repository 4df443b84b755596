"""Vocabularies count training symbols and do not depend on their order."""

import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.encoding.vocabulary import PAD, PAD_ID, UNK, UNK_ID, Vocabulary


def counted(text: str) -> pl.DataFrame:
    return pl.DataFrame({"symbol": text.split(), "count": 1}, schema={"symbol": pl.String, "count": pl.Int64})


def test_ids_go_by_count_and_ties_by_code_point():
    vocabulary = Vocabulary.fit(counted("b é a b 中 Z 𝒳 a b ,"))
    assert vocabulary.decode(range(len(vocabulary))) == [PAD, UNK, "b", "a", ",", "Z", "é", "中", "𝒳"]
    assert vocabulary.counts == (3, 2, 1, 1, 1, 1, 1)


def test_minimum_count_and_maximum_size_include_the_specials():
    counts = counted("a a a b b c")
    assert Vocabulary.fit(counts, min_count=2).symbols == ("a", "b")
    assert len(Vocabulary.fit(counts, max_size=3)) == 3
    assert Vocabulary.fit(counts, max_size=2).symbols == ()
    assert Vocabulary.fit(counts, max_size=1).symbols == ()


def test_unknown_symbols_are_unk_and_no_symbol_stays_none():
    vocabulary = Vocabulary.fit(counted("a b a"))
    assert vocabulary.encode(pl.Series(["b", "x", None, "a"])).to_list() == [3, UNK_ID, None, 2]


def test_a_text_that_spells_the_specials_does_not_get_their_ids():
    vocabulary = Vocabulary.fit(counted(f"{PAD} {PAD} {UNK}"))
    assert vocabulary.encode(pl.Series([PAD, UNK])).to_list() == [2, 3]
    assert PAD_ID not in Vocabulary.fit(counted("a")).encode(pl.Series([PAD, UNK])).to_list()


def test_counts_of_ids_are_those_of_training():
    vocabulary = Vocabulary.fit(counted("a b a"))
    assert vocabulary.count_of(pl.Series([0, 1, 2, 3])).to_list() == [0, 0, 2, 1]


@given(st.lists(st.text(min_size=1, max_size=3), max_size=30), st.randoms())
@settings(max_examples=60, deadline=None)
def test_ids_do_not_depend_on_the_order_of_rows_or_on_partial_counts(words, random):
    frame = pl.DataFrame({"symbol": words, "count": [1] * len(words)}, schema=counted("").schema)
    summed = frame.group_by("symbol").agg(pl.col("count").sum())
    shuffled = list(words)
    random.shuffle(shuffled)
    again = Vocabulary.fit(frame.with_columns(symbol=pl.Series(shuffled, dtype=pl.String)))
    assert Vocabulary.fit(frame) == Vocabulary.fit(summed) == again
    assert Vocabulary.fit(frame).sha256 == again.sha256


def test_json_gives_the_same_vocabulary_back():
    vocabulary = Vocabulary.fit(counted('a "b" é a \\'))
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again == vocabulary
    assert again.sha256 == vocabulary.sha256
    assert Vocabulary.fit(counted("a a b")).sha256 != Vocabulary.fit(counted("a b b")).sha256


def test_symbols_of_unlabelled_text_come_last_with_a_count_of_zero():
    counts = pl.DataFrame({"symbol": ["a", "b"], "count": [2, 5]})
    more = pl.DataFrame({"symbol": ["z", "a", "y"], "count": [3, 9, 4]})
    vocabulary = Vocabulary.fit(counts, more=more)
    assert (vocabulary.symbols, vocabulary.counts) == (("b", "a", "y", "z"), (5, 2, 0, 0))
