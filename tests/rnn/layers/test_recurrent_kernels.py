"""The Numba kernels compute what the NumPy references compute."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.compute.fast_math import exp, exp2
from elman.rnn.inference.decode import Scheme, spans_of
from elman.rnn.inference.input_cache import logits_function
from elman.rnn.layers import crf, crf_kernels, embedding, embedding_kernels, recurrent, recurrent_kernels
from elman.rnn.layers import dense as layers
from elman.rnn.networks.architecture import init
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.optimiser import Adam

H = 13


def batch_of(lengths, symbols=1):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    tokens = np.random.default_rng(0).integers(0, symbols, offsets[-1]).astype(np.int32)
    return pack(Sequences(tokens, offsets), np.arange(len(lengths)))


@pytest.mark.parametrize("cell", recurrent.CELLS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("lengths", [[9, 1, 4, 4], [1, 1], [3]])
def test_cells(cell, reverse, dropped, lengths):
    rng = np.random.default_rng(1)
    batch, F = batch_of(lengths), recurrent.GATES[cell]
    x = rng.standard_normal((len(batch.places), F * H), np.float32)
    weights = {"Wh": rng.standard_normal((H, F * H), np.float32) * np.float32(0.3)}
    if cell == "gru":
        weights["bh"] = rng.standard_normal(H, np.float32)
    keep = (rng.integers(0, 2, (len(lengths), H)) * 2).astype(np.float32) if dropped else None
    results = []
    for library in (recurrent, recurrent_kernels):
        h, backprop = library.CELLS[cell](x, weights, batch, reverse=reverse, keep=keep)
        wide = np.random.default_rng(2).standard_normal((len(h), 2 * H), np.float32)
        results.append((h, *backprop(wide[:, H:])))
    (h, dx, dweights), (h_fast, dx_fast, dweights_fast) = results
    np.testing.assert_allclose(h_fast, h, atol=2e-6)
    np.testing.assert_allclose(dx_fast, dx, atol=2e-5)
    assert dweights_fast.keys() == dweights.keys()
    for name, value in dweights.items():
        np.testing.assert_allclose(dweights_fast[name], value, atol=1e-4)


@pytest.mark.parametrize("dropped", [False, True])
def test_one_hot(dropped):
    rng = np.random.default_rng(3)
    sizes = np.array([0, 3, 1, 2, 4, 0])
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    bags = Bags(rng.integers(0, 9, 10).astype(np.int32), offsets, np.arange(6, dtype=np.int32))
    tokens = rng.integers(0, 6, 40).astype(np.int32)
    table = rng.standard_normal((9, 7), np.float32)
    slow = embedding.OneHot(bags, tokens)
    fast = embedding_kernels.OneHot(bags, tokens, 9)
    if dropped:  # the two draw for their entries in another order: make the factors follow the entry
        distinct, first = np.unique(tokens, return_index=True)
        factor = {int(b): rng.integers(0, 2, sizes[b]) * 2.0 for b in distinct}
        come = [int(tokens[i]) for i in np.sort(first)]
        slow = embedding.OneHot(bags, tokens, lambda n: np.concatenate([factor[int(b)] for b in distinct]))
        fast = embedding_kernels.OneHot(
            bags, tokens, 9, lambda n: np.concatenate([factor[b] for b in come]).astype(np.float32)
        )
    x, backprop = slow.times(table)
    x_fast, backprop_fast = fast.times(table)
    np.testing.assert_allclose(x_fast, x, atol=1e-5)
    dx = rng.standard_normal(x.shape, np.float32)
    dense = []
    for rows, values in (backprop(dx), backprop_fast(dx)):
        assert len(np.unique(rows)) == len(rows)
        whole = np.zeros_like(table)
        whole[rows] = values
        dense.append(whole)
    np.testing.assert_allclose(dense[1], dense[0], atol=1e-5)


def test_tanh_is_close_everywhere():
    x = np.concatenate([np.linspace(-30, 30, 20001), [-1e30, 1e30, 0.0, 1e-30]]).astype(np.float32)
    one = batch_of([1])
    y, _ = recurrent_kernels.CELLS["elman"](x[None], {"Wh": np.zeros((len(x), len(x)), np.float32)}, one)
    np.testing.assert_allclose(y[0], np.tanh(x.astype(np.float64)), atol=4e-7)


def test_adam():
    rng = np.random.default_rng(0)
    scalars = [np.float32(s) for s in (0.01, 0.9, 0.999, 1e-8)]
    p = rng.standard_normal((6, 5), np.float32)
    slow = Adam.of({"p": p})
    ours, m, v = p.copy(), np.zeros_like(p), np.zeros_like(p)
    for _ in range(3):
        g = rng.standard_normal(p.shape, np.float32)
        slow._move(slow.m["p"], slow.v["p"], g, 0.0)
        embedding_kernels.adam_dense(*(a.reshape(-1) for a in (ours, m, v, g)), *scalars)
        np.testing.assert_allclose(m, slow.m["p"], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(v, slow.v["p"], rtol=1e-5, atol=1e-7)
    rows = np.array([4, 1])
    before, moved = ours.copy(), ours.copy()
    g = rng.standard_normal((2, 5), np.float32)
    m2, v2 = m.copy(), v.copy()
    embedding_kernels.adam_rows(moved, m2, v2, rows, g, *scalars)
    step = slow._move(m[rows], v[rows], g, 0.01)
    np.testing.assert_allclose(moved[rows], before[rows] - step, rtol=1e-4, atol=1e-6)
    others = [0, 2, 3, 5]
    np.testing.assert_array_equal(moved[others], before[others])
    np.testing.assert_array_equal(m2[others], m[others])


@pytest.mark.parametrize("lengths", [[9, 1, 4, 4], [1, 1], [3]])
@pytest.mark.parametrize("size", [1.0, 100.0])
def test_chain(lengths, size):
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


@pytest.mark.parametrize("cell", recurrent.CELLS)
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"bidirectional": False},
        {"embedding": 4, "direct": 5},
        {"layers": 3, "outputs_per_step": 2},
        {"layers": 2, "bidirectional": False, "embedding": 3},
    ],
)
def test_the_tagger_gives_the_logits_of_the_forward_pass(cell, fields):
    config = NetworkConfig(**{"rows": 9, "classes": 3, "hidden": 6, "cell": cell, **fields})
    batch = batch_of([9, 1, 4, 4], symbols=6)
    sizes = np.array([0, 3, 1, 2, 4, 0])
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    bags = Bags(np.arange(10, dtype=np.int32) % 9, offsets, np.arange(6, dtype=np.int32))
    params = {name: value + np.float32(0.05) for name, value in init(config, 0).items()}
    slow, _ = config.forward({k: v.astype(np.float64) for k, v in params.items()}, bags, batch)
    np.testing.assert_allclose(logits_function(config, params, bags)(batch), slow, atol=1e-5)
    np.testing.assert_allclose(config.forward(params, bags, batch)[0], slow, atol=1e-5)


@pytest.mark.parametrize("weights", [None, np.array([0.5, 1.0, 3.0])])
def test_softmax_cross_entropy(weights):
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((50, 3), np.float32) * 9, rng.integers(-1, 3, 50).astype(np.int32)
    loss, seen, gradient = layers.softmax_cross_entropy(logits, targets, weights)
    slow = layers.softmax_cross_entropy(logits.astype(np.float64), targets, weights)
    np.testing.assert_allclose((loss, seen), slow[:2], rtol=1e-5)
    np.testing.assert_allclose(gradient, slow[2], atol=1e-6)


def test_exp_is_close_where_it_is_asked():
    x = np.linspace(-80, 80, 20001).astype(np.float32)
    np.testing.assert_allclose([exp(v) for v in x], np.exp(x.astype(np.float64)), rtol=3e-7)


def test_exp2_is_close_and_stays_within_its_bounds():
    x = np.concatenate([np.linspace(-40, 40, 20001), [0.5, -0.5, 0, 1e30, -1e30]]).astype(np.float32)
    near = np.exp2(np.clip(x, -40, 40).astype(np.float64))
    np.testing.assert_allclose([exp2(v) for v in x], near, rtol=3e-7)
    assert exp2(np.float32(0)) == 1


@pytest.mark.parametrize("size", [30.0, 1e3, 1e30])
def test_an_lstm_of_saturated_gates(size):
    """What is far from 0 gives gates of 0 and 1, no overflow of their common denominator."""
    x = np.tile(np.array([1, -1], np.float32) * np.float32(size), (6, 4 * H))[:, : 4 * H]
    weights, batch = {"Wh": np.zeros((H, 4 * H), np.float32)}, batch_of([3, 2, 1])
    h, _ = recurrent_kernels.CELLS["lstm"](x, weights, batch)
    wanted, _ = recurrent.CELLS["lstm"](x, weights, batch)
    np.testing.assert_allclose(h, wanted, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 8, 16])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
@pytest.mark.parametrize("trained", [False, True])
def test_decoding_a_chain(scale, temperature, trained):
    """Tags of the float64 reference, and its probabilities of tags and entities to 1e-5."""
    rng = np.random.default_rng(scale)
    batch, tags = batch_of([9, 1, 4, 4, 30, 12, 2, 2]), 5
    begin, kind = np.array([False, True, False, True, False]), np.array([-1, 0, 0, 1, 1], np.int32)
    after = (kind[:, None] == kind[None, :]) | begin[None, :] | (kind[None, :] < 0)
    legal = crf.Weights.legal(tags, np.array([True, True, False, True, False]), after)
    if trained:
        legal = crf.Weights(*(w + rng.standard_normal(w.shape) for w in legal))
    emission = rng.standard_normal((len(batch.places), tags)) * scale
    best = crf.viterbi(emission, batch.starts, legal)
    cooled = crf.Weights(*(w / temperature for w in legal))
    posterior = crf.forward_backward(emission / temperature, batch.starts, cooled)
    order = np.argsort(batch.places)
    flat = crf.Posterior(*(part[order] for part in posterior[:4]), posterior.log_z)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(batch.member)[np.argsort(batch.sequences)])])
    spans = spans_of(best[order], offsets, Scheme(begin, kind))
    at = offsets[spans.sequence]
    follow = (kind[None, :] == kind[:, None]) & ~begin[None, :]
    last = np.isin(np.arange(len(order)), offsets[1:] - 1)
    expected = crf.span_probability(
        flat, cooled, best[order], ends=last, start=at + spans.start, end=at + spans.end, follow=follow
    )
    ours, chance, found = crf_kernels.decode(
        emission.astype(np.float32), batch.starts, legal, temperature, begin, kind
    )
    np.testing.assert_array_equal(ours, best)
    np.testing.assert_allclose(chance, posterior.marginals[np.arange(len(best)), best], atol=1e-5)
    member, start, end, name, sure = found
    rows = np.lexsort((start, batch.sequences[member]))
    for got, wanted in zip((batch.sequences[member], start, end, name), spans[:4], strict=True):
        np.testing.assert_array_equal(got[rows], wanted)
    np.testing.assert_allclose(sure[rows], expected, atol=1e-5)
