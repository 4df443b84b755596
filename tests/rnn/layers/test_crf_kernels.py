"""The CRF kernels compute the reference."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.spans import TagScheme, span_bounds, spans_of
from elman.rnn.layers import crf, crf_kernels


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


@pytest.mark.parametrize("scale", [1, 8, 16])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
@pytest.mark.parametrize("trained", [False, True])
def test_decoding(scale, temperature, trained):
    """Tags of the float64 reference, and its probabilities of tags and entities to 1e-5."""
    rng = np.random.default_rng(scale)
    batch, tags = batch_of([9, 1, 4, 4, 30, 12, 2, 2]), 5
    begin, kind = np.array([False, True, False, True, False]), np.array([-1, 0, 0, 1, 1], np.int32)
    after = (kind[:, None] == kind[None, :]) | begin[None, :] | (kind[None, :] < 0)
    scheme = TagScheme(begin, kind, np.array([True, True, False, True, False]), after)
    legal = crf.Weights.legal(tags, scheme.start, scheme.transition)
    if trained:
        legal = crf.Weights(*(w + rng.standard_normal(w.shape) for w in legal))
    emission = rng.standard_normal((len(batch.places), tags)) * scale
    best = crf.viterbi(emission, batch.starts, legal)
    cooled = crf.Weights(*(w / temperature for w in legal))
    posterior = crf.forward_backward(emission / temperature, batch.starts, cooled)
    order = np.argsort(batch.places)
    offsets = offsets_of(np.bincount(batch.columns)[np.argsort(batch.sequences)])
    spans = spans_of(best[order], offsets, scheme)
    expected = crf.span_probability(
        posterior.reordered(order),
        cooled,
        best[order],
        offsets=offsets,
        spans=span_bounds(best[order], offsets, scheme),
        follow=scheme.continues,
    )
    ours, chance, spans_found = crf_kernels.decode(
        emission.astype(np.float32), batch.starts, legal, temperature, begin, kind
    )
    np.testing.assert_array_equal(ours, best)
    np.testing.assert_allclose(chance, posterior.marginals[np.arange(len(best)), best], atol=1e-5)
    column, start, end, name, exact = spans_found
    rows = np.lexsort((start, batch.sequences[column]))
    for got, wanted in zip((batch.sequences[column], start, end, name), spans[:4], strict=True):
        np.testing.assert_array_equal(got[rows], wanted)
    np.testing.assert_allclose(exact[rows], expected, atol=1e-5)
