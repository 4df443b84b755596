"""The Elman cell computes the equation of the article."""

import numpy as np

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.layers.recurrent import cell_named


def test_the_equation():
    rng, cell = np.random.default_rng(0), cell_named("elman")
    x, Wh = rng.standard_normal((4, 5)), rng.standard_normal((5, 5))
    batch = pack(Sequences(np.zeros(4, np.int32), np.array([0, 4])), np.arange(1))
    h, _ = cell.run(x, {"Wh": Wh}, batch)
    state = np.zeros(5)
    for t in range(4):
        state = np.tanh(x[t] + state @ Wh)
        np.testing.assert_allclose(h[t], state, rtol=1e-12)


def test_tanh_is_close_everywhere():
    x = np.concatenate([np.linspace(-30, 30, 20001), [-1e30, 1e30, 0.0, 1e-30]]).astype(np.float32)
    one = pack(Sequences(np.zeros(1, np.int32), np.array([0, 1])), np.arange(1))
    y, _ = cell_named("elman").run(x[None], {"Wh": np.zeros((len(x), len(x)), np.float32)}, one)
    np.testing.assert_allclose(y[0], np.tanh(x.astype(np.float64)), atol=4e-7)
