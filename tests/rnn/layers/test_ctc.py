"""Connectionist temporal classification equals plain enumeration of all paths."""

import itertools
from collections import defaultdict

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers import ctc

V = 3
LENGTHS = [5, 1, 4, 3, 4]
TEXTS = [[1, 1, 2], [2], [1, 2], [], [2, 2]]  # longest first is 0, 2, 4, 3, 1


def case(seed=0, size=2.0):
    rng, offsets = np.random.default_rng(seed), offsets_of(LENGTHS)
    batch = pack(Sequences(np.zeros(offsets[-1], np.int32), offsets), np.arange(len(LENGTHS)))
    logits = rng.standard_normal((offsets[-1], V)) * size
    chosen = [TEXTS[number] for number in batch.sequences]
    labels = np.array([label for text in chosen for label in text], np.int32)
    return logits, batch.starts, ctc.Texts(labels, offsets_of([len(text) for text in chosen]))


def text_of(path):
    return tuple(label for label, _ in itertools.groupby(path) if label != ctc.BLANK)


def paths(logits):
    """Every path with its probability."""
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        yield path, np.prod(p[np.arange(len(path)), path])


def test_loss_and_posteriors_equal_enumeration():
    logits, starts, texts = case()
    losses, _ = ctc.negative_log_likelihood(logits, starts, texts)
    posterior = ctc.posteriors(logits, starts, texts)
    for number, rows in enumerate(ctc.rows_of_sequences(starts)):
        total, by_class = 0.0, np.zeros((len(rows), V))
        for path, p in paths(logits[rows]):
            if text_of(path) == tuple(texts.text(number)):
                total += p
                by_class[np.arange(len(rows)), path] += p
        np.testing.assert_allclose(losses[number], -np.log(total), rtol=1e-9)
        np.testing.assert_allclose(posterior[rows], by_class / total, atol=1e-9)
        assert ctc.log_likelihood(logits[rows], texts.text(number)) == pytest.approx(np.log(total), rel=1e-9)


@pytest.mark.parametrize("size", [0.1, 2.0, 30.0])
def test_the_gradient_is_the_slope_along_a_random_direction(size):
    logits, starts, texts = case(1, size)
    _, gradient = ctc.negative_log_likelihood(logits, starts, texts)
    direction, eps = np.random.default_rng(2).standard_normal(logits.shape), 1e-6
    ends = [
        ctc.negative_log_likelihood(logits + sign * eps * direction, starts, texts)[0].sum()
        for sign in (1, -1)
    ]
    np.testing.assert_allclose(
        np.vdot(gradient, direction), (ends[0] - ends[1]) / (2 * eps), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("size", [0.1, 2.0, 8.0])
def test_the_gradient_equals_enumeration(size):
    logits, starts, texts = case(6, size)
    _, gradient = ctc.negative_log_likelihood(logits, starts, texts)
    for number, rows in enumerate(ctc.rows_of_sequences(starts)):
        slope, total = np.zeros((len(rows), V)), 0.0  # of the probability of the text, over its paths
        softmax = np.exp(logits[rows]) / np.exp(logits[rows]).sum(axis=1, keepdims=True)
        for path, p in paths(logits[rows]):
            if text_of(path) == tuple(texts.text(number)):
                total += p
                slope += p * (np.eye(V)[list(path)] - softmax)
        np.testing.assert_allclose(gradient[rows], -slope / total, rtol=0, atol=1e-9)


def test_the_probabilities_of_all_texts_sum_to_one():
    logits, _, _ = case(3)
    texts = {text_of(path) for path in itertools.product(range(V), repeat=4)}
    total = sum(np.exp(ctc.log_likelihood(logits[:4], np.array(text, np.int32))) for text in texts)
    assert total == pytest.approx(1)


def test_the_alignment_is_the_likeliest_path_of_the_text():
    logits, starts, texts = case(4)
    for number, rows in enumerate(ctc.rows_of_sequences(starts)):
        best = defaultdict(lambda: ((), 0.0))
        for path, p in paths(logits[rows]):
            best[text_of(path)] = max(best[text_of(path)], (path, p), key=lambda entry: entry[1])
        labels = texts.text(number)
        states = np.zeros(2 * len(labels) + 1, int)
        states[1::2] = labels
        aligned = ctc.align(logits[rows], labels)
        assert tuple(states[aligned]) == best[tuple(labels)][0]
        assert (np.diff(aligned) >= 0).all()


def test_a_text_that_the_frames_do_not_allow_is_refused():
    logits, starts, texts = case()
    long = ctc.Texts(np.array([1, 2, 1, 1, 1], np.int32), np.array([0, 0, 0, 5, 5, 5]))
    with pytest.raises(
        ValueError, match=r"5 labels, 2 of them .* at least 7 frames. Got 4 frames of sequence 2"
    ):
        ctc.negative_log_likelihood(logits, starts, long)
    assert ctc.log_likelihood(logits[:2], np.array([1, 1], np.int32)) == -np.inf
    with pytest.raises(ValueError, match=r"at least 3 frames. Got 2"):
        ctc.align(logits[:2], np.array([1, 1], np.int32))
    with pytest.raises(ValueError, match=r"labels must be from 1 to 2. Got 3"):
        ctc.negative_log_likelihood(
            logits, starts, ctc.Texts(np.array([3], np.int32), np.array([0, 1, 1, 1, 1, 1]))
        )
    with pytest.raises(ValueError, match=r"a text for each of 5 sequences. Got 4"):
        ctc.negative_log_likelihood(logits, starts, ctc.Texts(texts.labels, texts.offsets[1:]))


def test_extreme_logits_give_finite_losses():
    logits, starts, texts = case(5, 1e4)
    losses, gradient = ctc.negative_log_likelihood(logits, starts, texts)
    assert np.isfinite(losses).all()
    assert np.isfinite(gradient).all()
