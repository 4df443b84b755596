"""Approximations of exp are close to it within their bounds."""

import numpy as np

from elman.rnn.compute.fast_math import exp, exp2, tanh, tanh_rows


def test_exp_is_close_within_its_bounds():
    x = np.linspace(-80, 80, 20001).astype(np.float32)
    np.testing.assert_allclose([exp(v) for v in x], np.exp(x.astype(np.float64)), rtol=3e-7)


def test_exp2_is_close_and_stays_within_its_bounds():
    x = np.concatenate([np.linspace(-40, 40, 20001), [0.5, -0.5, 0, 1e30, -1e30]]).astype(np.float32)
    near = np.exp2(np.clip(x, -40, 40).astype(np.float64))
    np.testing.assert_allclose([exp2(v) for v in x], near, rtol=3e-7)
    assert exp2(np.float32(0)) == 1


def test_tanh_of_rows_is_close_and_does_not_depend_on_the_rows_beside():
    x = np.random.default_rng(0).standard_normal((5, 37)).astype(np.float32) * 4
    together, alone = x.copy(), x.copy()
    tanh_rows(together)
    for i in range(len(x)):
        tanh_rows(alone[i : i + 1])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(together, np.tanh(x.astype(np.float64)), atol=3e-7)
    np.testing.assert_allclose(together, [[tanh(v) for v in row] for row in x], atol=3e-7)
