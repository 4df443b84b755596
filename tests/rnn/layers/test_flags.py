"""Flags add their rows of a table; their gradient is checked numerically."""

import numpy as np

from elman.rnn.layers import flags


def test_each_flag_that_is_set_adds_its_row():
    table = np.array([[1.0, 0.0], [0.0, 10.0], [5.0, 5.0]])
    y, _ = flags.added(np.zeros((4, 2)), table, np.array([0, 1, 2, 7], np.int32))
    assert y.tolist() == [[0, 0], [1, 0], [0, 10], [6, 15]]


def test_the_gradient_of_the_table_is_that_of_small_steps():
    rng = np.random.default_rng(0)
    table, x = rng.standard_normal((3, 4)), rng.standard_normal((7, 4))
    numbers, upstream = rng.integers(0, 8, 7).astype(np.int32), rng.standard_normal((7, 4))
    step = rng.standard_normal(table.shape) * 1e-6
    up, down = (flags.added(x, table + sign * step, numbers)[0] for sign in (1, -1))
    _, back = flags.added(x, table, numbers)
    assert np.isclose((upstream * (up - down)).sum() / 2, (back(upstream) * step).sum(), rtol=1e-6)
