"""Next-symbol models: the inputs are one step late, losses and their gradients are right."""

import numpy as np
import pytest

from elman.rnn.compute.batches import pack
from elman.rnn.networks import weights
from elman.rnn.networks.architecture import init
from elman.rnn.networks.next_symbol import NextSymbolConfig, Symbols, fed_back, loss, step_losses
from elman.rnn.networks.tagger import Carried

OFFSETS = np.array([0, 4, 5, 8])
SETS = np.array([[1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [0, 1, 0, 1, 0]], bool)


def model(output, cell="gru", **fields):
    rng = np.random.default_rng(1)
    symbols = Symbols.keys(SETS) if output == "sigmoid" else Symbols.classes(3)
    rows = 5 if output == "sigmoid" else 3
    config = NextSymbolConfig(rows=rows, output=output, hidden=6, cell=cell, **fields)
    params = {name: rng.standard_normal(shape) * 0.5 for name, shape in config.parameters().items()}
    return config, symbols, params, rng.integers(3, size=8).astype(np.int32), rng


def assert_derivative(function, at, gradient, rng):
    """A step along a random direction changes the loss by the gradient's dot product."""
    direction, eps = rng.standard_normal(at.shape), 1e-6
    numeric = (function(at + eps * direction) - function(at - eps * direction)) / (2 * eps)
    np.testing.assert_allclose(np.vdot(gradient, direction), numeric, rtol=1e-6, atol=1e-9)


def test_the_first_input_is_nothing_and_then_the_symbol_before():
    sequences = fed_back(np.array([2, 0, 1, 1, 2, 0, 0, 2], np.int32), OFFSETS)
    assert sequences.tokens.tolist() == [0, 3, 1, 2, 0, 0, 1, 1]
    bags = Symbols.classes(3).bags
    assert [bags.rows[a:b].tolist() for a, b in zip(bags.offsets, bags.offsets[1:], strict=False)] == [
        [],
        [0],
        [1],
        [2],
    ]


def test_a_context_is_rows_beside_a_symbol_that_are_never_asked_for():
    symbols = Symbols.classes(3, [(0, 3), (2, 3, 4)])
    assert symbols.bags.offsets.tolist() == [0, 0, 1, 2, 3, 5, 8]
    assert symbols.bags.rows.tolist() == [0, 1, 2, 0, 3, 2, 3, 4]
    config = NextSymbolConfig(rows=5, context=2, hidden=4)
    assert (config.classes, config.parameters()["table"][0]) == (3, 5)
    assert NextSymbolConfig.from_dict(config.to_dict()) == config
    assert {"context", "direct", "start"}.isdisjoint(NextSymbolConfig(rows=5).to_dict())
    with pytest.raises(ValueError, match="context must be some rows of a softmax"):
        NextSymbolConfig(rows=5, context=5)


def test_nothing_is_a_row_of_zeros():
    config, symbols, params, y, _ = model("softmax", "elman")
    logits, _ = config.build().forward(params, symbols.bags, pack(fed_back(y, OFFSETS), np.arange(3)))
    h = np.tanh(params["0.forward.b"])
    np.testing.assert_allclose(logits[0], h @ params["head.Wy"] + params["head.by"], rtol=1e-12)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@pytest.mark.parametrize(
    "fields", [{}, {"cell": "elman"}, {"layers": 2, "embedding": 4}, {"direct": True}], ids=str
)
def test_gradients_of_a_batch_that_goes_on_from_carried_states(output, fields):
    config, symbols, params, y, rng = model(output, **fields)
    network, sequences = config.build(), fed_back(y, OFFSETS)
    batch = pack(sequences, np.arange(3), 1, 3)  # steps 1 and 2: sequence 1 has none of them
    assert batch.sequences.tolist() == [0, 2]
    before = {f"{layer}.forward": rng.standard_normal((2, 6)) for layer in range(config.layers)}

    def total(params):
        logits, back = network.forward_from(params, symbols.bags, batch, None, Carried(before))
        value, seen, d = loss(config, symbols, logits, y[batch.places])
        assert seen == 4
        return value, back(d)

    _, gradients = total(params)
    assert gradients.keys() == params.keys()
    for name, gradient in gradients.items():
        whole = gradient
        if name in ("table", "head.direct"):
            whole = np.zeros_like(params[name])
            whole[gradient.rows] = gradient.values
        assert_derivative(lambda at, name=name: total({**params, name: at})[0], params[name], whole, rng)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@pytest.mark.parametrize("direct", [False, True])
def test_weights_of_a_start_add_to_first_steps_from_nothing_alone(output, direct):
    config, symbols, params, y, rng = model(output, start=True, direct=direct)
    assert NextSymbolConfig.from_dict(config.to_dict()) == config
    network = config.build()
    cue = np.array([1, 0, 0], np.int32)  # sequence 0 begins from symbol 0
    sequences = fed_back(y, OFFSETS, cue)
    batch = pack(sequences, np.arange(3))

    def logits_with(start):
        return network.forward(params | {"head.start": start}, symbols.bags, batch)[0]

    difference = logits_with(params["head.start"]) - logits_with(np.zeros_like(params["head.start"]))
    first = np.isin(batch.places, OFFSETS[1:3])
    np.testing.assert_allclose(difference[first], np.tile(params["head.start"], (2, 1)), rtol=1e-12)
    assert not difference[~first].any()

    def total(start):
        value, _, d = loss(config, symbols, logits_with(start), y[batch.places])
        return value, d

    _, back = network.forward(params, symbols.bags, batch)
    gradient = back(total(params["head.start"])[1])["head.start"]
    assert_derivative(lambda at: total(at)[0], params["head.start"], gradient, rng)


def test_prior_logits_give_symbols_the_share_of_their_counts_and_one_more():
    odds = Symbols.classes(3).prior_logits(np.array([2, 2, 0], np.int32), 3)
    np.testing.assert_allclose(np.exp(odds), [4 / 12, 1 / 12, 7 / 12], rtol=1e-6)
    odds = Symbols.keys(SETS, (0, 1)).prior_logits(np.array([0], np.int32), 1)  # keys 0 and 2, moved 1 and 3
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), [0.4, 0.4, 0.4, 0.4, 0.2 / 3], rtol=1e-6)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_pieces_of_a_sequence_with_the_state_carried_over_are_the_whole(output, dtype):
    config, symbols, params, y, _ = model(output, layers=2, embedding=4)
    params = {name: value.astype(dtype) for name, value in params.items()}
    network, sequences = config.build(), fed_back(y, OFFSETS)
    whole, _ = network.forward(params, symbols.bags, batch := pack(sequences, np.arange(3)))
    expected = np.empty_like(whole)
    expected[batch.places] = whole
    carried = {}
    for first in range(4):
        batch = pack(sequences, np.arange(3), first, first + 1)
        own = Carried({name: h[batch.sequences] for name, h in carried.items()})
        logits, _ = network.forward_from(params, symbols.bags, batch, None, own)
        np.testing.assert_allclose(logits, expected[batch.places], rtol=0, atol=1e-6)
        for name, h in own.after.items():
            carried.setdefault(name, np.zeros((3, 6), dtype))[batch.sequences] = h


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_the_losses_of_the_steps_add_up_to_the_loss(output):
    config, symbols, params, y, _ = model(output)
    batch = pack(fed_back(y, OFFSETS), np.arange(3))
    logits, _ = config.build().forward(params, symbols.bags, batch)
    total, seen, _ = loss(config, symbols, logits, y[batch.places])
    every = step_losses(config, symbols, logits, y[batch.places])
    assert seen == len(every) == 8
    np.testing.assert_allclose(every.sum(), total, rtol=1e-12)


def test_the_loss_of_keys_is_that_of_each_key_summed():
    config, symbols, *_ = model("sigmoid")
    logits = np.array([[0.5, -1.0, 2.0, 0.0, 1.0]])
    p = 1 / (1 + np.exp(-logits[0]))
    total, _, _ = loss(config, symbols, logits, np.array([0], np.int32))
    np.testing.assert_allclose(total, -np.log(np.where(SETS[0], p, 1 - p)).sum(), rtol=1e-12)


def test_variants_are_the_sets_moved_and_keep_every_key():
    symbols = Symbols.keys(SETS, (0, 1))
    assert (symbols.variants, symbols.distinct) == (2, 3)
    assert symbols.outputs[3].tolist() == [0, 1, 0, 1, 0]
    with pytest.raises(ValueError, match=r"keep all keys within 5\. Got -1"):
        Symbols.keys(SETS, (0, -1))


def test_weights_are_written_and_read_back():
    config = NextSymbolConfig(rows=3, hidden=4, layers=2, embedding=4)
    params = init(config, 0)
    again, read, _ = weights.from_bytes(weights.to_bytes(params, config))
    assert read == config
    assert all((again[name] == value).all() for name, value in params.items())


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"cell": "lstm"}, "begin from another state"), ({"output": "crf"}, "softmax or sigmoid")],
)
def test_settings_that_cannot_be_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        NextSymbolConfig(rows=3, **fields)
