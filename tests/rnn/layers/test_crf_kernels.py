"""The CRF kernels compute the reference."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers import crf


def batch_of(lengths):
    offsets = offsets_of(lengths)
    return pack(Sequences(np.zeros(offsets[-1], np.int32), offsets), np.arange(len(lengths)))


@pytest.mark.parametrize("lengths", [[9, 1, 4, 4], [1, 1], [3]])
@pytest.mark.parametrize("size", [1.0, 100.0])
def test_best_paths_and_marginals(lengths, size):
    G, rng, batch = 5, np.random.default_rng(0), batch_of(lengths)
    emission = (rng.standard_normal((len(batch.places), G)) * size).astype(np.float32)
    start, transition, end = rng.standard_normal(G), rng.standard_normal((G, G)), rng.standard_normal(G)
    start[2] = transition[0, 2] = transition[3, 3] = -np.inf
    weights = crf.Weights(start, transition, end)
    slow, fast = emission.astype(np.float64), emission
    np.testing.assert_array_equal(
        crf.viterbi(fast, batch.starts, weights), crf.viterbi(slow, batch.starts, weights)
    )
    p, q = (crf.forward_backward(e, batch.starts, weights) for e in (slow, fast))
    for name in crf.Posterior._fields:
        ours, theirs = getattr(q, name), getattr(p, name)
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("lengths", [[9, 1, 4, 4], [1, 1], [3]])
@pytest.mark.parametrize("size", [1.0, 30.0])
def test_the_loss_and_its_gradients(lengths, size):
    G, rng, batch = 5, np.random.default_rng(1), batch_of(lengths)
    emission = (rng.standard_normal((len(batch.places), G)) * size).astype(np.float32)
    start, transition, end = rng.standard_normal(G), rng.standard_normal((G, G)), rng.standard_normal(G)
    start[2] = transition[0, 2] = transition[3, 3] = -np.inf
    weights = crf.Weights(start, transition, end)
    tags = crf.viterbi(emission[:, ::-1].copy(), batch.starts, weights)
    slow, fast = (
        crf.negative_log_likelihood(e, batch.starts, tags, weights)
        for e in (emission.astype(float), emission)
    )
    np.testing.assert_allclose(fast[0], slow[0], rtol=1e-5)
    np.testing.assert_allclose(fast[1], slow[1], atol=1e-5)
    for ours, theirs in zip(fast[2], slow[2], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
