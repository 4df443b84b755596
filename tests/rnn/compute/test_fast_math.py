"""Approximations of exp are close to it within their bounds."""

import numpy as np

from elman.rnn.compute.fast_math import exp, exp2


def test_exp_is_close_within_its_bounds():
    x = np.linspace(-80, 80, 20001).astype(np.float32)
    np.testing.assert_allclose([exp(v) for v in x], np.exp(x.astype(np.float64)), rtol=3e-7)


def test_exp2_is_close_and_stays_within_its_bounds():
    x = np.concatenate([np.linspace(-40, 40, 20001), [0.5, -0.5, 0, 1e30, -1e30]]).astype(np.float32)
    near = np.exp2(np.clip(x, -40, 40).astype(np.float64))
    np.testing.assert_allclose([exp2(v) for v in x], near, rtol=3e-7)
    assert exp2(np.float32(0)) == 1
