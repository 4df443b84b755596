"""Only legal sequences come out, with the same numbers whatever the batches."""

import numpy as np
import pytest
from seqeval.metrics import f1_score

from elman.rnn.compute.batches import Bags, Sequences, by_length, pack
from elman.rnn.inference.decode import Scheme, calibrate, predict, repeat, span_f1, spans_of
from elman.rnn.networks.architecture import init
from elman.rnn.networks.tagger import NetworkConfig

TAGS = ["O", "B-X", "I-X", "B-Y", "I-Y"]
SCHEME = Scheme(np.array([False, True, False, True, False]), np.array([-1, 0, 0, 1, 1], np.int32))
START = np.array([tag[0] != "I" for tag in TAGS])
TRANSITION = np.array([[b[0] != "I" or (a != "O" and a[2:] == b[2:]) for b in TAGS] for a in TAGS])
LEGAL = {"start_legal": START, "transition_legal": TRANSITION}


def sequences(n=40, symbols=30, seed=0, S=1):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 12, n))]).astype(np.int64)
    targets = rng.integers(0, 5, offsets[-1] * S).astype(np.int32)
    return Sequences(rng.integers(0, symbols, offsets[-1]).astype(np.int32), offsets, targets)


def wild(config, seed=0):
    """Random weights large enough that argmax alone would be illegal."""
    return {k: v * np.float32(8) for k, v in init(config, seed).items()}


CONFIG = NetworkConfig(rows=30, classes=5, hidden=8)


def test_tags_are_legal_and_independent_of_batches_and_order():
    some, params, bags = sequences(), wild(CONFIG), Bags.single(30)
    whole = predict(params, CONFIG, bags, some, scheme=SCHEME, marginals=True, **LEGAL)
    assert START[whole.tags[some.offsets[:-1]]].all()
    inner = np.ones(len(whole.tags), bool)
    inner[some.offsets[:-1]] = False
    at = np.flatnonzero(inner)
    assert TRANSITION[whole.tags[at - 1], whole.tags[at]].all()
    free = predict(params, CONFIG, bags, some)
    assert not TRANSITION[free.tags[at - 1], free.tags[at]].all()
    np.testing.assert_allclose(whole.marginals.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        whole.tag_probability, whole.marginals[np.arange(len(whole.tags)), whole.tags], rtol=1e-6
    )
    small = predict(params, CONFIG, bags, some, scheme=SCHEME, batch_tokens=1, **LEGAL)
    np.testing.assert_array_equal(small.tags, whole.tags)
    np.testing.assert_allclose(small.tag_probability, whole.tag_probability, atol=1e-5)
    for ours, theirs in zip(small.spans, whole.spans, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for workers in (2, 3):
        shared = predict(
            params,
            CONFIG,
            bags,
            some,
            scheme=SCHEME,
            marginals=True,
            batch_tokens=4,
            workers=workers,
            **LEGAL,
        )
        np.testing.assert_array_equal(shared.tags, whole.tags)
        np.testing.assert_allclose(shared.marginals, whole.marginals, atol=1e-5)
        np.testing.assert_allclose(shared.spans.probability, whole.spans.probability, atol=1e-5)
    back = np.arange(len(some))[::-1]
    turned = predict(params, CONFIG, bags, some.take(back), **LEGAL)
    pieces = np.split(turned.tags, turned.offsets[1:-1])[::-1]
    np.testing.assert_array_equal(np.concatenate(pieces), whole.tags)


def test_spans_of_a_prediction_are_those_of_its_tags():
    some, params = sequences(), wild(CONFIG)
    said = predict(params, CONFIG, Bags.single(30), some, scheme=SCHEME, **LEGAL)
    plain = spans_of(said.tags, said.offsets, SCHEME)
    for ours, theirs in zip(said.spans[:4], plain[:4], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert ((said.spans.probability > 0) & (said.spans.probability <= 1 + 1e-6)).all()
    least = [
        said.tag_probability[said.offsets[s] + a : said.offsets[s] + b].min()
        for s, a, b in zip(said.spans.sequence, said.spans.start, said.spans.end, strict=True)
    ]
    assert (said.spans.probability <= np.array(least) + 1e-6).all()
    bare = predict(params, CONFIG, Bags.single(30), some, scheme=SCHEME, probabilities=False, **LEGAL)
    assert bare.tag_probability is None
    np.testing.assert_array_equal(bare.spans.start, plain.start)


def test_span_f1_equals_seqeval_on_legal_and_illegal_tags():
    for seed in range(20):
        gold, said = sequences(n=5, seed=seed), sequences(n=5, seed=seed + 100)
        said = said.targets[: len(gold.targets)]
        said = np.resize(said, len(gold.targets))
        prediction = type("Prediction", (), {"tags": said, "offsets": gold.offsets})
        split = [[TAGS[t] for t in s] for s in np.split(gold.targets, gold.offsets[1:-1])]
        guess = [[TAGS[t] for t in s] for s in np.split(said, gold.offsets[1:-1])]
        ours = span_f1(gold.targets, gold.offsets, SCHEME)(prediction)
        assert abs(ours - f1_score(split, guess)) < 1e-12


def test_sigmoid_says_yes_above_one_half_and_runs_are_entities():
    config = NetworkConfig(rows=30, classes=1, hidden=8, output="sigmoid")
    some, params = sequences(), wild(config)
    scheme = Scheme(np.array([False, False]), np.array([-1, 0], np.int32))
    said = predict(params, config, Bags.single(30), some, scheme=scheme, marginals=True)
    batch = pack(some, np.arange(len(some)))
    logits, _ = config.forward(params, Bags.single(30), batch)
    yes = 1 / (1 + np.exp(-logits[:, 0].astype(np.float64)))
    np.testing.assert_allclose(said.marginals[batch.places, 1], yes, rtol=1e-5, atol=1e-12)
    np.testing.assert_array_equal(said.tags[batch.places], yes > 0.5)
    s = int(said.spans.sequence[0])
    p = said.marginals[said.offsets[s] : said.offsets[s + 1], 1]
    a, b = int(said.spans.start[0]), int(said.spans.end[0])
    expected = p[a:b].prod() * (1 - p[a - 1] if a else 1) * (1 - p[b] if b < len(p) else 1)
    assert (p[a:b] > 0.5).all()
    np.testing.assert_allclose(said.spans.probability[0], expected, rtol=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 10_000])
def test_several_outputs_a_step_come_out_in_the_order_of_the_symbols(batch_tokens):
    config = NetworkConfig(rows=30, classes=5, hidden=8, outputs_per_step=3)
    some, params, bags = sequences(S=3), wild(config), Bags.single(30)
    said = predict(params, config, bags, some, batch_tokens=batch_tokens, marginals=True)
    assert len(said.tags) == 3 * len(some.tokens)
    batch = pack(some, np.arange(len(some)))
    logits = config.forward(params, bags, batch)[0].reshape(-1, 3, 5)
    np.testing.assert_array_equal(said.tags.reshape(-1, 3)[batch.places], logits.argmax(axis=2))
    legal = predict(params, config, bags, some, batch_tokens=batch_tokens, scheme=SCHEME, **LEGAL)
    inner = np.setdiff1d(np.arange(len(legal.tags)), legal.offsets)
    assert TRANSITION[legal.tags[inner - 1], legal.tags[inner]].all()
    assert START[legal.tags[legal.offsets[:-1]]].all()


def test_batches_hold_every_sequence_once_and_keep_to_their_size():
    lengths = np.random.default_rng(0).integers(1, 50, 300)
    cut = list(by_length(lengths, 100))
    assert sorted(np.concatenate(cut).tolist()) == list(range(300))
    assert all(lengths[some].sum() <= 100 for some in cut)
    assert [len(some) for some in by_length(np.array([500, 1]), 100)] == [1, 1]


@pytest.mark.parametrize("output", ["softmax", "crf", "sigmoid"])
def test_calibration_finds_the_temperature_the_tags_were_drawn_at(output):
    classes = 1 if output == "sigmoid" else 5
    config = NetworkConfig(rows=30, classes=classes, hidden=8, output=output)
    some, bags = sequences(n=600), Bags.single(30)
    params = {k: v * np.float32(3) for k, v in init(config, 1).items()}
    true = predict(params, config, bags, some, marginals=True, temperature=2.0)
    u = np.random.default_rng(0).random(len(true.tags))[:, None]
    drawn = (true.marginals.cumsum(axis=1) < u).sum(axis=1).clip(0, true.marginals.shape[1] - 1)
    dev = Sequences(some.tokens, some.offsets, drawn.astype(np.int32))
    assert 1.8 < calibrate(params, config, bags, dev) < 2.2
    hot, cold = (predict(params, config, bags, some, temperature=t) for t in (2.0, 1.0))
    np.testing.assert_array_equal(hot.tags, cold.tags)
    assert hot.tag_probability.mean() < cold.tag_probability.mean()


def test_a_prediction_repeated_is_that_of_the_sequences_repeated():
    some, params, bags = sequences(), wild(CONFIG), Bags.single(30)
    which = np.random.default_rng(5).integers(0, len(some), 60)
    once = predict(params, CONFIG, bags, some, scheme=SCHEME, **LEGAL)
    again = predict(params, CONFIG, bags, some.take(which), scheme=SCHEME, **LEGAL)
    ours = repeat(once, which)
    for name in ("tags", "offsets", "tag_probability"):
        np.testing.assert_allclose(getattr(ours, name), getattr(again, name), atol=1e-5)
    for column, expected in zip(ours.spans, again.spans, strict=True):
        np.testing.assert_allclose(column, expected, atol=1e-5)
