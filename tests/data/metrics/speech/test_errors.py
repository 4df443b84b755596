"""Word and character error rates are those of jiwer; alignments have the fewest edits."""

import random

import pytest

from elman.data.metrics.speech import errors
from elman.data.metrics.speech.errors import (
    ErrorCounts,
    aligned,
    character_edits,
    confusions,
    kind_of,
    word_edits,
)

jiwer = pytest.importorskip("jiwer")
WORDS = ("one", "two", "three", "tree", "free")


def texts(seed):
    rng = random.Random(seed)
    said = [" ".join(rng.choices(WORDS, k=rng.randint(1, 9))) for _ in range(20)]
    heard = [" ".join(rng.choices(WORDS, k=rng.randint(0, 9))) for _ in said]
    return said, [text if rng.random() < 0.3 else other for text, other in zip(said, heard, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_rates_equal_those_of_jiwer(seed):
    said, heard = texts(seed)
    pairs = list(zip(said, heard, strict=True))
    words = sum((ErrorCounts.of(word_edits(*pair)) for pair in pairs), start=ErrorCounts())
    characters = sum((ErrorCounts.of(character_edits(*pair)) for pair in pairs), start=ErrorCounts())
    assert words.rate == pytest.approx(jiwer.wer(said, heard))
    assert characters.rate == pytest.approx(jiwer.cer(said, heard))
    assert words.said == sum(len(text.split()) for text in said)


def test_an_alignment_names_each_edit():
    assert word_edits("one two three", "one three free") == [
        ("one", "one"),
        ("two", "three"),
        ("three", "free"),
    ]
    assert aligned("ab", "b") == [("a", None), ("b", "b")]
    assert aligned("", "x") == [(None, "x")]
    counts = ErrorCounts.of(aligned("abc", "axcd"))
    assert counts == ErrorCounts(hits=2, substitutions=1, deletions=0, insertions=1)
    assert counts.rate == pytest.approx(2 / 3)


def test_nothing_said_is_no_error_unless_something_is_heard():
    assert ErrorCounts.of(word_edits("", "")).rate == 0
    assert ErrorCounts.of(word_edits("", "one")).rate == 1


def test_the_most_frequent_confusions_come_first():
    edits = [("a", "b"), ("c", "c"), ("b", None), ("a", "b"), (None, "x")]
    assert confusions(edits) == [(("a", "b"), 2), ((None, "x"), 1), (("b", None), 1)]
    assert confusions(edits, most=1) == [(("a", "b"), 2)]
    assert [kind_of(edit) for edit, _ in confusions(edits)] == ["substitution", "insertion", "deletion"]


@pytest.mark.parametrize("seed", range(40))
def test_an_alignment_is_the_same_whether_or_not_all_rows_are_kept(monkeypatch, seed):
    rng = random.Random(seed)
    said, heard = ("".join(rng.choices("abc", k=rng.randint(0, 30))) for _ in range(2))
    whole = aligned(said, heard)
    monkeypatch.setattr(errors, "_SMALL", 0)
    assert aligned(said, heard) == whole
    assert "".join(edit[0] or "" for edit in whole) == said
    assert "".join(edit[1] or "" for edit in whole) == heard
