"""The decoding kernels of the CRF compute the reference."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.spans import TagScheme, span_bounds, spans_of
from elman.rnn.layers import crf, crf_decoding_kernels


@pytest.mark.parametrize("scale", [1, 8, 16])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
@pytest.mark.parametrize("trained", [False, True])
def test_decoding(scale, temperature, trained):
    """Tags of the float64 reference, and its probabilities of tags and entities to 1e-5."""
    rng = np.random.default_rng(scale)
    offsets, tags = offsets_of([9, 1, 4, 4, 30, 12, 2, 2]), 5
    batch = pack(Sequences(np.zeros(offsets[-1], np.int32), offsets), np.arange(8))
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
    spans = spans_of(best[order], offsets, scheme)
    expected = crf.span_probability(
        posterior.reordered(order),
        cooled,
        best[order],
        offsets=offsets,
        spans=span_bounds(best[order], offsets, scheme),
        follow=scheme.continues,
    )
    ours, chance, spans_found = crf_decoding_kernels.decode(
        emission.astype(np.float32), batch.starts, legal, temperature, begin, kind
    )
    np.testing.assert_array_equal(ours, best)
    np.testing.assert_allclose(chance, posterior.marginals[np.arange(len(best)), best], atol=1e-5)
    column, start, end, name, exact = spans_found
    rows = np.lexsort((start, batch.sequences[column]))
    for got, wanted in zip((batch.sequences[column], start, end, name), spans[:4], strict=True):
        np.testing.assert_array_equal(got[rows], wanted)
    np.testing.assert_allclose(exact[rows], expected, atol=1e-5)
