"""The word cache gives the bags of the features, for any earlier requests."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.encoding.features import Features, FeatureTemplate, bag_ids, contexts, distinct
from elman.data.encoding.word_cache import WordCache, equal_sentences
from elman.data.text.strings import Strings

BLOCKS = tuple(FeatureTemplate(name=name) for name in ("word", "shape", "suffix2"))
NEAR = (*BLOCKS, FeatureTemplate(name="at-1"))
TRAINING = pl.Series(["Ann", "saw", "Bob", "at", "noon", "\u5b89", "e\u0301te\u0301", "3,000"])
LINES = st.lists(st.sampled_from([*TRAINING, "Zoe", "was", "\U0001f600"]) | st.text(min_size=1), max_size=12)


def fitted(blocks):
    keys = distinct(contexts(TRAINING, np.array([0, len(TRAINING)]), 1))
    return Features.fit(keys, blocks)


def bag_lists(numbers, bags):
    return [bags.rows[bags.offsets[n] : bags.offsets[n + 1]].tolist() for n in numbers]


CASES = [(WordCache(fitted(blocks), size), fitted(blocks)) for blocks in (BLOCKS, NEAR) for size in (6, 1000)]


@settings(max_examples=150, deadline=None)
@given(LINES, st.integers(0, 3))
def test_bags_are_those_of_the_features(line, which):
    words, features = CASES[which]
    series = pl.Series(line, dtype=pl.String)
    offsets = np.array([0, len(line) // 2, len(line)])
    frame = contexts(series, offsets, features.reach)
    keys = distinct(frame)
    expected = bag_lists(bag_ids(frame, keys), features.bags(keys, stand_ins=False))
    numbers, bags, _ = words.bags(Strings.from_series(series), offsets)
    assert bag_lists(numbers, bags) == expected


def test_ids_do_not_depend_on_earlier_requests():
    words = WordCache(fitted(BLOCKS))
    some = Strings.from_series(pl.Series(["Bob", "saw", "Bob"]))
    first = words.bags(some, np.array([0, 3]))[0].tolist()
    words.bags(Strings.from_series(pl.Series(["Zoe", "at", "saw"])), np.array([0, 3]))
    assert words.bags(some, np.array([0, 3]))[0].tolist() == first == [0, 1, 0]


@pytest.mark.parametrize("letters", [1, 2000])
def test_the_cache_has_a_fixed_size_and_larger_requests_bypass_it(letters):
    words = WordCache(fitted(BLOCKS), size=50)
    words.bags(Strings.from_series(TRAINING), np.array([0, len(TRAINING)]))
    before = words._local.table.strings.nbytes
    series = pl.Series([f"{'w' * letters}{n}" for n in range(500)])
    numbers, bags, _ = words.bags(Strings.from_series(series), np.array([0, 500]))
    assert len(np.unique(numbers)) == bags.contexts == 500
    assert words._local.table.strings.nbytes == before


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=3), max_size=30))
def test_a_sentence_equals_its_first_occurrence(sentences):
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in sentences])]).astype(np.int64)
    numbers = np.array([n for s in sentences for n in s], np.int32)
    chosen, which = equal_sentences(numbers, offsets)
    assert [sentences[i] for i in chosen[which]] == sentences
    assert len({tuple(s) for s in sentences}) == len(chosen)
