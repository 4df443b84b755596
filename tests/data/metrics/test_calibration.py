"""The calibration error of bins of equal mass."""

import numpy as np
import pytest

from elman.data.metrics.calibration import calibration


def test_bins_have_equal_mass_and_the_error_is_their_mean_distance():
    found = calibration([0.9, 0.2, 0.4, 0.8], [True, False, True, True], bins=2)
    assert found.bins.rows() == [
        (0.2, 0.4, pytest.approx(0.3), 0.5, 2),
        (0.8, 0.9, pytest.approx(0.85), 1.0, 2),
    ]
    assert found.error == pytest.approx((0.2 + 0.15) / 2)


def test_right_probabilities_have_almost_no_error_and_wrong_ones_their_distance():
    rng = np.random.default_rng(0)
    chance = rng.uniform(0.3, 0.9, 60_000)
    right = rng.random(len(chance)) < chance
    assert calibration(chance, right).error < 0.01
    assert calibration(chance + 0.1, right).error == pytest.approx(0.1, abs=0.01)
    assert calibration(chance, right).bins["count"].to_list() == [4000] * 15


def test_of_few_entities_each_is_a_bin_and_none_have_no_error():
    assert calibration([0.5, 1.0], [True, True]).bins.height == 2
    assert calibration([], []).error == 0.0
    assert calibration([], []).to_json() == {"error": 0.0, "count": 0, "bins": []}
