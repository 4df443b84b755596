"""Gate of models of other tasks than tagging, by their own score: nats a step, macro F1, word error rate.

A challenger passes if its score on the test pieces, documents or clips is better at the level, by a paired
bootstrap of them with the noise of seeds, and no class or speaker, neither the old test units nor the
calibration got worse. Rules are those of the gate of text.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elman.data.metrics.calibration import calibration
from elman.data.metrics.paired_bootstrap import Difference, paired_bootstrap
from elman.data.store.dataset import Dataset
from elman.tasks.retraining.gate import Check, GateRules, Judgement, better, calibrated, floor

Counts = npt.NDArray[np.float64]
FEWEST_UNITS = 10  # of a test set
AGREEMENT = 0.5  # of what the champion's test units show at least, below which a batch contradicts it
UNKNOWN_RISE = 0.15  # share of unknown words or symbols above the highest of the draws
OTHER_LABELS = 0.1  # share of a batch whose types or classes the corpus lacks, from which it is held apart
DRAWS = 200  # of test units, at the size of a batch


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Score of a task, of counts summed over units.

    Attributes:
        name: in messages, such as "macro F1".
        metric: in MLflow.
        rate: score of counts (..., K), (...,).
        part: score of the counts of a part, a class or a speaker, (..., k).
        less: True if less is better.
        seed_noise: standard deviation of the score of trainings that differ in their seed alone.
        relative: True if noise and allowed losses are shares of the champion's score.
    """

    name: str
    metric: str
    rate: Callable[[npt.NDArray[Any]], npt.NDArray[np.float64]]
    part: Callable[[npt.NDArray[Any]], npt.NDArray[np.float64]]
    less: bool = False
    seed_noise: float = GateRules.seed_noise
    relative: bool = False

    def shown(self, score: float) -> str:
        """A score in words: rates in percent."""
        return f"{score:.3f}" if self.relative else f"{100 * score:.1f}"


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Results of a model on the U units of a test set.

    Attributes:
        counts: (U, K), as `Measure.rate` takes their sum.
        parts: (U, k) of classes or speakers, by name in messages, as `Measure.part` takes their sum.
        surety: (U,) probability of the answer; None if the model gives none.
        right: (U,) whether the answer is right.
    """

    counts: Counts
    parts: Mapping[str, Counts] = field(default_factory=dict)
    surety: npt.NDArray[np.float64] | None = None
    right: npt.NDArray[np.bool_] | None = None

    def joined(self, other: "Outcomes") -> "Outcomes":
        """These units and others, of which parts may lack."""
        parts = {}
        for name in dict.fromkeys((*self.parts, *other.parts)):
            sides = [of.parts.get(name) for of in (self, other)]
            width = next(side.shape[1] for side in sides if side is not None)
            filled = [
                np.zeros((len(of.counts), width)) if side is None else side
                for of, side in zip((self, other), sides, strict=True)
            ]
            parts[name] = np.concatenate(filled)
        return Outcomes(
            counts=np.concatenate([self.counts, other.counts]),
            parts=parts,
            surety=_joined(self.surety, other.surety),
            right=_joined(self.right, other.right),
        )


def _joined(one: Any, other: Any) -> Any:
    return None if one is None or other is None else np.concatenate([one, other])


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Outcomes of champion and challenger on the same units, such as "documents"."""

    units: str
    champion: Outcomes
    challenger: Outcomes

    def joined(self, other: "Compared | None") -> "Compared":
        """These units and others."""
        if other is None:
            return self
        return Compared(
            units=self.units,
            champion=self.champion.joined(other.champion),
            challenger=self.challenger.joined(other.challenger),
        )


@dataclass(frozen=True, kw_only=True)
class ScoreGate:
    """Gate of a task.

    Attributes:
        measure: its score.
        compare: outcomes of a champion and a challenger, given by their folders, on the test split of each of
            some parts of a corpus; None for a part without any.
        why_hold: reason to hold a batch apart, given the champion's folder, the batch, and the part of the
            corpus with the champion's test units; "" if there is none.
    """

    measure: Measure
    compare: Callable[[Path, Path, Sequence[Dataset]], Sequence[Compared | None]]
    why_hold: Callable[[Path, Dataset, Dataset], str]


def draws_of(units: npt.NDArray[Any], size: float) -> Counts:
    """Sums of units drawn with replacement until the first of their counts is about `size`.

    Args:
        units: (U, K) counts of each unit.
        size: of the first count.

    Returns:
        (DRAWS, K)
    """
    mean = max(float(units[:, 0].mean()), 1.0)
    count = max(1, round(size / mean))
    chance = np.full(len(units), 1 / len(units))
    weights = np.random.default_rng([0, count]).multinomial(count, chance, DRAWS)
    sums: Counts = weights.astype(np.float64) @ units
    return sums


def judge_scores(old: Compared, new: Compared | None, measure: Measure, rules: GateRules) -> Judgement:
    """Judge a challenger; arguments as of `gate.judge_quality`."""
    both = old.joined(new)
    checks = [_better(both, measure, rules)]
    for name in both.champion.parts:
        sides = both.champion.parts[name], both.challenger.parts[name]
        checks.append(_not_worse(name, sides, measure, rules, of_part=True))
    if new is not None:
        sides = old.champion.counts, old.challenger.counts
        checks.append(_not_worse(f"old test {old.units}", sides, measure, rules, of_part=False))
    checks += _calibrated(both, rules)
    return Judgement(checks=tuple(checks))


def _compare(
    sides: tuple[Counts, Counts], measure: Measure, rules: GateRules, noise: float, *, of_part: bool
) -> tuple[Difference, float, float]:
    """The gain with its chance, and the scores of both."""
    rate = measure.part if of_part else measure.rate
    sign = -1.0 if measure.less else 1.0
    found = paired_bootstrap(
        sides[0][None],
        sides[1][None],
        rules.rounds,
        seed_noise=noise,
        rate=lambda counts: sign * rate(counts),
    )
    champion, challenger = (float(rate(side.sum(axis=0))) for side in sides)
    return found, champion, challenger


def _scale(measure: Measure, sides: tuple[Counts, Counts]) -> float:
    return float(measure.rate(sides[0].sum(axis=0))) if measure.relative else 1.0


def _better(both: Compared, measure: Measure, rules: GateRules) -> Check:
    sides = both.champion.counts, both.challenger.counts
    noise = rules.seed_noise * _scale(measure, sides)
    found, champion, challenger = _compare(sides, measure, rules, noise, of_part=False)
    units, too_few = len(sides[0]), ""
    if units < FEWEST_UNITS:
        too_few = f"too few test {both.units}: {units}, {FEWEST_UNITS} are needed"
    shown = (
        f"{measure.name} {measure.shown(challenger)} against {measure.shown(champion)} on {units:,} test "
        f"{both.units}"
    )
    metric = measure.metric
    figures = {
        f"champion_{metric}": champion,
        f"challenger_{metric}": challenger,
        f"{metric}_gain_p": found.p,
    }
    check = Check(name=measure.name, passed=False, why=shown, figures=figures)
    return better(check, found, rules, same=bool(np.array_equal(*sides)), too_few=too_few)


def _not_worse(
    name: str, sides: tuple[Counts, Counts], measure: Measure, rules: GateRules, *, of_part: bool
) -> Check:
    """Check that a score is not worse than allowed, or that the loss may well be chance."""
    found, champion, challenger = _compare(sides, measure, rules, 0.0, of_part=of_part)
    allowed = rules.type_drop if of_part else rules.old_drop
    if measure.relative:
        allowed *= champion
    shown = f"{name}: {measure.shown(challenger)} against {measure.shown(champion)}"
    worse = f"more than {measure.shown(allowed)} worse"
    return floor(name, shown, worse, found, allowed, rules)


def _calibrated(both: Compared, rules: GateRules) -> Iterator[Check]:
    errors, count = [], len(both.champion.counts)
    for side in (both.champion, both.challenger):
        if side.surety is None or side.right is None or not count:
            return
        errors.append(calibration(side.surety, side.right).error)
    yield calibrated((errors[0], errors[1]), count, rules)
