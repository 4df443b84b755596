"""Precision, recall and F1 of counts of any shape."""

import numpy as np
import pytest

from elman.data.metrics.rates import rates


def test_rates_equal_their_definitions():
    assert rates([3, 4, 6]).tolist() == [3 / 4, 3 / 6, pytest.approx(2 * 3 / (4 + 6), abs=1e-15)]


@pytest.mark.parametrize("counts", [(0, 0, 0), (0, 5, 0), (0, 0, 5), (0, 5, 5)])
def test_a_rate_without_a_denominator_is_zero(counts):
    assert rates(counts).tolist() == [0, 0, 0]


def test_rates_of_many_counts_are_computed_at_once():
    counts = np.array([[[1, 2, 3], [0, 0, 0]], [[2, 2, 2], [5, 9, 7]]])
    assert rates(counts).shape == (2, 2, 3)
    assert rates(counts)[1, 1].tolist() == rates([5, 9, 7]).tolist()
