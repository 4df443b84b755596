"""Classifiers: one row of logits a sequence; gradients of the loss; prepared networks give the same."""

import numpy as np
import pytest

from elman.rnn.compute import arrays
from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.classify import classify
from elman.rnn.layers import crf
from elman.rnn.layers.pooling import POOLINGS
from elman.rnn.networks import weights
from elman.rnn.networks.architecture import init
from elman.rnn.networks.classifier import ClassifierConfig
from elman.rnn.networks.ensemble import members_of
from elman.rnn.training.classifier import SequenceCriterion, with_classes

BAGS = Bags(np.array([0, 1, 1, 2, 3, 4], np.int32), np.array([0, 2, 2, 4, 6]), np.arange(4, dtype=np.int32))
OFFSETS = offsets_of([3, 1, 4, 2])  # bag 1 is empty
TOKENS = np.array([0, 1, 2, 3, 3, 2, 0, 1, 2, 2], np.int32)
CLASSES = np.array([2, 0, 1, 2], np.int32)
TRAIN = with_classes(Sequences(TOKENS, OFFSETS), CLASSES)
CRITERION = SequenceCriterion(crf.Weights.legal(3, None, None))


def made(**fields):
    config = ClassifierConfig(rows=5, classes=3, hidden=6, **fields)
    rng = np.random.default_rng(3)
    return config, {name: rng.standard_normal(shape) * 0.5 for name, shape in config.parameters().items()}


def test_the_class_stands_at_the_last_step():
    assert TRAIN.targets.tolist() == [-1, -1, 2, 0, -1, -1, -1, 1, -1, 2]


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(
    "fields",
    [{"cell": "elman", "bidirectional": False}, {"embedding": 4, "layers": 2}, {"cell": "lstm"}],
    ids=str,
)
def test_gradients_of_every_parameter(pooling, fields):
    config, params = made(pooling=pooling, **fields)
    batch, rng, eps = pack(TRAIN, np.array([1, 3, 0])), np.random.default_rng(4), 1e-6

    def loss(params):
        (member,) = members_of(config, params)
        return CRITERION.gradients(member, BAGS, batch, TRAIN)

    result = loss(params)
    assert result.seen == 3
    assert result.gradients.keys() == params.keys()
    for name, gradient in result.gradients.items():
        whole = gradient
        if name == "table":
            whole = np.zeros_like(params["table"])
            whole[gradient.rows] = gradient.values
        direction = rng.standard_normal(params[name].shape)
        up, down = (
            loss({**params, name: params[name] + sign * eps * direction}).total / 3 for sign in (1, -1)
        )
        np.testing.assert_allclose(
            np.vdot(whole, direction), (up - down) / (2 * eps), rtol=1e-6, atol=1e-9, err_msg=name
        )


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(
    "fields", [{"cell": "elman", "bidirectional": False}, {"embedding": 4, "layers": 2}], ids=str
)
def test_kernels_give_the_logits_of_the_reference_and_a_sequence_those_of_its_batch(
    pooling, fields, monkeypatch
):
    config, _ = made(pooling=pooling, **fields)
    params, sequences = init(config, 0), Sequences(TOKENS, OFFSETS)
    fast = classify(config, params, BAGS, sequences)
    alone = classify(config, params, BAGS, sequences.take(np.array([2])))
    np.testing.assert_array_equal(alone[0], fast[2])
    monkeypatch.setattr(arrays, "COMPILED", False)
    slow = classify(config, params, BAGS, sequences)
    np.testing.assert_allclose(fast, slow, atol=2e-5)


def test_the_config_and_weights_survive_their_file():
    config, _ = made(pooling="last", embedding=4)
    params = init(config, 0)
    again, read, _ = weights.from_bytes(weights.to_bytes(params, config))
    assert read == config
    np.testing.assert_array_equal(again["head.Wy"], params["head.Wy"])


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match=r"pooling must be one of last, mean, max\. Got 'sum'"):
        made(pooling="sum")
