"""Adam follows its equations, touches only the rows of a gradient, and clipping keeps the common norm."""

import numpy as np
import pytest

from elman.rnn.compute.arrays import RowGradient
from elman.rnn.errors import TrainingError
from elman.rnn.layers import embedding_kernels
from elman.rnn.training import optimiser
from elman.rnn.training.optimiser import Adam, clip


def test_adam_follows_its_equations():
    params = {"w": np.array([1.0, 2.0])}
    adam, m, v = Adam.of(params), np.zeros(2), np.zeros(2)
    expected = params["w"].copy()
    for t in range(1, 6):
        g = np.array([0.3, -2.0]) * t
        adam.update(params, {"w": g}, 0.1)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        expected -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(params["w"], expected, rtol=1e-6)


def test_the_kernels_compute_the_reference():
    rng = np.random.default_rng(0)
    scalars = [np.float32(s) for s in (0.01, 0.9, 0.999, 1e-8)]
    p = rng.standard_normal((6, 5), np.float32)
    slow = Adam.of({"p": p})
    ours, m, v = p.copy(), np.zeros_like(p), np.zeros_like(p)
    for _ in range(3):
        g = rng.standard_normal(p.shape, np.float32)
        slow._move(slow.m["p"], slow.v["p"], g, 0.0)
        optimiser._update_dense([tuple(a.reshape(-1) for a in (ours, m, v, g))], scalars)
        np.testing.assert_allclose(m, slow.m["p"], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(v, slow.v["p"], rtol=1e-5, atol=1e-7)
    rows = np.array([4, 1])
    before, moved = ours.copy(), ours.copy()
    g = rng.standard_normal((2, 5), np.float32)
    m2, v2 = m.copy(), v.copy()
    embedding_kernels.adam_rows(moved, m2, v2, rows, g, *scalars)
    step = slow._move(m[rows], v[rows], g, 0.01)
    np.testing.assert_allclose(moved[rows], before[rows] - step, rtol=1e-4, atol=1e-6)
    others = [0, 2, 3, 5]
    np.testing.assert_array_equal(moved[others], before[others])
    np.testing.assert_array_equal(m2[others], m[others])


def test_parameters_of_several_shapes_move_as_the_reference_moves_each():
    rng = np.random.default_rng(1)
    shapes = {"a": (3, 4), "b": (5,), "table": (6, 2)}
    params = {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    exact = {name: value.astype(np.float64) for name, value in params.items()}
    ours, reference = Adam.of(params), Adam.of(exact)
    for _ in range(3):
        whole = {name: rng.standard_normal(shapes[name], np.float32) for name in ("a", "b")}
        rows = RowGradient(np.array([1, 4]), rng.standard_normal((2, 2), np.float32))
        ours.update(params, {**whole, "table": rows}, 0.01)
        reference.update(exact, {**whole, "table": rows}, 0.01)
    for name in shapes:
        np.testing.assert_allclose(params[name], exact[name], rtol=1e-4, atol=1e-6)


def test_clipping_keeps_the_common_norm():
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    assert clip(gradients, 1.0, 1) == 5.0
    np.testing.assert_allclose(gradients["a"], [0.6, 0])
    np.testing.assert_allclose(gradients["b"], [[0.8]])


def test_a_gradient_that_is_not_finite_is_an_error_with_step_layer_and_norm():
    gradients = {"a": np.ones(3), "b": np.array([1.0, np.nan])}
    with pytest.raises(TrainingError, match="step 7, b: ") as caught:
        clip(gradients, 5.0, 7)
    assert caught.value.layer == "b"
    assert np.isnan(caught.value.norm)
