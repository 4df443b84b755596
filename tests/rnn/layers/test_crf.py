"""The CRF equals plain enumeration of all tag sequences."""

import itertools

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers import crf

G = 3
LENGTHS = [4, 1, 3, 2]


def case(closed):
    rng = np.random.default_rng(4)
    offsets = offsets_of(LENGTHS)
    batch = pack(Sequences(np.zeros(offsets[-1], np.int32), offsets), np.arange(len(LENGTHS)))
    emission = rng.standard_normal((offsets[-1], G)) * 3
    start, transition, end = rng.standard_normal(G), rng.standard_normal((G, G)), rng.standard_normal(G)
    if closed:
        start[2] = transition[0, 2] = -np.inf  # tag 2 is I, 0 is O
    return batch, emission, crf.Weights(start, transition, end)


def paths(emission, weights):
    """Every tag sequence with its log weight."""
    every = list(itertools.product(range(G), repeat=len(emission)))
    total = []
    for path in every:
        value = weights.start[path[0]] + weights.end[path[-1]]
        value += sum(emission[i, tag] for i, tag in enumerate(path))
        total.append(value + sum(weights.transition[a, b] for a, b in itertools.pairwise(path)))
    return np.array(every), np.array(total)


@pytest.mark.parametrize("closed", [False, True])
def test_viterbi_marginals_and_partition_equal_enumeration(closed):
    batch, emission, weights = case(closed)
    tags = crf.viterbi(emission, batch.starts, weights)
    posterior = crf.forward_backward(emission, batch.starts, weights)
    for m in range(len(LENGTHS)):
        rows = np.flatnonzero(batch.columns == m)
        every, total = paths(emission[rows], weights)
        np.testing.assert_array_equal(tags[rows], every[total.argmax()])
        np.testing.assert_allclose(posterior.log_z[m], np.log(np.exp(total).sum()), rtol=1e-12)
        p = np.exp(total) / np.exp(total).sum()
        marginals = np.array([[p[every[:, i] == g].sum() for g in range(G)] for i in range(len(rows))])
        np.testing.assert_allclose(posterior.marginals[rows], marginals, atol=1e-12)


@pytest.mark.parametrize("closed", [False, True])
def test_span_probability_equals_enumeration(closed):
    """A span is O=0, B=1, I=2: a 2 after a 1 or a 2 continues it."""
    batch, emission, weights = case(closed)
    posterior = crf.forward_backward(emission, batch.starts, weights)
    order = np.argsort(batch.places)
    flat = posterior.reordered(order)
    follow = np.zeros((G, G), bool)
    follow[1:, 2] = True
    offsets = offsets_of(LENGTHS)
    begin = offsets[:-1]
    by_place = emission[order]
    for m, length in enumerate(LENGTHS):
        every, total = paths(by_place[begin[m] : begin[m] + length], weights)
        p = np.exp(total) / np.exp(total).sum()
        for i, j in itertools.combinations(range(length + 1), 2):
            tags = np.zeros(sum(LENGTHS), np.int32)
            tags[begin[m] + i : begin[m] + j] = [1] + [2] * (j - i - 1)
            hits = (every[:, i] == 1) & (every[:, i + 1 : j] == 2).all(axis=1)
            if j < length:
                hits &= every[:, j] != 2
            got = crf.span_probability(
                flat,
                weights,
                tags,
                offsets=offsets,
                spans=(begin[[m]] + i, begin[[m]] + j),
                follow=follow,
            )
            np.testing.assert_allclose(got, p[hits].sum(), atol=1e-12)


def test_extreme_emissions_neither_overflow_nor_leave_the_legal():
    batch, emission, weights = case(closed=True)
    emission[:] = 0
    emission[:, 2] = 1e4  # the closed tag is the only one the emissions want
    posterior = crf.forward_backward(emission.astype(np.float32), batch.starts, weights)
    assert np.isfinite(posterior.log_z).all()
    assert np.isfinite(posterior.marginals).all()
    tags = crf.viterbi(emission, batch.starts, weights)
    assert (tags[: len(LENGTHS)] != 2).all()


def test_legal_arrays_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match="shapes"):
        crf.Weights.legal(3, np.ones(2, bool), None)
    assert crf.Weights.legal(3, None, None).independent


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("class_weights", [None, np.array([0.5, 2.0, 4.0])])
def test_the_loss_equals_enumeration_and_its_gradients_are_right(closed, unknown, class_weights):
    batch, emission, weights = case(closed)
    rng = np.random.default_rng(7)
    targets = rng.integers(0, 2, len(emission)).astype(np.int32)
    if unknown:
        targets[::3] = -1

    def loss(emission, weights):
        return crf.negative_log_likelihood(emission, batch.starts, targets, weights, class_weights)

    value, demission, dweights = loss(emission, weights)
    expected = 0.0
    for m in range(len(LENGTHS)):
        rows = np.flatnonzero(batch.columns == m)
        every, total = paths(emission[rows], weights)
        y = targets[rows]
        right = ((every == y) | (y < 0)).all(axis=1)
        if class_weights is None:
            cost = 0.0
        else:
            cost = (((every != y) & (y >= 0)) * np.log(class_weights)[np.maximum(y, 0)]).sum(axis=1)
        expected += np.log(np.exp(total + cost).sum()) - np.log(np.exp(total[right]).sum())
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    direction, eps = rng.standard_normal(emission.shape), 1e-6
    numeric = (
        loss(emission + eps * direction, weights)[0] - loss(emission - eps * direction, weights)[0]
    ) / (2 * eps)
    np.testing.assert_allclose(np.vdot(demission, direction), numeric, rtol=1e-6)
    for name, gradient in dweights._asdict().items():
        direction = rng.standard_normal(gradient.shape)
        step = [
            weights._replace(**{name: getattr(weights, name) + sign * eps * direction}) for sign in (1, -1)
        ]
        numeric = (loss(emission, step[0])[0] - loss(emission, step[1])[0]) / (2 * eps)
        np.testing.assert_allclose(np.vdot(gradient, direction), numeric, rtol=1e-6, atol=1e-8, err_msg=name)
