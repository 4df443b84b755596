"""Pooling gives a vector a sequence, whatever its length and place in the batch; gradients are right."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers.pooling import POOLINGS, pool

LENGTHS = [3, 1, 5, 5, 2]
WAYS = ("forward", "backward")
BATCH = pack(Sequences(np.zeros(sum(LENGTHS), np.int32), offsets_of(LENGTHS)), np.arange(len(LENGTHS)))


def states(seed=0):
    return np.random.default_rng(seed).standard_normal((sum(LENGTHS), 8))


def by_sequence(h):
    """States of each sequence of the batch, first step first."""
    return [h[BATCH.columns == column] for column in range(len(LENGTHS))]


def test_each_pooling_is_what_its_name_says():
    h = states()
    parts = by_sequence(h)
    mean, most, last = (pool(h, BATCH, name, WAYS)[0] for name in ("mean", "max", "last"))
    np.testing.assert_allclose(mean, [part.mean(axis=0) for part in parts], rtol=1e-12)
    np.testing.assert_array_equal(most, [part.max(axis=0) for part in parts])
    ends = [np.append(part[-1, :4], part[0, 4:]) for part in parts]  # backward ends at the first step
    np.testing.assert_array_equal(last, ends)


@pytest.mark.parametrize("name", POOLINGS)
def test_the_gradient_is_the_slope_along_a_random_direction(name):
    rng, h = np.random.default_rng(1), states()
    y, backprop = pool(h, BATCH, name, WAYS)
    dy, direction, eps = rng.standard_normal(y.shape), rng.standard_normal(h.shape), 1e-6

    def loss(at):
        return np.vdot(pool(at, BATCH, name, WAYS)[0], dy)

    numeric = (loss(h + eps * direction) - loss(h - eps * direction)) / (2 * eps)
    np.testing.assert_allclose(np.vdot(backprop(dy), direction), numeric, rtol=1e-6)
