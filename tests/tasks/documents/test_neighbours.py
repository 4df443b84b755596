"""Neighbours belong together where a word has one label in a window and another elsewhere."""

import numpy as np
import polars as pl
import pytest

from elman.tasks.documents.neighbours import belong_together, disagreement, marks_documents


def labels(shuffled, seed=0):
    """100 windows of 5 sentences of 4 words, each a name in some windows; or the sentences shuffled."""
    rng = np.random.default_rng(seed)
    word = rng.integers(0, 8, (100, 5, 4))
    kind = np.where(rng.random((100, 8)) < 0.5, 0, -1)[np.arange(100)[:, None, None], word]
    word, kind = word.reshape(500, 4), kind.reshape(500, 4)
    order = rng.permutation(500) if shuffled else np.arange(500)
    sentence = np.repeat(np.arange(500), 4)
    return word[order].ravel(), kind[order].ravel(), sentence, sentence // 5


@pytest.mark.parametrize("seed", range(3))
def test_windows_of_one_text_belong_together_and_shuffled_sentences_do_not(seed):
    assert belong_together(*labels(False, seed))
    assert not belong_together(*labels(True, seed))


def test_too_few_pairs_tell_nothing():
    word, kind, sentence, window = labels(False)
    assert not belong_together(word[:20], kind[:20], sentence[:20], window[:20])


def test_pairs_are_counted_between_sentences_of_a_window():
    word, kind = np.zeros(6, np.int64), np.array([0, 0, -1, 0, -1, -1])
    sentence, window = np.array([0, 0, 1, 2, 3, 3]), np.array([0, 0, 0, 1, 1, 1])
    pairs, unequal, by_chance = disagreement(word, kind, sentence, window)
    assert (pairs, unequal) == (4, 4.0)  # 00 with -1; 0 with both -1
    assert by_chance == pytest.approx(4 * 5 / 9)  # of the nine pairs across windows five disagree


def keys(sizes, marked=False):
    rows = [
        (f"a.conll#{n}" if not marked else f"d{n}", i) for n, size in enumerate(sizes) for i in range(size)
    ]
    return pl.DataFrame(rows, schema=["document", "sentence"], orient="row")


@pytest.mark.parametrize(
    ("sizes", "marked", "expected"),
    [
        ((50, 50, 50, 12), False, False),
        ((50, 50, 49, 50, 50, 50), False, False),
        ((50, 7, 12, 50, 33), False, True),
        ((80, 20), False, True),
        ((12,), False, True),
        ((50, 50), True, True),
    ],
)
def test_documents_of_50_sentences_are_marked_by_no_file(sizes, marked, expected):
    assert marks_documents(keys(sizes, marked)) is expected
