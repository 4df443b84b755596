"""Every layer's gradient is the derivative of what it computes."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers import dense


def packed(lengths, symbols=6, seed=0):
    rng = np.random.default_rng(seed)
    offsets = offsets_of(lengths)
    sequences = Sequences(rng.integers(0, symbols, offsets[-1]).astype(np.int32), offsets)
    return pack(sequences, np.arange(len(lengths))), rng


def assert_derivative(function, at, gradient, rng):
    """A step along a random direction changes the loss by the gradient's dot product."""
    direction = rng.standard_normal(at.shape)
    eps = 1e-6
    numeric = (function(at + eps * direction) - function(at - eps * direction)) / (2 * eps)
    np.testing.assert_allclose(np.vdot(gradient, direction), numeric, rtol=1e-6, atol=1e-9)


def test_linear_gradients():
    rng = np.random.default_rng(0)
    x, W, b = rng.standard_normal((7, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)
    y, backprop = dense.linear(x, W, b)
    dy = rng.standard_normal(y.shape)
    dx, dW, db = backprop(dy)
    assert_derivative(lambda at: np.vdot(dense.linear(at, W, b)[0], dy), x, dx, rng)
    assert_derivative(lambda at: np.vdot(dense.linear(x, at, b)[0], dy), W, dW, rng)
    assert_derivative(lambda at: np.vdot(dense.linear(x, W, at)[0], dy), b, db, rng)


def test_dropout_zeroes_the_same_units_of_a_sequence_and_keeps_the_mean():
    batch, rng = packed([400, 400, 1])
    x = np.ones((len(batch.places), 500))
    y, backprop = dense.dropout(x, 0.25, batch, rng)
    for m in range(3):
        rows = y[batch.columns == m]
        assert (rows == rows[0]).all()
    assert set(np.unique(y)) == {0, 1 / 0.75}
    assert abs(y.mean() - 1) < 0.1
    np.testing.assert_array_equal(backprop(x), y)


@pytest.mark.parametrize("weights", [None, np.array([0.5, 1.0, 3.0])])
def test_softmax_cross_entropy_gradient_and_unknown_targets(weights):
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((6, 3)), np.array([0, 2, 1, -1, 2, -1], np.int32)
    loss, seen, gradient = dense.softmax_cross_entropy(logits, targets, weights)
    assert seen == 4
    assert (gradient[[3, 5]] == 0).all()
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    w = np.ones(3) if weights is None else weights
    np.testing.assert_allclose(loss, -sum(w[t] * np.log(p[i, t]) for i, t in enumerate(targets) if t >= 0))
    assert_derivative(lambda at: dense.softmax_cross_entropy(at, targets, weights)[0], logits, gradient, rng)


@pytest.mark.parametrize("weights", [None, np.array([0.5, 3.0])])
def test_sigmoid_cross_entropy_gradient(weights):
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((5, 1)) * 3, np.array([0, 1, 1, -1, 0], np.int32)
    loss, seen, gradient = dense.sigmoid_cross_entropy(logits, targets, weights)
    assert seen == 4
    assert_derivative(lambda at: dense.sigmoid_cross_entropy(at, targets, weights)[0], logits, gradient, rng)
    extreme = np.array([[1000.0], [-1000.0]], np.float32)
    loss, _, gradient = dense.sigmoid_cross_entropy(extreme, np.array([1, 0], np.int32))
    assert loss == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("weights", [None, np.array([0.5, 1.0, 3.0])])
def test_the_kernel_of_softmax_cross_entropy(weights):
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((50, 3), np.float32) * 9, rng.integers(-1, 3, 50).astype(np.int32)
    loss, seen, gradient = dense.softmax_cross_entropy(logits, targets, weights)
    slow = dense.softmax_cross_entropy(logits.astype(np.float64), targets, weights)
    np.testing.assert_allclose((loss, seen), slow[:2], rtol=1e-5)
    np.testing.assert_allclose(gradient, slow[2], atol=1e-6)
