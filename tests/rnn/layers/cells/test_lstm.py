"""The LSTM computes its equations, also where its gates saturate."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.layers.dense import sigmoid
from elman.rnn.layers.recurrent import cell_named

H = 5


def test_the_equations():
    rng, cell = np.random.default_rng(0), cell_named("lstm")
    x, Wh = rng.standard_normal((4, 4 * H)), rng.standard_normal((H, 4 * H))
    batch = pack(Sequences(np.zeros(4, np.int32), np.array([0, 4])), np.arange(1))
    states, _ = cell.run(x, {"Wh": Wh}, batch)
    h, c = np.zeros(H), np.zeros(H)
    for t in range(4):
        i, f, g, o = np.split(x[t] + h @ Wh, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        np.testing.assert_allclose(states[t], h, rtol=1e-12)


@pytest.mark.parametrize("size", [30.0, 1e3, 1e30])
def test_saturated_gates_are_0_and_1_without_overflow(size):
    cell = cell_named("lstm")
    x = np.tile(np.array([1, -1], np.float32) * np.float32(size), (6, 2 * H))
    batch = pack(Sequences(np.zeros(6, np.int32), np.array([0, 3, 5, 6])), np.arange(3))
    weights = {"Wh": np.zeros((H, 4 * H), np.float32)}
    h, _ = cell.run(x, weights, batch)
    np.testing.assert_allclose(h, cell.forward(x, weights, batch, False)[0], atol=1e-6)


def test_the_bias_of_the_forget_gate_begins_at_one():
    bias = cell_named("lstm").init(np.random.default_rng(0), 3, 2)["b"]
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
