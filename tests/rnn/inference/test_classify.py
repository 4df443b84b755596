"""Long sequences are cut into pieces, whose logits are joined; the temperature is the likeliest."""

import numpy as np

from elman.rnn.inference.classify import calibrate_classes, cut, joined, probabilities


def test_pieces_are_cut_from_the_beginning():
    offsets, sequence = cut(np.array([3, 8, 4, 1]), 4)
    assert np.diff(offsets).tolist() == [3, 4, 4, 4, 1]
    assert sequence.tolist() == [0, 1, 1, 2, 3]


def test_logits_of_pieces_are_weighted_by_their_steps():
    logits = joined(
        np.array([[1.0, 0.0], [4.0, 2.0], [0.0, 1.0]]), np.array([0, 3, 4, 6]), np.array([0, 0, 1]), 2
    )
    np.testing.assert_allclose(logits, [[7 / 4, 2 / 4], [0, 1]])


def test_probabilities_sum_to_one_and_a_high_temperature_levels_them():
    logits = np.array([[1000.0, 0.0, -5.0], [1.0, 1.0, 1.0]])
    np.testing.assert_allclose(probabilities(logits).sum(axis=1), 1)
    assert probabilities(logits, 1000.0)[0, 0] < 0.7


def test_the_temperature_is_the_one_that_drew_the_classes():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((20_000, 3)) * 3
    p = probabilities(logits, 2.0)
    classes = (rng.random(len(p))[:, None] > p.cumsum(axis=1)).sum(axis=1).astype(np.int32)
    np.testing.assert_allclose(calibrate_classes(logits, classes), 2.0, rtol=0.05)


def test_documents_without_a_mistake_make_no_later_answer_certain():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 4, 100).astype(np.int32)
    logits = rng.standard_normal((100, 4))
    logits[np.arange(100), classes] += 8
    sure = probabilities(logits, calibrate_classes(logits, classes)).max(axis=1)
    assert 0.97 < sure.mean() < 0.995
    assert sure.max() < 0.9999
