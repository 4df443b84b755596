"""Quality gate: whether a challenger is better than the champion, judged by their answers to the same texts.

It passes if its entity F1 is better at a level (paired bootstrap by document, with the noise of seeds), and
nothing else got worse: no entity type, the old test documents, entities that training did not have, and the
calibration of probabilities. Every check gives its reason in words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl

from elman.data.metrics.calibration import calibration
from elman.data.metrics.intervals import Counts, Units, units_of
from elman.data.metrics.paired_bootstrap import (
    ENTITY,
    ROUNDS,
    Difference,
    entity_counts,
    paired_bootstrap,
)
from elman.data.metrics.rates import rates
from elman.tasks.evaluation.run_metrics import metric_names

FEWEST_OF_TYPE = 20  # entities in gold from which a type, or the entities unseen in training, are judged
_SPREAD = 0.5  # chance moves the calibration error of n entities by about this / sqrt(n)


@dataclass(frozen=True, kw_only=True)
class GateRules:
    """Rules of the gate; F1, recall and errors are 0 to 1.

    Attributes:
        level: of the test of F1: how often a challenger that is no better may be promoted.
        seed_noise: standard deviation of F1 of trainings that differ in their seed alone; 0.001 to 0.014
            on the corpora of docs/accuracy.md.
        type_drop: F1 that a type may lose, recall that unseen entities may lose.
        old_drop: F1 that the old test documents may lose.
        sure: a loss counts if it shows in at least this share of draws.
        calibration_rise: by which the calibration error may grow, beside what chance does.
        rounds: draws of the bootstrap.
    """

    level: float = 0.05
    seed_noise: float = 0.004
    type_drop: float = 0.02
    old_drop: float = 0.01
    sure: float = 0.8
    calibration_rise: float = 0.02
    rounds: int = ROUNDS


@dataclass(frozen=True, kw_only=True)
class TestAnswers:
    """Answers of champion and challenger to the same labelled sentences.

    Attributes:
        name: of the test set in messages.
        sentences: document, sentence; one row a sequence.
        gold: sequence, start, end, type, text.
        champion, challenger: predicted entities; the same columns and `surety`, the probability.
    """

    __test__ = False  # no test class, whatever its name begins with

    name: str
    sentences: pl.DataFrame
    gold: pl.DataFrame
    champion: pl.DataFrame
    challenger: pl.DataFrame

    def of(self, entities: pl.Expr) -> Self:
        """The same sentences with some of their entities only."""
        gold, champion, challenger = (
            frame.filter(entities) for frame in (self.gold, self.champion, self.challenger)
        )
        return type(self)(
            name=self.name, sentences=self.sentences, gold=gold, champion=champion, challenger=challenger
        )

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Several test sets as one."""
        moved, first = [], 0
        for part in parts:
            shift = pl.col("sequence") + first
            moved.append([frame.with_columns(shift) for frame in (part.gold, part.champion, part.challenger)])
            first += part.sentences.height
        gold, champion, challenger = (pl.concat(frames) for frames in zip(*moved, strict=True))
        return cls(
            name=" and ".join(part.name for part in parts),
            sentences=pl.concat([part.sentences for part in parts]),
            gold=gold,
            champion=champion,
            challenger=challenger,
        )


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of the gate.

    Attributes:
        name: of the check.
        passed: its result.
        why: reason in words, with the figures.
        figures: by name, for MLflow.
    """

    name: str
    passed: bool
    why: str
    figures: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "figures": dict(self.figures)}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Result of the gate; with no check there was no champion to be compared with."""

    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool:
        """True if every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def why(self) -> str:
        """Reasons against a promotion, else those for it."""
        against = [check.why for check in self.checks if not check.passed]
        return "; ".join(against or [check.why for check in self.checks[:1]])

    def metrics(self) -> dict[str, float]:
        """Figures of all checks, as metrics of the run."""
        return {name: value for check in self.checks for name, value in check.figures.items()}

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values for JSON."""
        return [check.to_json() for check in self.checks]


def judge_quality(
    old: TestAnswers, new: TestAnswers | None, trained_on: pl.DataFrame | None, rules: GateRules
) -> Judgement:
    """Judge a challenger.

    Args:
        old: answers to the frozen test documents.
        new: answers to labelled test documents that came later, if there are any.
        trained_on: text of the entities that either model was trained on; None leaves out the check of
            entities that training did not have.
        rules: of the gate.
    """
    both = old if new is None else TestAnswers.join([old, new])
    units = units_of(both.sentences)
    checks = [_better(both, units, rules), *_types(both, units, rules)]
    if new is not None:
        checks.append(_not_worse("old test documents", old, units_of(old.sentences), rules.old_drop, rules))
    if trained_on is not None:
        checks += _unseen(both, units, trained_on, rules)
    checks.append(_calibrated(both, rules))
    return Judgement(checks=tuple(checks))


def _points(rate: float) -> str:
    return f"{100 * rate:.1f}"


def _compare(answers: TestAnswers, units: Units, rules: GateRules, seed_noise: float) -> Difference:
    before, after = (
        entity_counts(units, answers.gold, said)[None] for said in (answers.champion, answers.challenger)
    )
    return paired_bootstrap(before, after, rules.rounds, seed_noise=seed_noise)


def _f1_of_both(answers: TestAnswers, units: Units) -> tuple[float, float]:
    champion, challenger = (
        float(rates(entity_counts(units, answers.gold, said).sum(axis=0))[2])
        for said in (answers.champion, answers.challenger)
    )
    return champion, challenger


def better(check: Check, found: Difference, rules: GateRules, *, same: bool, too_few: str = "") -> Check:
    """Decide whether a challenger is better beyond noise.

    Args:
        check: its name and figures; `why` shows the two scores.
        found: their difference in the bootstrap.
        rules: of the gate.
        same: True if both answered alike.
        too_few: why the test set does not suffice, if it does not.

    Returns:
        the check, decided, with the reason in words.
    """
    chance = f"by chance with p = {found.p:.3f}"
    passed = False
    if too_few:
        why = f"{too_few}; {check.why}"
    elif same:
        why = f"the same answers as the champion's: {check.why}"
    elif found.difference <= 0:
        why = f"not better: {check.why}"
    elif found.p < rules.level:
        passed, why = True, f"better: {check.why}, {chance}, below {rules.level:g}"
    else:
        why = f"not better beyond noise: {check.why}, {chance}, not below {rules.level:g}"
    return replace(check, passed=passed, why=why)


def _better(answers: TestAnswers, units: Units, rules: GateRules) -> Check:
    """Test of F1 over all entities."""
    champion, challenger = _f1_of_both(answers, units)
    found = _compare(answers, units, rules, rules.seed_noise)
    figures = {"champion_f1": champion, "challenger_f1": challenger, "f1_gain": found.difference}
    figures |= {"f1_gain_low": found.low, "f1_gain_high": found.high, "f1_gain_p": found.p}
    shown = (
        f"F1 {_points(challenger)} against {_points(champion)} on {answers.name} "
        f"({answers.gold.height:,} entities in {units.count:,} {units.name}), a difference of "
        f"{100 * found.difference:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    )
    check = Check(name="F1", passed=False, why=shown, figures=figures)
    return better(check, found, rules, same=_equal(answers))


def _equal(answers: TestAnswers) -> bool:
    keys = list(ENTITY)
    said = [frame.select(keys).sort(keys) for frame in (answers.champion, answers.challenger)]
    return said[0].equals(said[1])


def _types(answers: TestAnswers, units: Units, rules: GateRules) -> Iterator[Check]:
    """Floors of the types with enough entities in gold."""
    sizes = answers.gold.group_by("type").len().filter(pl.col("len") >= FEWEST_OF_TYPE)
    kinds = sorted(sizes["type"].to_list())
    for kind, name in zip(kinds, metric_names(kinds), strict=True):
        check = _not_worse(f"type {kind}", answers.of(pl.col("type") == kind), units, rules.type_drop, rules)
        yield replace(check, figures={f"f1_gain/{name}": of for of in check.figures.values()})


def _not_worse(name: str, answers: TestAnswers, units: Units, drop: float, rules: GateRules) -> Check:
    """Check that F1 has not fallen by more than `drop`, or that the fall may well be chance."""
    champion, challenger = _f1_of_both(answers, units)
    return rate_floor(name, "F1", (champion, challenger), _compare(answers, units, rules, 0.0), drop, rules)


def rate_floor(
    name: str, rate: str, both: tuple[float, float], found: Difference, drop: float, rules: GateRules
) -> Check:
    """Check that a rate has not fallen by more than `drop`, or that the fall may well be chance.

    Args:
        name: what it is the rate of.
        rate: its name.
        both: of champion and challenger.
        found: their difference in the bootstrap.
        drop: allowed.
        rules: of the gate.
    """
    shown = f"{name}: {rate} {_points(both[1])} against {_points(both[0])}"
    return floor(name, shown, f"more than {_points(drop)} lower", found, drop, rules)


def floor(name: str, shown: str, worse: str, found: Difference, drop: float, rules: GateRules) -> Check:
    """Check that a score is not worse by more than `drop`, or that the loss may well be chance.

    Args:
        name: of the check.
        shown: both scores in words.
        worse: words for a loss above `drop`.
        found: the gain in the bootstrap.
        drop: allowed.
        rules: of the gate.
    """
    passed = not (-found.difference > drop and found.p >= rules.sure)
    why = f"{shown}, {'not worse' if passed else worse}"
    return Check(name=name, passed=passed, why=why, figures={f"gain/{name}": found.difference})


def _unseen(
    answers: TestAnswers, units: Units, trained_on: pl.DataFrame, rules: GateRules
) -> Iterator[Check]:
    """Floor of the recall of entities whose text training did not have."""
    gold = answers.gold.join(trained_on.select("text").unique(), on="text", how="anti")
    if gold.height < FEWEST_OF_TYPE:
        return
    counts: list[Counts] = []
    for said in (answers.champion, answers.challenger):
        found = entity_counts(units, gold, said.join(gold, on=list(ENTITY), how="semi"))
        counts.append(found[None])  # only right ones are counted as predicted; the recall is what differs
    recall = [np.stack([c[..., 0], c[..., 2], c[..., 2]], axis=-1) for c in counts]  # whose F1 is the recall
    difference = paired_bootstrap(recall[0], recall[1], rules.rounds)
    both = [float(rates(c.sum(axis=(0, 1)))[1]) for c in recall]
    name, drop = "entities not in training", rules.type_drop
    yield rate_floor(name, "recall", (both[0], both[1]), difference, drop, rules)


def _calibrated(answers: TestAnswers, rules: GateRules) -> Check:
    """Check that the calibration error has not grown."""
    errors, least = [], None
    for said in (answers.champion, answers.challenger):
        right = said.join(
            answers.gold.select(ENTITY).with_columns(right=pl.lit(True)),
            on=list(ENTITY),
            how="left",
            maintain_order="left",
        )["right"].fill_null(False)
        found = calibration(said["surety"], right)
        errors.append(found.error)
        least = found.count if least is None else min(least, found.count)
    return calibrated((errors[0], errors[1]), least or 0, rules)


def calibrated(errors: tuple[float, float], count: int, rules: GateRules) -> Check:
    """Check that the calibration error has not grown.

    Args:
        errors: of champion and challenger.
        count: of the answers they are of.
        rules: of the gate.
    """
    allowed = rules.calibration_rise + _SPREAD / max(count, 1) ** 0.5
    passed = errors[1] <= errors[0] + allowed
    shown = f"calibration error {errors[1]:.3f} against {errors[0]:.3f}"
    why = f"{shown}, not worse" if passed else f"{shown}, more than {allowed:.3f} higher"
    figures = {"champion_calibration_error": errors[0], "challenger_calibration_error": errors[1]}
    return Check(name="calibration", passed=passed, why=why, figures=figures)
