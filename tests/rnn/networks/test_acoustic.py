"""Acoustic networks: gradients are right, frames are stacked rows, features are scaled, files come back."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.networks import weights
from elman.rnn.networks.acoustic import AcousticConfig, input_norm, stacked

OFFSETS = np.array([0, 4, 5, 8])


@pytest.mark.parametrize(
    "fields", [{}, {"cell": "lstm", "layers": 1}, {"cell": "elman", "bidirectional": False}], ids=str
)
def test_gradients_are_slopes_along_random_directions(fields):
    rng, config = np.random.default_rng(0), AcousticConfig(features=2, stack=2, classes=3, hidden=4, **fields)
    params = {name: rng.standard_normal(shape) for name, shape in config.parameters().items()}
    frames, network = rng.standard_normal((8, config.inputs)), config.build()
    batch = pack(Sequences(np.arange(8, dtype=np.int32), OFFSETS), np.arange(3))
    logits, backprop = network.forward(params, frames, batch)
    upstream = rng.standard_normal(logits.shape)
    gradients = backprop(upstream)
    assert params.keys() - gradients.keys() == {"input.mean", "input.scale"}  # not trained
    for name, gradient in gradients.items():
        direction = rng.standard_normal(params[name].shape)
        ends = [
            np.vdot(
                network.forward({**params, name: params[name] + step * direction}, frames, batch)[0], upstream
            )
            for step in (1e-6, -1e-6)
        ]
        numeric = (ends[0] - ends[1]) / 2e-6
        np.testing.assert_allclose(np.vdot(gradient, direction), numeric, rtol=1e-5, atol=1e-8, err_msg=name)


def test_rows_are_stacked_and_the_last_is_repeated():
    rows = np.arange(10.0).reshape(5, 2)
    assert stacked(rows, 3).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 8, 9]]
    assert stacked(rows[:3], 3).shape == (1, 6)


def test_features_are_scaled_by_the_training_data_in_every_row_of_a_frame():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((500, 2)) * [3, 0] + [5, 7]
    mean, scale = input_norm([rows[:100], rows[100:]])
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scale, [1 / rows[:, 0].std(), 1e3], rtol=1e-5)  # one that never changes
    config = AcousticConfig(features=2, classes=3, hidden=4)
    network, batch = (
        config.build(),
        pack(Sequences(np.arange(2, dtype=np.int32), np.array([0, 2])), np.arange(1)),
    )
    plain = network.init(np.random.default_rng(2))
    scaled = network.init(np.random.default_rng(2), (mean, scale))
    frames = stacked(rows[:6].astype(np.float32), 3)
    wanted = stacked(((rows[:6] - mean) * scale).astype(np.float32), 3)
    ours, theirs = network.forward(scaled, frames, batch)[0], network.forward(plain, wanted, batch)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_file_holds_the_config_and_the_weights():
    config = AcousticConfig(features=3, classes=4, hidden=5, cell="lstm", stack=2)
    params = config.build().init(np.random.default_rng(0))
    back, same, _ = weights.from_bytes(weights.to_bytes(params, config))
    assert same == config
    assert all((back[name] == params[name]).all() for name in params)
    assert config.size() == sum(value.size for value in params.values())


def test_sizes_that_make_no_network_are_refused():
    with pytest.raises(ValueError, match="2 classes at least"):
        AcousticConfig(features=3, classes=1)
    with pytest.raises(ValueError, match="cell must be one of"):
        AcousticConfig(features=3, classes=3, cell="gate")
