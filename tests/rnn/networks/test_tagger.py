"""Networks compute their equations, and their gradients are right for every parameter."""

import numpy as np
import pytest

from elman.rnn.compute.arrays import RowGradient
from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.networks.architecture import Noise, init
from elman.rnn.networks.baselines import PaddedConfig, WindowConfig
from elman.rnn.networks.ensemble import EnsembleConfig, members_of
from elman.rnn.networks.language_model import LanguageModelConfig
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import article
from elman.rnn.training.losses import Criterion

ROWS, SYMBOLS = 9, 7


def bags_of():
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 4, SYMBOLS)
    offsets = offsets_of(sizes)
    unknown = np.array([0, 0, 0, 3, 3, 5, 6], np.int32)
    return Bags(rng.integers(0, ROWS, offsets[-1]).astype(np.int32), offsets, unknown)


def data(lengths, classes, S=1):
    rng = np.random.default_rng(1)
    offsets = offsets_of(lengths)
    tokens = rng.integers(0, SYMBOLS, offsets[-1]).astype(np.int32)
    return Sequences(tokens, offsets, rng.integers(-1, classes, offsets[-1] * S).astype(np.int32))


def network(**fields):
    return lambda train: NetworkConfig(**{"rows": ROWS, "classes": 3, "hidden": 4, **fields})


def language_model(**fields):
    below = NetworkConfig(rows=ROWS, classes=3, hidden=4, **fields)
    word_of = np.array([0, 1, 2, 3, -1, 2, 1], np.int32)
    return LanguageModelConfig(network=below, counts=np.array([9, 5, 2, 1]), word_of=word_of, drawn=3)


NETWORKS = {
    "article": network(bidirectional=False),
    "bidirectional": network(),
    "stacked": network(layers=2),
    "embedding": network(embedding=3),
    "gru": network(cell="gru"),
    "lstm, embedding": network(cell="lstm", embedding=3),
    "letters": network(embedding=4, letters=5),
    "letters, gru": network(cell="gru", embedding=8, letters=3, layers=2),
    "letters, lstm": network(cell="lstm", embedding=4, letters=8),
    "steps of three": network(outputs_per_step=3),
    "sigmoid": network(output="sigmoid", classes=1),
    "language model": lambda train: language_model(),
    "language model one way": lambda train: language_model(bidirectional=False, cell="gru", embedding=3),
    "ensemble": lambda train: EnsembleConfig(member=network(embedding=3)(train), members=2),
    "padded": lambda train: PaddedConfig.of(bags_of(), train, rows=ROWS, classes=3, hidden=4),
    "window": lambda train: WindowConfig(rows=ROWS, classes=3, width=5, hidden=4),
    "window sigmoid": lambda train: WindowConfig(
        rows=ROWS, classes=1, width=3, hidden=4, output="sigmoid", outputs_per_step=2
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("lengths", [[4, 1, 3], [1], [1, 1], [5, 5]])
@pytest.mark.parametrize("noisy", [False, True])
def test_every_gradient(name, lengths, noisy):
    config = NETWORKS[name](data(lengths, 3))
    classes = 2 if config.output == "sigmoid" else config.classes
    train = data(lengths, classes, config.outputs_per_step)
    bags, batch = bags_of(), pack(train, np.arange(len(lengths)))
    rng = np.random.default_rng(2)
    params = {k: rng.standard_normal(v) * 0.7 for k, v in config.parameters().items()}
    upstream = rng.standard_normal((len(batch.places), config.classes * config.outputs_per_step))

    def forward(at):
        noise = Noise(np.random.default_rng(9), 0.3, 0.4, 0.2) if noisy else None
        return config.build().forward(at, bags, batch, noise)

    logits, backprop = forward(params)
    assert logits.dtype == np.float64
    gradients = backprop(upstream)
    assert gradients.keys() == params.keys()
    for key, gradient in gradients.items():
        dense = gradient
        if isinstance(gradient, RowGradient):
            dense = np.zeros_like(params[key])
            dense[gradient.rows] = gradient.values
        direction, eps = rng.standard_normal(params[key].shape), 1e-6

        def along(step, key=key, direction=direction):
            return np.vdot(forward({**params, key: params[key] + step * direction})[0], upstream)

        numeric = (along(eps) - along(-eps)) / (2 * eps)
        np.testing.assert_allclose(np.vdot(dense, direction), numeric, rtol=1e-6, atol=1e-8, err_msg=key)


def test_the_equation_of_the_article_with_column_vectors():
    config = NetworkConfig(rows=ROWS, classes=3, hidden=4, bidirectional=False)
    params, bags = init(config, 0), Bags.single(ROWS, unknown=1)
    params = {k: v + np.float32(0.1) for k, v in params.items()}
    train = Sequences(np.array([2, 7, 0, 5], np.int32), np.array([0, 4], np.int64))
    logits, _ = config.build().forward(params, bags, pack(train, np.arange(1)))
    Waa, Wax, Wa, Wya, ba, by = article(params, config)
    assert (Waa.shape, Wax.shape, Wa.shape) == ((4, 4), (4, ROWS), (4, 4 + ROWS))
    a = np.zeros((4, 1))
    for t, symbol in enumerate(train.tokens):
        x = np.zeros((ROWS, 1))
        x[symbol] = 1
        stacked = np.tanh(Wa @ np.vstack([a, x]) + ba)
        a = np.tanh(Waa @ a + Wax @ x + ba)
        np.testing.assert_allclose(a, stacked, rtol=1e-6)
        np.testing.assert_allclose(logits[t], (Wya @ a + by)[:, 0], rtol=1e-5, atol=1e-6)


def test_the_unknown_row_receives_gradient():
    config = NetworkConfig(rows=5, classes=2, hidden=4)
    bags = Bags.single(5, unknown=1)
    train = Sequences(np.array([2, 3, 4, 2], np.int32), np.array([0, 4]), np.array([0, 1, 0, 1], np.int32))
    batch, params = pack(train, np.arange(1)), init(config, 0)
    (member,), criterion = members_of(config, params), Criterion.of(config)
    without = criterion.gradients(member, bags, batch, train).gradients["table"]
    assert 1 not in without.rows
    noise = Noise(np.random.default_rng(0), unknown=0.5)
    table = criterion.gradients(member, bags, batch, train, noise).gradients["table"]
    assert np.abs(table.values[table.rows == 1]).sum() > 0


def test_impossible_settings_are_refused():
    for fields in ({"cell": "transformer"}, {"output": "argmax"}, {"hidden": 0}, {"output": "sigmoid"}):
        with pytest.raises(ValueError, match="Got"):
            NetworkConfig(**{"rows": 3, "classes": 2, **fields})
    config = NetworkConfig(rows=3, classes=2, layers=2, embedding=5)
    assert NetworkConfig.from_dict(config.to_dict()) == config


def test_retired_settings_are_read_at_their_default_only():
    fields = {"kind": "network", "rows": 3, "classes": 2}
    for retired in ({}, {"direct": 0}):
        assert NetworkConfig.from_dict({**fields, **retired}) == NetworkConfig(rows=3, classes=2)
    with pytest.raises(ValueError, match=r"direct must be 0: .* Got 3"):
        NetworkConfig.from_dict({**fields, "direct": 3})
    with pytest.raises(ValueError, match="cell must be one of elman, gru, lstm"):
        NetworkConfig.from_dict({**fields, "cell": "relu"})
