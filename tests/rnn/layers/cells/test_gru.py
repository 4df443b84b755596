"""The GRU computes its equations."""

import numpy as np

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.layers.dense import sigmoid
from elman.rnn.layers.recurrent import cell_named

H = 5


def test_the_equations():
    rng, cell = np.random.default_rng(0), cell_named("gru")
    x = rng.standard_normal((4, 3 * H))
    Wh, bh = rng.standard_normal((H, 3 * H)), rng.standard_normal(H)
    batch = pack(Sequences(np.zeros(4, np.int32), np.array([0, 4])), np.arange(1))
    states, _ = cell.run(x, {"Wh": Wh, "bh": bh}, batch)
    h = np.zeros(H)
    for t in range(4):
        (xr, xz, xn), (ur, uz, un) = np.split(x[t], 3), np.split(h @ Wh, 3)
        r, z = sigmoid(xr + ur), sigmoid(xz + uz)
        n = np.tanh(xn + r * (un + bh))
        h = (1 - z) * n + z * h
        np.testing.assert_allclose(states[t], h, rtol=1e-12)


def test_it_has_a_bias_of_its_own_inside_the_reset_gate():
    assert cell_named("gru").shapes(2, H) == {"Wx": (2, 15), "Wh": (5, 15), "b": (15,), "bh": (5,)}
