"""Members of a committee learn apart, as they would alone, and answer together."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.inference.decode import predict
from elman.rnn.inference.input_cache import logits_function
from elman.rnn.layers import crf
from elman.rnn.networks.architecture import init
from elman.rnn.networks.ensemble import Ensemble
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import from_bytes, to_bytes
from elman.rnn.training import checkpoints
from elman.rnn.training.fit import fit
from elman.rnn.training.state import FitConfig

BAGS = Bags.single(12, unknown=1)
MEMBER = NetworkConfig(rows=12, classes=3, hidden=8, embedding=4, cell="lstm", output="crf")
ENSEMBLE = Ensemble(member=MEMBER, members=3)
HOW = FitConfig(epochs=2, batch=8, learning_rate=0.01)


def sequences(n=40, seed=0):
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 9, n))]).astype(np.int64)
    tokens = rng.integers(2, 12, offsets[-1]).astype(np.int32)
    return Sequences(tokens, offsets, (tokens % 3).astype(np.int32))


def test_a_committee_s_logits_and_chain_are_the_means_of_its_members():
    params, train = init(ENSEMBLE, 0), sequences()
    rng = np.random.default_rng(1)
    params = {name: rng.standard_normal(value.shape).astype(np.float32) for name, value in params.items()}
    batch = pack(train, np.arange(10))
    alone = [MEMBER.forward(own, BAGS, batch)[0] for own in ENSEMBLE.member_params(params)]
    assert not np.allclose(alone[0], alone[1])
    np.testing.assert_allclose(
        ENSEMBLE.forward(params, BAGS, batch)[0], np.mean(alone, axis=0), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        logits_function(ENSEMBLE, params, BAGS)(batch), np.mean(alone, axis=0), rtol=1e-4, atol=1e-5
    )
    trained = crf.Weights.of(params, crf.Weights.legal(3, None, None))
    mean = np.mean([params[f"{k}/chain.transition"] for k in range(3)], axis=0)
    np.testing.assert_allclose(trained.transition, mean, rtol=1e-6)


def test_a_committee_of_one_learns_and_answers_as_the_network_does():
    train = sequences()
    alone = fit(MEMBER, HOW, BAGS, train, seed=4)
    of_one = fit(Ensemble(member=MEMBER, members=1), HOW, BAGS, train, seed=4)
    assert {f"0/{name}" for name in alone.params} == of_one.params.keys()
    for name, value in alone.params.items():
        np.testing.assert_array_equal(of_one.params[f"0/{name}"], value)


def test_members_differ_and_two_workers_end_with_the_bytes_of_one():
    train = sequences()
    one = fit(ENSEMBLE, HOW, BAGS, train, seed=4)
    two = fit(ENSEMBLE, HOW, BAGS, train, seed=4, workers=2)
    assert to_bytes(one.params, ENSEMBLE) == to_bytes(two.params, ENSEMBLE)
    for name in MEMBER.parameters():
        assert not np.array_equal(one.params[f"0/{name}"], one.params[f"1/{name}"])


def test_a_committee_comes_back_from_its_file():
    params = init(ENSEMBLE, 0)
    back, config, _ = from_bytes(to_bytes(params, ENSEMBLE))
    assert config == ENSEMBLE
    train = sequences()
    before = predict(params, ENSEMBLE, BAGS, train)
    np.testing.assert_array_equal(predict(back, config, BAGS, train).tag_probability, before.tag_probability)


def test_a_committee_of_nobody_is_refused():
    with pytest.raises(ValueError, match="members must be at least 1"):
        Ensemble(member=MEMBER, members=0)


def test_a_committee_stopped_and_resumed_ends_with_the_same_bytes():
    train, states = sequences(), []
    whole = fit(ENSEMBLE, HOW, BAGS, train, seed=4, on_state=lambda s: states.append(checkpoints.to_bytes(s)))
    state, _ = checkpoints.from_bytes(states[2])
    again = fit(ENSEMBLE, HOW, BAGS, train, seed=4, state=state)
    assert to_bytes(again.params, ENSEMBLE) == to_bytes(whole.params, ENSEMBLE)
