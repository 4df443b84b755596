"""The paired bootstrap separates a better tagger from chance."""

import numpy as np
import pytest

from elman.data.metrics.entities import entity_scores
from elman.data.metrics.intervals import units_of
from elman.data.metrics.paired_bootstrap import entity_counts, paired_bootstrap, sentence_counts
from elman.data.metrics.rates import rates
from tests.simulated_taggings import counted, simulated

GOLD = [["B-PER", "I-PER", "O"], ["O", "O"], ["B-LOC", "B-PER"]]
SAID = [["B-PER", "O", "O"], ["O", "B-LOC"], ["B-LOC", "B-PER"]]


def test_counts_of_sentences_add_up_to_the_score_of_all():
    counts = sentence_counts(GOLD, SAID)
    assert counts.tolist() == [[0, 1, 1], [0, 1, 0], [2, 2, 2]]
    scores = entity_scores(GOLD, SAID)
    assert rates(counts.sum(axis=0)).tolist() == [scores.precision, scores.recall, scores.f1]


def tagger(share, seeds=2, sentences=500):
    """Counts of a tagger that finds a share of two entities a sentence, and says nothing wrong."""
    correct = np.random.default_rng(round(share * 1000)).binomial(2, share, (seeds, sentences))
    return np.stack([correct, correct, np.full_like(correct, 2)], axis=-1)


def test_a_tagger_is_not_better_than_itself():
    same = paired_bootstrap(tagger(0.7), tagger(0.7))
    assert (same.difference, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_a_clear_difference_is_significant():
    better = paired_bootstrap(tagger(0.6), tagger(0.8))
    assert 0.05 < better.low < better.difference < better.high
    assert better.p == 0
    assert paired_bootstrap(tagger(0.8), tagger(0.6)).p == 1


def test_the_interval_equals_that_of_normal_theory():
    """Two taggers right on a share p of one entity a sentence: the error of the difference of F1 is known."""
    rng = np.random.default_rng(0)
    right = rng.random((2, 1, 2000)) < 0.5
    a, b = (np.stack([r, np.ones_like(r), np.ones_like(r)], axis=-1).astype(int) for r in right)
    found = paired_bootstrap(a, b)
    error = np.std(right[1].astype(float) - right[0], ddof=1) / np.sqrt(2000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_the_same_seed_draws_the_same():
    assert paired_bootstrap(tagger(0.6), tagger(0.62), seed=3) == paired_bootstrap(
        tagger(0.6), tagger(0.62), seed=3
    )
    assert paired_bootstrap(tagger(0.6), tagger(0.62), seed=3) != paired_bootstrap(
        tagger(0.6), tagger(0.62), seed=4
    )


def test_different_numbers_of_sentences_are_an_error():
    with pytest.raises(ValueError, match="same 500 sentences"):
        paired_bootstrap(tagger(0.6), tagger(0.6, sentences=400))


def test_counts_of_documents_add_up_to_those_of_sentences():
    sentences, gold, one, _ = simulated(np.random.default_rng(0), (0.8, 0.8), 400)
    units = units_of(sentences)
    assert units.name == "documents"
    counts = entity_counts(units, gold, one)
    right = one.join(gold, on=["sequence", "start", "end", "type"], how="inner").height
    assert counts.sum(axis=0).tolist() == [right, one.height, gold.height]
    assert len(counts) == sentences["document"].n_unique()


def test_equal_taggers_differ_at_a_level_no_more_often_than_it_says():
    """5 % of 300 pairs are 15; more than 26 come by chance once in 300 times."""
    rng = np.random.default_rng(1)
    pairs = [simulated(rng, (0.8, 0.8), 400) for _ in range(300)]
    found = [
        paired_bootstrap(counted(s, gold, a), counted(s, gold, b), rounds=400) for s, gold, a, b in pairs
    ]
    assert 4 <= sum(of.p < 0.05 for of in found) <= 26
    assert np.std([of.difference for of in found]) == pytest.approx(
        np.mean([of.error for of in found]), rel=0.15
    )


def test_a_tagger_three_points_better_on_a_thousand_entities_is_found_better():
    rng, noise = np.random.default_rng(2), 0.004
    pairs = [simulated(rng, (0.75, 0.78), 1000) for _ in range(200)]
    found = [
        paired_bootstrap(counted(s, gold, a), counted(s, gold, b), rounds=400, seed_noise=noise)
        for s, gold, a, b in pairs
    ]
    assert sum(of.p < 0.05 for of in found) >= 160


def test_noise_of_seeds_widens_the_interval_by_its_share_of_the_variance():
    before, after = tagger(0.6, seeds=1), tagger(0.62, seeds=1)
    alone, noisy = paired_bootstrap(before, after), paired_bootstrap(before, after, seed_noise=0.02)
    assert noisy.difference == alone.difference
    assert noisy.error == pytest.approx(np.hypot(alone.error, 0.02 * np.sqrt(2)), rel=0.1)


def test_the_same_answers_are_never_better_whatever_the_noise():
    same = paired_bootstrap(tagger(0.7), tagger(0.7), seed_noise=0.01)
    assert same.difference == 0
    assert 0.4 < same.p < 0.6
