"""Decoded tag sequences are legal, with the same numbers whatever the batches."""

import itertools

import numpy as np
import pytest

from elman.rnn.compute import arrays
from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.decode import Decoder, calibrate, emissions_of
from elman.rnn.inference.spans import TagScheme, spans_of
from elman.rnn.layers import crf
from elman.rnn.networks.architecture import init
from elman.rnn.networks.tagger import NetworkConfig

TAGS = ["O", "B-X", "I-X", "B-Y", "I-Y"]
START = np.array([tag[0] != "I" for tag in TAGS])
TRANSITION = np.array([[b[0] != "I" or (a != "O" and a[2:] == b[2:]) for b in TAGS] for a in TAGS])
BEGIN, KIND = np.array([False, True, False, True, False]), np.array([-1, 0, 0, 1, 1], np.int32)
SCHEME = TagScheme(BEGIN, KIND, START, TRANSITION)
BAGS = Bags.single(30)
CONFIG = NetworkConfig(rows=30, classes=5, hidden=8)


def sequences(n=40, symbols=30, seed=0, S=1):
    rng = np.random.default_rng(seed)
    offsets = offsets_of(rng.integers(1, 12, n))
    targets = rng.integers(0, 5, offsets[-1] * S).astype(np.int32)
    return Sequences(rng.integers(0, symbols, offsets[-1]).astype(np.int32), offsets, targets)


def wild(config, seed=0):
    """Random weights large enough that argmax alone would be illegal."""
    return {k: v * np.float32(8) for k, v in init(config, seed).items()}


def marginals_of(config, params, some, temperature=1.0):
    """Probability of every tag of every symbol, (N * S, classes), in float64 and one batch."""
    batch = pack(some, np.arange(len(some)))
    exact = {name: value.astype(np.float64) for name, value in params.items()}
    emissions = emissions_of(config.build().forward(exact, BAGS, batch)[0], config, batch)
    weights = Decoder(config, exact).weights
    cooled = crf.Weights(*(w / temperature for w in weights))
    marginals = np.empty(emissions.weights.shape)
    marginals[emissions.places] = crf.forward_backward(
        emissions.weights / temperature, emissions.starts, cooled
    ).marginals
    return marginals


def test_tags_are_legal_and_independent_of_batches_and_order():
    some, params = sequences(), wild(CONFIG)
    whole = Decoder(CONFIG, params, SCHEME).tag_with_probabilities(BAGS, some)
    assert START[whole.tags[some.offsets[:-1]]].all()
    inner = np.setdiff1d(np.arange(len(whole.tags)), some.offsets)
    assert TRANSITION[whole.tags[inner - 1], whole.tags[inner]].all()
    free = Decoder(CONFIG, params).tag(BAGS, some)
    assert not TRANSITION[free.tags[inner - 1], free.tags[inner]].all()
    np.testing.assert_array_equal(Decoder(CONFIG, params, SCHEME).tag(BAGS, some).tags, whole.tags)
    small = Decoder(CONFIG, params, SCHEME, batch_tokens=1).tag_with_probabilities(BAGS, some)
    np.testing.assert_array_equal(small.tags, whole.tags)
    np.testing.assert_allclose(small.tag_probability, whole.tag_probability, atol=1e-5)
    for ours, theirs in zip(small.spans, whole.spans, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    back = np.arange(len(some))[::-1]
    turned = Decoder(CONFIG, params, SCHEME).tag(BAGS, some.take(back))
    parts = np.split(turned.tags, turned.offsets[1:-1])[::-1]
    np.testing.assert_array_equal(np.concatenate(parts), whole.tags)


def test_probabilities_are_the_marginals_of_the_tags():
    some, params = sequences(), wild(CONFIG)
    prediction = Decoder(CONFIG, params).tag_with_probabilities(BAGS, some)
    marginals = marginals_of(CONFIG, params, some)
    np.testing.assert_allclose(
        prediction.tag_probability, marginals[np.arange(len(prediction.tags)), prediction.tags], atol=1e-4
    )
    assert prediction.spans is None


def test_kernels_decode_as_the_reference(monkeypatch):
    some, params = sequences(), wild(CONFIG)
    decoder = Decoder(CONFIG, params, SCHEME, temperature=1.7)
    fast = decoder.tag_with_probabilities(BAGS, some)
    monkeypatch.setattr(arrays, "COMPILED", False)
    slow = decoder.tag_with_probabilities(BAGS, some)
    np.testing.assert_array_equal(fast.tags, slow.tags)
    np.testing.assert_allclose(fast.tag_probability, slow.tag_probability, atol=1e-4)
    for ours, theirs in zip(fast.spans, slow.spans, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_spans_of_a_prediction_are_those_of_its_tags():
    prediction = Decoder(CONFIG, wild(CONFIG), SCHEME).tag_with_probabilities(BAGS, sequences())
    plain, spans = spans_of(prediction.tags, prediction.offsets, SCHEME), prediction.spans
    for ours, theirs in zip(spans[:4], plain[:4], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert ((spans.probability > 0) & (spans.probability <= 1 + 1e-6)).all()
    least = [
        prediction.tag_probability[prediction.offsets[s] + a : prediction.offsets[s] + b].min()
        for s, a, b in zip(spans.sequence, spans.start, spans.end, strict=True)
    ]
    assert (spans.probability <= np.array(least) + 1e-6).all()


def test_a_sigmoid_answers_yes_above_one_half_and_runs_are_entities():
    config = NetworkConfig(rows=30, classes=1, hidden=8, output="sigmoid")
    some, params = sequences(), wild(config)
    scheme = TagScheme(np.array([False, False]), np.array([-1, 0], np.int32))
    prediction = Decoder(config, params, scheme).tag_with_probabilities(BAGS, some)
    batch = pack(some, np.arange(len(some)))
    logits, _ = config.build().forward(params, BAGS, batch)
    yes = np.empty(len(some.tokens))
    yes[batch.places] = 1 / (1 + np.exp(-logits[:, 0].astype(np.float64)))
    np.testing.assert_array_equal(prediction.tags, yes > 0.5)
    np.testing.assert_allclose(prediction.tag_probability, np.maximum(yes, 1 - yes), rtol=1e-5)
    spans = prediction.spans
    s, a, b = int(spans.sequence[0]), int(spans.start[0]), int(spans.end[0])
    p = yes[prediction.offsets[s] : prediction.offsets[s + 1]]
    expected = p[a:b].prod() * (1 - p[a - 1] if a else 1) * (1 - p[b] if b < len(p) else 1)
    assert (p[a:b] > 0.5).all()
    np.testing.assert_allclose(spans.probability[0], expected, rtol=1e-4)


BINARY = TagScheme(np.array([False, False]), np.array([-1, 0], np.int32))


def entities_by_enumeration(config, params, scheme, some, temperature):
    """Probability of every entity of every sequence: the share of the tag sequences that have it."""
    batch = pack(some, np.arange(len(some)))
    emissions = emissions_of(config.build().forward(params, BAGS, batch)[0], config, batch)
    by_place = np.empty_like(emissions.weights)
    by_place[emissions.places] = emissions.weights / temperature
    start, step, end = (w / temperature for w in Decoder(config, params, scheme).weights)
    found = {}
    for n, (a, b) in enumerate(itertools.pairwise(some.offsets)):
        paths = np.array(list(itertools.product(range(by_place.shape[1]), repeat=b - a)), np.int32)
        scores = by_place[np.arange(a, b), paths].sum(axis=1) + start[paths[:, 0]] + end[paths[:, -1]]
        scores += step[paths[:, :-1], paths[:, 1:]].sum(axis=1)
        chance = np.exp(scores - scores.max())
        spans = spans_of(paths.reshape(-1), np.arange(len(paths) + 1) * (b - a), scheme)
        for path, *entity in zip(*(column.tolist() for column in spans[:4]), strict=True):
            key = (n, *entity)
            found[key] = found.get(key, 0) + chance[path] / chance.sum()
    return found


@pytest.mark.parametrize("temperature", [1.0, 1.7])
@pytest.mark.parametrize(("output", "scheme"), [("softmax", SCHEME), ("crf", SCHEME), ("sigmoid", BINARY)])
def test_entity_probabilities_equal_enumeration_of_all_tag_sequences(output, scheme, temperature):
    """To 1e-9 in float64; the kernels, whose numbers are of float32, to its precision."""
    config = NetworkConfig(
        rows=30, classes=len(scheme.kind) // (1 + (output == "sigmoid")), hidden=8, output=output
    )
    rng, counted = np.random.default_rng(11), 0
    for seed in range(4):
        offsets = offsets_of(rng.integers(1, 7, 12))
        some = Sequences(rng.integers(0, 30, offsets[-1]).astype(np.int32), offsets)
        params = {name: v.astype(np.float64) * 6 for name, v in init(config, seed).items()}
        if output == "crf":
            params |= {k: rng.standard_normal(v.shape) for k, v in params.items() if "chain" in k}
        expected = entities_by_enumeration(config, params, scheme, some, temperature)
        single = {name: value.astype(np.float32) for name, value in params.items()}
        for weights, close in ((params, 1e-9), (single, 2e-5)):
            decoder = Decoder(config, weights, scheme, temperature=temperature)
            spans = decoder.tag_with_probabilities(BAGS, some).spans
            rows = zip(*(column.tolist() for column in spans[:4]), strict=True)
            np.testing.assert_allclose(spans.probability, [expected[row] for row in rows], rtol=0, atol=close)
            counted += len(spans.probability)
    assert counted > 60


@pytest.mark.parametrize("batch_tokens", [1, 10_000])
def test_several_outputs_a_step_come_out_in_the_order_of_the_symbols(batch_tokens):
    config = NetworkConfig(rows=30, classes=5, hidden=8, outputs_per_step=3)
    some, params = sequences(S=3), wild(config)
    prediction = Decoder(config, params, batch_tokens=batch_tokens).tag(BAGS, some)
    assert len(prediction.tags) == 3 * len(some.tokens)
    batch = pack(some, np.arange(len(some)))
    logits = config.build().forward(params, BAGS, batch)[0].reshape(-1, 3, 5)
    np.testing.assert_array_equal(prediction.tags.reshape(-1, 3)[batch.places], logits.argmax(axis=2))
    legal = Decoder(config, params, SCHEME, batch_tokens=batch_tokens).tag_with_probabilities(BAGS, some)
    inner = np.setdiff1d(np.arange(len(legal.tags)), legal.offsets)
    assert TRANSITION[legal.tags[inner - 1], legal.tags[inner]].all()
    assert START[legal.tags[legal.offsets[:-1]]].all()


@pytest.mark.parametrize("output", ["softmax", "crf", "sigmoid"])
def test_calibration_finds_the_temperature_the_tags_were_drawn_at(output):
    classes = 1 if output == "sigmoid" else 5
    config = NetworkConfig(rows=30, classes=classes, hidden=8, output=output)
    some = sequences(n=600)
    params = {k: v * np.float32(3) for k, v in init(config, 1).items()}
    true = marginals_of(config, params, some, 2.0)
    u = np.random.default_rng(0).random(len(true))[:, None]
    drawn = (true.cumsum(axis=1) < u).sum(axis=1).clip(0, true.shape[1] - 1)
    dev = Sequences(some.tokens, some.offsets, drawn.astype(np.int32))
    assert 1.8 < calibrate(config, params, BAGS, dev) < 2.2
    hot, cold = (
        Decoder(config, params, temperature=t).tag_with_probabilities(BAGS, some) for t in (2.0, 1.0)
    )
    np.testing.assert_array_equal(hot.tags, cold.tags)
    assert hot.tag_probability.mean() < cold.tag_probability.mean()


def test_a_prediction_of_some_sequences_is_that_of_decoding_them():
    some, decoder = sequences(), Decoder(CONFIG, wild(CONFIG), SCHEME)
    which = np.random.default_rng(5).integers(0, len(some), 60)
    ours = decoder.tag_with_probabilities(BAGS, some).take(which)
    again = decoder.tag_with_probabilities(BAGS, some.take(which))
    for name in ("tags", "offsets", "tag_probability"):
        np.testing.assert_allclose(getattr(ours, name), getattr(again, name), atol=1e-5)
    for column, expected in zip(ours.spans, again.spans, strict=True):
        np.testing.assert_allclose(column, expected, atol=1e-5)
