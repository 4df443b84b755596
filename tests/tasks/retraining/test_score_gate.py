"""The gate of other tasks: better in nats a step, macro F1 or word error rate passes, nothing else does."""

from dataclasses import replace

import numpy as np
import pytest

from elman.tasks.classification import gate as classification
from elman.tasks.generation import gate as generation
from elman.tasks.retraining.gate import GateRules
from elman.tasks.retraining.score_gate import Compared, Outcomes, judge_scores
from elman.tasks.transcription import gate as transcription

NATS, MACRO_F1, WER = (module.GATE.measure for module in (generation, classification, transcription))
LABELS = ("a", "b", "c")


def rules(measure) -> GateRules:
    return GateRules(rounds=150, seed_noise=measure.seed_noise)


def pieces(rng, rates, count=100, steps=200) -> Compared:
    """Pieces of so many nats a step, some of which are hard for both."""
    hard = rng.normal(0, 0.3, count)
    sides = [
        Outcomes(
            counts=np.stack([steps * (rate + hard + rng.normal(0, 0.05, count)), np.full(count, steps)], 1)
        )
        for rate in rates
    ]
    return Compared(units="pieces", champion=sides[0], challenger=sides[1])


def documents(rng, rates, count=400, worse=None) -> Compared:
    """Documents of three classes, of which so many are right; of one class of the challenger's fewer."""
    gold = rng.integers(0, len(LABELS), count)
    sides = []
    for number, rate in enumerate(rates):
        chance = np.full(count, rate)
        if worse is not None and number:
            chance[gold == worse] -= 0.35
        right = rng.random(count) < chance
        predicted = np.where(right, gold, (gold + 1) % len(LABELS))
        answered = ([LABELS[n] for n in gold], np.array(LABELS)[predicted], np.full(count, rate))
        sides.append(classification._outcomes(answered, LABELS, LABELS))
    return Compared(units="documents", champion=sides[0], challenger=sides[1])


def clips(rng, rates, count=150, words=8) -> Compared:
    sides = [
        Outcomes(counts=np.stack([rng.binomial(words, rate, count), np.full(count, words)], 1).astype(float))
        for rate in rates
    ]
    return Compared(units="clips", champion=sides[0], challenger=sides[1])


CASES = [
    pytest.param(NATS, pieces, 2.0, 1.9, id="nats"),
    pytest.param(MACRO_F1, documents, 0.75, 0.87, id="macro F1"),
    pytest.param(WER, clips, 0.2, 0.12, id="word error rate"),
]


def failed(judgement) -> list[str]:
    return [check.name for check in judgement.checks if not check.passed]


@pytest.mark.parametrize(("measure", "draw", "before", "after"), CASES)
def test_what_is_better_passes_what_is_worse_or_the_same_does_not(measure, draw, before, after):
    rng = np.random.default_rng(0)
    better = judge_scores(draw(rng, (before, after)), None, measure, rules(measure))
    assert (better.passed, failed(better)) == (True, [])
    assert better.why.startswith(f"better: {measure.name} ")
    worse = judge_scores(draw(rng, (after, before)), None, measure, rules(measure))
    assert measure.name in failed(worse)
    assert worse.why.startswith(f"not better: {measure.name} ")
    for _ in range(20):
        given = draw(rng, (before, before))
        same = judge_scores(replace(given, challenger=given.champion), None, measure, rules(measure))
        assert failed(same) == [measure.name]
        assert same.why.startswith("the same answers as the champion's")


@pytest.mark.parametrize(("measure", "draw", "before", "after"), CASES)
def test_equal_pairs_are_promoted_no_more_often_than_the_level_says(measure, draw, before, after):
    """60 pairs of equal expected score, whose seeds differ: 3 are expected, 7 are two deviations more."""
    rng = np.random.default_rng(1)
    noise = measure.seed_noise * (before if measure.relative else 1)
    seeds = rng.normal(before, noise, (60, 2))
    verdicts = [judge_scores(draw(rng, tuple(pair)), None, measure, rules(measure)) for pair in seeds]
    assert sum(verdict.passed for verdict in verdicts) <= 7


def test_better_overall_but_worse_on_one_class_is_refused():
    given = documents(np.random.default_rng(2), (0.75, 0.93), 900, worse=1)
    lower = replace(given, champion=documents(np.random.default_rng(2), (0.85, 0.93), 900).champion)
    parts = {**given.champion.parts, "F1 of class b": lower.champion.parts["F1 of class b"]}
    judgement = judge_scores(
        replace(given, champion=replace(given.champion, parts=parts)), None, MACRO_F1, rules(MACRO_F1)
    )
    assert judgement.checks[0].passed
    assert "F1 of class b" in failed(judgement)
    assert "F1 of class b: 73.1 against 83.0, more than 2.0 worse" in judgement.why


def test_old_pieces_that_got_worse_are_a_reason_to_refuse():
    rng = np.random.default_rng(3)
    judgement = judge_scores(pieces(rng, (2.0, 2.1), 40), pieces(rng, (3.0, 2.2)), NATS, rules(NATS))
    assert failed(judgement) == ["old test pieces"]
    assert judgement.checks[0].passed


def test_a_class_that_came_later_is_judged_where_it_occurs():
    old, new = (
        documents(np.random.default_rng(4), (0.8, 0.8)),
        documents(np.random.default_rng(5), (0.8, 0.8)),
    )
    bare = replace(
        old, **{side: replace(getattr(old, side), parts={}) for side in ("champion", "challenger")}
    )
    both = bare.joined(new)
    assert both.champion.parts["F1 of class a"].shape == (800, 3)
    assert both.champion.parts["F1 of class a"][:400].sum() == 0


def test_a_classifier_that_is_too_sure_is_refused():
    given = documents(np.random.default_rng(6), (0.7, 0.85), 800)
    sure = replace(given.challenger, surety=np.full(800, 0.999))
    judgement = judge_scores(replace(given, challenger=sure), None, MACRO_F1, rules(MACRO_F1))
    assert failed(judgement) == ["calibration"]


@pytest.mark.parametrize("count", [1, 9])
def test_of_few_units_nothing_is_promoted(count):
    judgement = judge_scores(clips(np.random.default_rng(7), (0.9, 0.1), count), None, WER, rules(WER))
    assert not judgement.passed
    assert judgement.why.startswith(f"too few test clips: {count}, 10 are needed; word error rate ")


def test_macro_f1_is_that_of_the_scores():
    given = documents(np.random.default_rng(8), (0.8, 0.7))
    counts = given.champion.counts.sum(axis=0)
    gold, said = counts.reshape(3, 3)[:, 2], counts.reshape(3, 3)[:, 1]
    f1 = 2 * counts.reshape(3, 3)[:, 0] / (gold + said)
    assert classification._macro_f1(counts) == pytest.approx(f1.mean())
    assert classification._macro_f1(np.append(counts, [0, 0, 0])) == pytest.approx(f1.mean())
