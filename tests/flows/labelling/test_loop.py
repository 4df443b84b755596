"""The labelling loop on a real corpus: what is suggested teaches more than as many random tokens."""

import pytest

from bench.labelling import FIRST_ROUND, RANDOM, SUGGESTED, Loop, Point, curves, ingested, rounds, table


@pytest.mark.slow
def test_after_a_round_the_model_is_better_than_with_random_documents(home, corpora, tmp_path):
    loop = Loop(ingested(corpora / "text" / "ncbi-disease"), tmp_path / "work")
    points = {point.choice: point for point in rounds(loop, 0, 1)}
    first, suggested, others = (points[choice] for choice in (FIRST_ROUND, SUGGESTED, RANDOM))
    assert 0 <= others.tokens - suggested.tokens < 200  # a sentence more at most
    assert suggested.test > first.test
    assert suggested.test > others.test + 0.01


def point(choice: str, number: int, seed: int, f1: float) -> Point:
    return Point(seed=seed, choice=choice, round=number, tokens=100 * (number + 1), dev=f1, test=f1)


def test_both_curves_begin_with_the_first_round():
    points = [
        point(choice, number, seed, f1 + seed / 10)
        for seed in (0, 1)
        for choice, number, f1 in ((FIRST_ROUND, 0, 0.5), (SUGGESTED, 1, 0.7), (RANDOM, 1, 0.6))
    ]
    of = curves(points, "test")
    assert of[SUGGESTED][0] == of[RANDOM][0]
    assert [round(mean, 3) for _, mean, _ in (of[SUGGESTED][1], of[RANDOM][1])] == [0.75, 0.65]
    assert table(points, "test").splitlines()[-1] == "| 200 | 75.0 ± 7.1 | 65.0 ± 7.1 | +10.0, +10.0 |"
