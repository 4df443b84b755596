"""The quality gate: what is better passes, what is equal, worse or worse in one respect does not."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from elman.tasks.retraining.gate import GateRules, Judgement, TestAnswers, judge_quality
from tests.simulated_taggings import simulated

QUICK = GateRules(rounds=150)


def answers(rng, f1=(0.8, 0.8), entities=1000, name="the test documents") -> TestAnswers:
    """Answers with probabilities that are right on average, and texts that no training had."""
    sentences, gold, one, two = simulated(rng, f1, entities)
    texts = pl.format("name {}", "start").alias("text")
    said = [
        frame.with_columns(texts, surety=pl.Series(rng.normal(0.75, 0.01, frame.height)))
        for frame in (one, two)
    ]
    return TestAnswers(
        name=name,
        sentences=sentences,
        gold=gold.with_columns(texts),
        champion=said[0],
        challenger=said[1],
    )


def judge(given: TestAnswers, new: TestAnswers | None = None, seen: tuple[str, ...] = ()) -> Judgement:
    return judge_quality(given, new, pl.DataFrame({"text": seen}, schema={"text": pl.String}), QUICK)


def failed(judgement: Judgement) -> list[str]:
    return [check.name for check in judgement.checks if not check.passed]


def test_a_challenger_with_the_same_answers_is_never_promoted():
    rng = np.random.default_rng(0)
    for _ in range(100):
        given = answers(rng, entities=200)
        verdict = judge(replace(given, challenger=given.champion))
        assert failed(verdict) == ["F1"]
        assert verdict.why.startswith("the same answers as the champion's: F1 ")


def test_equal_pairs_are_promoted_no_more_often_than_the_level_says():
    """200 pairs of equal expected F1, whose seeds differ: at most 5 % are promoted."""
    rng = np.random.default_rng(1)
    seeds = rng.normal(0.8, QUICK.seed_noise, (200, 2))
    promoted = sum(judge(answers(rng, tuple(f1))).passed for f1 in seeds)
    assert promoted <= 200 * QUICK.level


def test_three_points_more_on_a_thousand_entities_are_promoted_in_four_of_five_pairs():
    rng = np.random.default_rng(2)
    promoted = sum(judge(answers(rng, (0.75, 0.78))).passed for _ in range(200))
    assert promoted >= 160


def test_a_worse_challenger_is_refused_as_not_better():
    verdict = judge(answers(np.random.default_rng(3), (0.8, 0.7)))
    assert "F1" in failed(verdict)
    assert verdict.why.startswith("not better: F1 ")


def test_a_small_gain_is_refused_as_noise():
    verdict = judge(answers(np.random.default_rng(4), (0.8, 0.805), 300))
    assert not verdict.passed
    assert "not better beyond noise" in verdict.why
    assert "not below 0.05" in verdict.why


def test_better_overall_but_five_points_lower_on_one_type_is_refused():
    """PER, 7 entities of 10, gains eight points; LOC loses five."""
    given = answers(np.random.default_rng(5), (0.75, 0.83), 2000)
    of_loc = answers(np.random.default_rng(6), (0.8, 0.75), 2000)
    per, loc = pl.col("type") == "PER", pl.col("type") == "LOC"
    joined = TestAnswers.join([given.of(per), of_loc.of(loc)])
    verdict = judge(joined)
    assert verdict.checks[0].passed
    assert failed(verdict) == ["type LOC"]
    assert verdict.why.startswith("type LOC: F1 7")
    assert verdict.why.endswith("more than 2.0 lower")


def test_a_challenger_that_forgot_the_old_documents_is_refused():
    old = answers(np.random.default_rng(7), (0.8, 0.76), 1000, "the old documents")
    new = answers(np.random.default_rng(8), (0.5, 0.8), 1000, "the new documents")
    verdict = judge(old, new)
    assert verdict.checks[0].passed
    assert failed(verdict) == ["old test documents"]


def test_a_challenger_that_only_learned_names_by_heart_is_refused():
    """Better on entities that training had, worse on the others."""
    seen = answers(np.random.default_rng(9), (0.7, 0.9), 1500)
    unseen = answers(np.random.default_rng(10), (0.7, 0.63), 500)
    moved = [
        frame.with_columns(text=pl.lit("another ") + pl.col("text"))
        for frame in (unseen.gold, unseen.champion, unseen.challenger)
    ]
    other = replace(unseen, gold=moved[0], champion=moved[1], challenger=moved[2])
    verdict = judge(TestAnswers.join([seen, other]), seen=tuple(seen.gold["text"]))
    assert failed(verdict) == ["entities not in training"]


def test_overconfident_probabilities_are_refused():
    given = answers(np.random.default_rng(11), (0.72, 0.8), 2000)
    sure = given.challenger.with_columns(surety=pl.col("surety") + 0.2)
    verdict = judge(replace(given, challenger=sure))
    assert failed(verdict) == ["calibration"]
    assert "calibration error 0." in verdict.why


@pytest.mark.parametrize("entities", [0, 3])
def test_without_entities_nothing_is_promoted(entities):
    given = answers(np.random.default_rng(12), (0.5, 1.0), 40)
    few = given.of(pl.col("start") < entities * 10)
    assert not judge(few).passed


def test_figures_are_metrics_and_plain_values():
    verdict = judge(answers(np.random.default_rng(13), (0.75, 0.8)))
    figures = verdict.metrics()
    assert figures["challenger_f1"] - figures["champion_f1"] == pytest.approx(figures["f1_gain"])
    assert {"f1_gain/PER", "f1_gain/LOC", "challenger_calibration_error"} <= figures.keys()
    assert verdict.to_json()[0]["why"] == verdict.why
