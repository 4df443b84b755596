"""A threshold stands if it was reached by enough entities."""

import numpy as np
import pytest
from scipy.stats import binomtest

from elman.data.metrics.thresholds import lower_bound, precision_curve, threshold_for


def test_the_lower_bound_is_that_of_an_independent_implementation():
    for correct, count in ((0, 3), (47, 50), (60, 60), (190, 200)):
        expected = binomtest(correct, count).proportion_ci(0.8, method="wilson").low
        assert lower_bound(correct, count) == pytest.approx(expected, abs=1e-12)


def test_the_curve_holds_precision_and_recall_of_what_is_kept():
    curve = precision_curve([0.9, 0.5, 0.9, 0.7], [True, False, True, False], gold=4)
    assert curve.select("threshold", "kept", "correct", "precision", "recall").rows() == [
        (0.9, 2, 2, 1.0, 0.5),
        (0.7, 3, 2, pytest.approx(2 / 3), 0.5),
        (0.5, 4, 2, 0.5, 0.5),
    ]
    assert precision_curve(np.linspace(0, 1, 5000), np.ones(5000), 1).height == 200
    assert precision_curve([], [], 3).is_empty()


def test_the_lowest_threshold_that_reaches_the_precision_is_taken():
    chance = np.linspace(1, 0, 400, endpoint=False)
    right = np.arange(400) < 300
    found = threshold_for(precision_curve(chance, right, 300, None), 0.95)
    assert found.kept == 315
    assert found.threshold == chance[314]
    assert found.why == ""


@pytest.mark.parametrize(
    ("right", "why"),
    [
        ([True] * 20, "only 20 entities exceed it, 50 are needed"),
        ([False] * 20, "the highest precision is 0.000"),
        ([], "no entity was predicted"),
        ([*[True] * 57, *[False] * 3], "the lower bound of its precision, 0.900, is below 0.920"),
    ],
)
def test_a_threshold_that_too_little_shows_does_not_stand(right, why):
    found = threshold_for(precision_curve(np.full(len(right), 0.9), right, 60), 0.95)
    assert found.threshold is None
    assert found.why == why
