"""The calibration error of bins of equal mass."""

import numpy as np
import pytest

from elman.data.metrics.calibration import EntityScaling, calibration


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


def overconfident(n, slope, intercept, token, seed=0):
    """Probabilities, lengths and whether right; the right log odds are a known function of the given."""
    rng = np.random.default_rng(seed)
    odds, tokens = rng.normal(2, 2, n), rng.integers(1, 5, n)
    true = 1 / (1 + np.exp(-(slope * odds + intercept + token * (tokens - 1))))
    return 1 / (1 + np.exp(-odds)), tokens, rng.random(n) < true


def test_scaling_finds_the_weights_that_probabilities_were_bent_by():
    parts = [overconfident(30_000, 0.6, -0.5, 0.2), overconfident(30_000, 0.9, 0.3, -0.3, seed=1)]
    chance, tokens, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    kind = np.repeat([0, 1], 30_000)
    scaling = EntityScaling.fit(chance, tokens, kind, ["A", "B", "C"], right)
    assert scaling.weights["A"] == pytest.approx((0.6, -0.5, 0.2), abs=0.1)
    assert scaling.weights["B"] == pytest.approx((0.9, 0.3, -0.3), abs=0.1)
    between = np.array([scaling.weights[name] for name in "AB"]).mean(axis=0)
    assert scaling.weights["C"] == pytest.approx(between, abs=0.2)  # without entities: as all are
    scaled = scaling.scale(chance.astype(np.float32), tokens, kind, ["A", "B", "C"])
    assert scaled.dtype == np.float32
    assert calibration(scaled, right).error < 0.015 < 0.05 < calibration(chance, right).error
    again = EntityScaling.from_json(scaling.to_json())
    np.testing.assert_array_equal(
        again.scale(chance, tokens, kind, "ABC"), scaling.scale(chance, tokens, kind, "ABC")
    )


@pytest.mark.parametrize("right", [[True] * 60, [False] * 60])
def test_scaling_stays_finite_where_all_are_right_or_wrong(right):
    chance = np.linspace(0, 1, 60)
    scaling = EntityScaling.fit(chance, np.ones(60, int), np.zeros(60, int), ["A"], right)
    scaled = scaling.scale(chance, np.ones(60, int), np.zeros(60, int), ["A"])
    assert ((scaled > 0) & (scaled < 1)).all()
    assert (np.diff(scaled) >= 0).all()


def test_of_few_entities_nothing_is_scaled():
    scaling = EntityScaling.fit([0.9] * 49, [1] * 49, [0] * 49, ["A"], [False] * 49)
    assert scaling.to_json() == {}
    chance = np.array([0.3])
    assert scaling.scale(chance, np.array([1]), np.array([0]), ["A"]) is chance
