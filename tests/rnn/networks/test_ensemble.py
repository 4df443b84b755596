"""Members of an ensemble are trained as they would be alone; their logits are averaged."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.decode import Decoder
from elman.rnn.inference.input_cache import logits_function
from elman.rnn.layers import crf
from elman.rnn.networks.architecture import init
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import from_bytes, to_bytes
from elman.rnn.training import checkpoints
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import NO_CALLBACKS, Callbacks, Data, Trainer

BAGS = Bags.single(12, unknown=1)
MEMBER = NetworkConfig(rows=12, classes=3, hidden=8, embedding=4, cell="lstm", output="crf")
ENSEMBLE = EnsembleConfig(member=MEMBER, members=3)
HOW = FitConfig(epochs=2, batch=8, learning_rate=0.01)


def sequences(n=40, seed=0):
    rng = np.random.default_rng(seed)
    offsets = offsets_of(rng.integers(1, 9, n))
    tokens = rng.integers(2, 12, offsets[-1]).astype(np.int32)
    return Sequences(tokens, offsets, (tokens % 3).astype(np.int32))


def fit(config, train, callbacks=NO_CALLBACKS, state=None, workers=1):
    return Trainer(config, HOW, Data(BAGS, train), seed=4, workers=workers).run(callbacks, state)


def test_logits_and_crf_weights_are_the_means_of_the_members():
    params, train = init(ENSEMBLE, 0), sequences()
    rng = np.random.default_rng(1)
    params = {name: rng.standard_normal(value.shape).astype(np.float32) for name, value in params.items()}
    batch = pack(train, np.arange(10))
    alone = [MEMBER.build().forward(own, BAGS, batch)[0] for own in ENSEMBLE.member_params(params)]
    assert not np.allclose(alone[0], alone[1])
    np.testing.assert_allclose(
        ENSEMBLE.build().forward(params, BAGS, batch)[0], np.mean(alone, axis=0), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        logits_function(ENSEMBLE, params, BAGS)(batch), np.mean(alone, axis=0), rtol=1e-4, atol=1e-5
    )
    trained = crf.Weights.of(params, crf.Weights.legal(3, None, None))
    mean = np.mean([params[f"{k}/chain.transition"] for k in range(3)], axis=0)
    np.testing.assert_allclose(trained.transition, mean, rtol=1e-6)


def test_an_ensemble_of_one_is_trained_as_the_network_alone():
    train = sequences()
    alone = fit(MEMBER, train)
    of_one = fit(EnsembleConfig(member=MEMBER, members=1), train)
    assert {f"0/{name}" for name in alone.params} == of_one.params.keys()
    for name, value in alone.params.items():
        np.testing.assert_array_equal(of_one.params[f"0/{name}"], value)


def test_members_differ_and_two_workers_end_with_the_bytes_of_one():
    train = sequences()
    one = fit(ENSEMBLE, train)
    two = fit(ENSEMBLE, train, workers=2)
    assert to_bytes(one.params, ENSEMBLE) == to_bytes(two.params, ENSEMBLE)
    for name in MEMBER.parameters():
        assert not np.array_equal(one.params[f"0/{name}"], one.params[f"1/{name}"])


def test_an_ensemble_comes_back_from_its_file():
    params = init(ENSEMBLE, 0)
    back, config, _ = from_bytes(to_bytes(params, ENSEMBLE))
    assert config == ENSEMBLE
    train = sequences()
    before, after = (
        Decoder(ENSEMBLE, p).tag_with_probabilities(BAGS, train).tag_probability for p in (params, back)
    )
    np.testing.assert_array_equal(after, before)


def test_an_ensemble_without_members_is_refused():
    with pytest.raises(ValueError, match="members must be at least 1"):
        EnsembleConfig(member=MEMBER, members=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_ensemble_stopped_and_resumed_ends_with_the_same_bytes(workers):
    train, states = sequences(), []
    save = Callbacks(on_state=lambda state: states.append(checkpoints.to_bytes(state)))
    whole = fit(ENSEMBLE, train, save, workers=workers)
    for saved in states[2], states[len(states) // 2]:
        again = fit(ENSEMBLE, train, state=checkpoints.from_bytes(saved)[0])
        assert to_bytes(again.params, ENSEMBLE) == to_bytes(whole.params, ENSEMBLE)


def test_the_first_failure_of_a_member_ends_the_training_of_all():
    def fail(sequences):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fit(ENSEMBLE, sequences(), Callbacks(on_update=fail), workers=2)
