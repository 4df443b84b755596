"""Sentences that share most word pairs are found across and within splits; others are not."""

import random

import numpy as np
import polars as pl

from elman.data.quality import similar_sentences
from elman.data.quality.similar_sentences import SimilarSentences

VOCABULARY = [a + b for a in "abcdefghijklmnopqrstuvw" for b in "abcdefghijklmnopqrstuvw"]


def words(seed):
    return random.Random(seed).choices(VOCABULARY, k=30)


def changed(sentence, count):
    return ["other" if n < count else word for n, word in enumerate(sentence)]


def found(train, others):
    """Rows of dev similar to training, and rows similar to an earlier one; training comes first."""
    similar = SimilarSentences(10)
    sentences = [*train, *others]
    split = ["train"] * len(train) + ["dev"] * len(others)
    frame = pl.DataFrame({"split": split, "text": [" ".join(sentence) for sentence in sentences]})
    hashes = pl.Series([word for sentence in sentences for word in sentence]).hash(1).to_numpy()
    offsets = np.cumsum([0, *map(len, sentences)])
    similar.add(frame, hashes, offsets, 0)
    similar.add_training(frame, hashes, offsets)
    return similar.across(), similar.within()


def test_a_changed_sentence_is_similar_and_another_is_not():
    across, within = found([words(1), words(2)], [changed(words(2), 3), words(3)])
    assert across == (1, 2, [2])
    assert within == (0, 4, [])


def test_within_a_split_the_later_one_counts():
    _, within = found([words(1), words(2), changed(words(1), 2)], [])
    assert within == (1, 3, [2])


def test_most_similar_and_hardly_any_dissimilar_pairs_are_found():
    train = [words(n) for n in range(200)]
    close = found(train, [changed(words(n), 4) for n in range(200)])[0][0]
    far = found(train, [changed(words(n), 20) for n in range(200)])[0][0]
    assert close > 170
    assert far < 10


def test_equal_sentences_and_short_ones_do_not_count():
    assert found([words(1)], [words(1), words(1)[:9]])[0] == (0, 1, [])


def test_no_more_than_the_limit_is_kept(monkeypatch):
    monkeypatch.setattr(similar_sentences, "MOST_COMPARED", 3)
    across, within = found([words(n) for n in range(9)], [changed(words(8), 2) for _ in range(1)])
    assert across == (1, 1, [9])  # all of training is compared
    assert within == (0, 4, [])


def test_without_dev_and_test_nothing_is_similar_across_splits():
    assert found([words(1)], [])[0] == (0, 0, [])
