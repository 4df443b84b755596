"""The two-strand network: gradients, mirror symmetry, and independence of padding."""

import numpy as np
import pytest

from elman.rnn.networks import both_strands
from elman.rnn.networks.weights import from_bytes, to_bytes
from elman.rnn.training import both_strands as training
from tests.rnn.strand_batches import CONFIG, batch_of

MIRROR = np.array([0, 5, 6, 7, 8, 1, 2, 3, 4])


@pytest.fixture(scope="module")
def params():
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 0.4, shape) for name, shape in CONFIG.parameters().items()}


def cost(params, some):
    return training.loss(both_strands.forward(params, some.rows, some.mirrored)[0], some, 0.7)[0]


@pytest.mark.parametrize("name", sorted(CONFIG.parameters()))
@pytest.mark.parametrize("T", [1, 7])
def test_gradients_are_the_slope_of_the_loss(params, name, T):
    some = batch_of(1, T=T)
    logits, backprop = both_strands.forward(params, some.rows, some.mirrored)
    gradient = backprop(training.loss(logits, some, 0.7)[1])[name]
    direction, eps = np.random.default_rng(2).normal(size=params[name].shape), 1e-5
    ahead, behind = ({**params, name: params[name] + sign * eps * direction} for sign in (1, -1))
    slope = (cost(ahead, some) - cost(behind, some)) / (2 * eps)
    # the kernel's tanh is a rational approximation, good to 1e-6
    np.testing.assert_allclose(np.vdot(gradient, direction), slope, rtol=1e-4, atol=1e-7)


def test_a_wrong_gradient_is_detected(params):
    some = batch_of(1)
    logits, backprop = both_strands.forward(params, some.rows, some.mirrored)
    gradient = backprop(training.loss(logits, some, 0.7)[1])[
        "Wh"
    ].T.copy()  # planted: gates in the wrong place
    direction, eps = np.random.default_rng(2).normal(size=params["Wh"].shape), 1e-5
    ahead, behind = ({**params, "Wh": params["Wh"] + sign * eps * direction} for sign in (1, -1))
    slope = (cost(ahead, some) - cost(behind, some)) / (2 * eps)
    assert abs(np.vdot(gradient.reshape(-1), direction.reshape(-1)) - slope) > 0.01 * abs(slope)


def test_logits_of_the_reverse_complement_are_the_mirror_image(params):
    some = batch_of(3)
    forward, _ = both_strands.forward(params, some.rows, some.mirrored)
    reverse, _ = both_strands.forward(params, some.mirrored, some.rows)
    np.testing.assert_allclose(reverse[::-1, :, ::-1, MIRROR], forward, atol=1e-12)


def test_inference_gives_the_logits_of_training_whatever_the_batch_and_padding(params):
    single = {name: value.astype(np.float32) for name, value in params.items()}
    some, other = batch_of(4, T=7, B=1), batch_of(5, T=11, B=1)
    rows, mirrored = (np.zeros((11, 2, 3), np.int32) for _ in range(2))
    rows[:7, :1], mirrored[:7, :1] = some.rows, some.mirrored
    rows[:, 1:], mirrored[:, 1:] = other.rows, other.mirrored
    both = both_strands.predict(both_strands.prepare(single), rows, mirrored, np.array([7, 11]))
    short, long = (both_strands.forward(single, b.rows, b.mirrored)[0] for b in (some, other))
    np.testing.assert_allclose(both[0, :7], short[:, 0], atol=1e-5)
    np.testing.assert_allclose(both[1], long[:, 0], atol=1e-5)


def test_an_appended_row_counts_as_the_mean_of_its_rows(params):
    single = {name: value.astype(np.float32) for name, value in params.items()}
    some = batch_of(6, B=1)
    rows = some.rows.copy()
    rows[2, 0, 1] = len(single["table"])
    weights = both_strands.prepare(single).with_ambiguous([np.array([14, 20, 20, 25])])
    mean = {
        **single,
        "table": np.concatenate([single["table"], single["table"][[14, 20, 20, 25]].mean(0)[None]]),
    }
    made = both_strands.predict(weights, rows, some.mirrored, np.array([7]))
    np.testing.assert_allclose(made[0], both_strands.forward(mean, rows, some.mirrored)[0][:, 0], atol=1e-5)


def test_weights_survive_their_file():
    made = both_strands.init(CONFIG, 3)
    back, config, _ = from_bytes(to_bytes(made, CONFIG))
    assert config == CONFIG
    assert all((back[name] == made[name]).all() for name in made)
