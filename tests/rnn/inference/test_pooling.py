"""Evidence is that of the formula; decoding with it depends on the unit alone."""

import itertools

import numpy as np
import pytest

from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.decode import Decoder
from elman.rnn.inference.pooling import (
    LEAST,
    Occurrences,
    PooledDecoder,
    PoolingWeights,
    evidence,
    units_of,
)
from tests.rnn.inference.test_decode import BAGS, CONFIG, SCHEME, marginals_of, sequences, wild

WEIGHTS = PoolingWeights(0.3, 0.8, 0.02, 0.1)


def odds(p, floor):
    return np.log((p[1:] + floor) / (p[0] + floor))


def by_formula(posterior, occurrences, weights):
    equal, definition, near, far, _ = weights
    out = np.zeros((len(posterior), posterior.shape[1] - 1))
    for a, b in zip(occurrences.units[:-1], occurrences.units[1:], strict=True):
        for t in range(a, b):
            same = [i for i in range(a, b) if occurrences.words[i] == occurrences.words[t] >= 0]
            before = [i - 2 for i in same if occurrences.defined[i]]
            if not same or max(1 - posterior[i, 0] for i in same + before) < LEAST:
                continue
            others = [i for i in same if i != t]
            if others:
                gained = odds(posterior[others].mean(axis=0), near) - odds(posterior[t], near)
                out[t] += equal * len(others) / len(same) * gained
            if before:
                gained = odds(posterior[before].mean(axis=0), far) - odds(posterior[t], far)
                out[t] += definition * gained
    return out


def case(seed, N=60):
    rng = np.random.default_rng(seed)
    posterior = rng.dirichlet([2, 0.3, 0.3], N).astype(np.float32)
    words = rng.integers(-1, 6, N).astype(np.int32)
    defined = (rng.random(N) < 0.1) & (words >= 0)
    units = np.array([0, 7, 8, 30, N])
    defined[[0, 1, 7, 8, 9, 30, 31]] = False
    return posterior, Occurrences(words, defined, units)


@pytest.mark.parametrize("seed", range(5))
def test_the_kernel_computes_the_formula(seed):
    posterior, occurrences = case(seed)
    expected = by_formula(posterior.astype(np.float64), occurrences, WEIGHTS)
    assert expected.any()
    np.testing.assert_allclose(evidence(posterior, occurrences, WEIGHTS), expected, atol=1e-5)


def test_evidence_comes_from_the_unit_alone_bit_by_bit():
    posterior, (words, defined, units) = case(1)
    whole = evidence(posterior, Occurrences(words, defined, units), WEIGHTS)
    for a, b in itertools.pairwise(units):
        alone = Occurrences(words[a:b], defined[a:b], np.array([0, b - a]))
        np.testing.assert_array_equal(evidence(posterior[a:b], alone, WEIGHTS), whole[a:b])


def test_the_first_pass_gives_the_marginals_of_each_kind():
    some, params = sequences(), wild(CONFIG)
    pooled = PooledDecoder(Decoder(CONFIG, params), PoolingWeights(1, 1, temperature=2.0))
    marginals = marginals_of(CONFIG, params, some, temperature=2.0)
    kinds = [marginals.sum(axis=1)]  # without a scheme all tags are outside of entities
    np.testing.assert_allclose(pooled.first_pass(BAGS, some).posterior, np.stack(kinds, 1), atol=1e-4)
    legal = PooledDecoder(Decoder(CONFIG, params, SCHEME), PoolingWeights(1, 1)).first_pass(BAGS, some)
    exact = {name: value.astype(np.float64) for name, value in params.items()}
    again = PooledDecoder(Decoder(CONFIG, exact, SCHEME), PoolingWeights(1, 1)).first_pass(BAGS, some)
    np.testing.assert_allclose(legal.posterior.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(legal.posterior, again.posterior, atol=1e-3)  # NumPy in float64


def tagged(weights, reuse=True):
    """Forty sequences, some equal, four to a unit."""
    distinct, params = sequences(12), {name: value / 2 for name, value in wild(CONFIG).items()}
    which = np.random.default_rng(3).integers(0, 12, 40)
    all_of = distinct.take(which)
    unit = np.arange(40) // 4
    words = Occurrences(all_of.tokens, np.zeros(len(all_of.tokens), bool), units_of(unit, all_of.offsets))
    pooled = PooledDecoder(Decoder(CONFIG, params, SCHEME), weights)
    first = pooled.first_pass(BAGS, distinct if reuse else all_of)
    return pooled.tag(first, which if reuse else np.arange(40), words), all_of, params


def test_equal_sequences_are_computed_once_with_the_same_bits():
    for ours, theirs in zip(
        _arrays(tagged(PoolingWeights(0.5, 0))[0]),
        _arrays(tagged(PoolingWeights(0.5, 0), False)[0]),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def _arrays(prediction):
    return [prediction.tags, prediction.tag_probability, *prediction.spans]


def test_weights_of_0_change_nothing_and_others_do():
    without, all_of, params = tagged(PoolingWeights(0, 0))
    usual = Decoder(CONFIG, params, SCHEME).tag_with_probabilities(BAGS, all_of)
    for ours, theirs in zip(_arrays(without), _arrays(usual), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (tagged(PoolingWeights(2, 0))[0].tags != usual.tags).any()


def test_units_are_offsets_of_symbols():
    assert units_of(np.array([4, 4, 7]), offsets_of([2, 3, 4])).tolist() == [0, 5, 9]
