"""Which words are pooled, and which stand explained in brackets."""

import numpy as np
import polars as pl
import pytest

from elman.data.text import pooled_words
from elman.data.text.strings import Strings


def marks(*words):
    return pooled_words.marks(Strings.from_series(pl.Series(words, dtype=pl.String))).tolist()


@pytest.mark.parametrize(
    ("word", "pooled"),
    [
        *[(word, True) for word in ("Anne", "HD", "p53", "tumour", "Ö", "北京", "of-the", "т")],
        *[(word, False) for word in ("of", "the", ".", "-", "—", "“", "、", "，", "1985", "", "«")],
    ],
)
def test_a_word_is_pooled_that_has_a_letter_and_is_long_or_not_in_lower_case(word, pooled):
    assert marks(word) == [pooled_words.POOLED if pooled else 0]


def test_brackets_are_marked():
    assert marks("(", "[", "（") == [pooled_words.OPENS] * 3
    assert marks(")", "]", "）") == [pooled_words.CLOSES] * 3


def test_a_word_alone_in_brackets_behind_a_word_is_explained():
    words = [
        "Huntington",
        "disease",
        "(",
        "HD",
        ")",
        ",",
        "(",
        "see",
        "below",
        ")",
        ".",
        "(",
        "HD",
        ")",
        "disease",
        "(",
        "HD",
    ]
    mark = np.array(marks(*words), np.uint8)
    explained = pooled_words.explained(mark, np.array([0, 11, len(words)]))
    assert np.flatnonzero(explained).tolist() == [3]


def test_a_bracket_of_another_sentence_explains_nothing():
    mark = np.array(marks("disease", "(", "HD", ")"), np.uint8)
    assert not pooled_words.explained(mark, np.array([0, 3, 4])).any()
    assert not pooled_words.explained(mark, np.array([0, 1, 4])).any()
    assert pooled_words.explained(mark, np.array([0, 0, 4]))[2]
    assert not pooled_words.explained(mark[:0], np.array([0])).any()
