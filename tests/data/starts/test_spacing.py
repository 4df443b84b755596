"""Spacing: counts by distance become log odds, and annotations without overlaps are left out."""

import numpy as np
import pytest

from elman.data.starts.spacing import (
    FEWEST,
    FIRSTS,
    PRIOR,
    SpacingCounts,
    by_distance,
    count_distances,
    shares_of,
    spacing_odds,
)

EVEN = SpacingCounts(np.ones(len(FIRSTS)), np.ones(len(FIRSTS)))


def counts(overlapping: int, apart: int) -> SpacingCounts:
    starts = np.repeat([-4, 20], [overlapping, apart])
    return count_distances(starts, np.arange(-45, 200))


def test_each_distance_falls_into_one_bin_and_too_long_overlaps_into_none():
    counted = count_distances(np.arange(-60, 400), np.array([-11, -4, -1, 180, 181, 10**6]))
    assert counted.starts.sum() == 400 + 45
    assert {first: n for first, n in zip(FIRSTS, counted.others, strict=True) if n} == {
        -11: 1,
        -4: 1,
        -1: 1,
        101: 1,
        181: 2,
    }


def test_a_distance_that_is_more_frequent_before_starts_has_positive_odds():
    odds = dict(zip(FIRSTS, spacing_odds(counts(300, 300), EVEN).tolist(), strict=True))
    assert odds[-4] > 1
    assert odds[16] > 1
    assert odds[61] < 0


def test_without_own_counts_the_odds_are_those_of_the_prior_and_without_a_prior_none():
    prior = SpacingCounts(np.linspace(1, 2, len(FIRSTS)) * PRIOR, np.full(len(FIRSTS), PRIOR))
    odds = spacing_odds(SpacingCounts.none(), prior)
    assert (np.diff(odds) > 0).all()
    assert not spacing_odds(counts(300, 300), SpacingCounts.none()).any()


@pytest.mark.parametrize("distance", [-45, -11, -4, -1, 0, 60, 61, 180, 181])
def test_scores_by_distance_are_those_of_the_bin(distance):
    odds = np.arange(len(FIRSTS), dtype=np.float32)
    table = by_distance(odds, 2.0)
    assert table[distance + 45] == 2.0 * max(i for i, first in enumerate(FIRSTS) if first <= distance)


def test_an_annotation_without_overlaps_does_not_count():
    cut, whole = counts(0, 2 * FEWEST), counts(FEWEST, FEWEST)
    assert cut.without_overlaps
    assert not whole.without_overlaps
    assert shares_of([cut]) is None
    assert shares_of([cut, whole]) == shares_of([whole])


def test_small_genomes_count_together():
    small = counts(FEWEST // 4, FEWEST // 4)
    assert shares_of([small]) is None
    both = shares_of([small] * 2)
    assert both is not None
    assert sum(both[0]) == pytest.approx(1, abs=1e-4)
