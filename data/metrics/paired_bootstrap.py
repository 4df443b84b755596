"""Paired bootstrap: confidence interval and p-value of the F1 difference of two taggings of the same text.

After Koehn (2004), "Statistical significance tests for machine translation evaluation": draw as many units as
there are, with replacement, score both taggings on the draw, and count. Units are sentences, or the documents
(blocks of sentences where there are few documents) of `data.metrics.intervals`, as mistakes cluster in them.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.metrics.entities import Tags, matches
from elman.data.metrics.intervals import Counts, Units, unit_counts
from elman.data.metrics.rates import rates

ROUNDS = 2000
ENTITY = ("sequence", "start", "end", "type")  # what must be the same for an entity to be right
_CELLS = 1 << 24  # entries of the matrix of draws in memory at a time
_WIDTH = 2 * 1.959964  # standard deviations in the middle 95 % of a normal distribution


def sentence_counts(gold: Tags, predicted: Tags) -> Counts:
    """Entity counts of each sentence, (n, 3) int64: correct, predicted, gold."""
    rows = [(len(truth & guess), len(guess), len(truth)) for truth, guess in matches(gold, predicted)]
    return np.array(rows, np.int64).reshape(-1, 3)


def entity_counts(units: Units, gold: pl.DataFrame, predicted: pl.DataFrame) -> Counts:
    """Entity counts of each unit, (U, 3) int64: correct, predicted, gold.

    Args:
        units: of `data.metrics.intervals.units_of`, of n sentences.
        gold, predicted: entities, columns of ENTITY; sequence is the number of the sentence, from 0.
    """
    right = predicted.join(gold, on=list(ENTITY), how="semi")
    return unit_counts(units, *(frame["sequence"].to_numpy() for frame in (gold, predicted, right)))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Difference of two taggers in F1, and how sure it is.

    Attributes:
        difference: mean F1 of the second minus that of the first, 0 to 1.
        low, high: the middle 95 % of its draws.
        p: share of draws in which the second is not better.
    """

    difference: float
    low: float
    high: float
    p: float

    @property
    def error(self) -> float:
        """Standard error of the difference, from the width of the interval."""
        return (self.high - self.low) / _WIDTH

    def to_json(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)


def paired_bootstrap(
    before: npt.NDArray[Any],
    after: npt.NDArray[Any],
    rounds: int = ROUNDS,
    seed: int = 0,
    seed_noise: float = 0.0,
    rate: Callable[[npt.NDArray[Any]], npt.NDArray[np.float64]] | None = None,
) -> Difference:
    """Compare two taggers, trained with S and S' seeds, on the same n units.

    Args:
        before: (S, n, 3) counts of one, as of `entity_counts`.
        after: (S', n, 3) counts of the other.
        rounds: number of draws.
        seed: of the draws.
        seed_noise: standard deviation of F1, 0 to 1, of trainings that differ in their seed alone. The error
            it gives the difference is added to each draw: a lucky seed is no better tagger.
        rate: of counts (..., K), (...,); F1 of correct, predicted and gold by default.

    Raises:
        ValueError: counts of different numbers of units.
    """
    n, score = before.shape[1], rate or _f1
    if after.shape[1] != n:
        raise ValueError(f"expected counts of the same {n} sentences. Got {after.shape[1]}")
    drawn = np.concatenate(
        [
            score(weights @ after).mean(axis=0) - score(weights @ before).mean(axis=0)
            for weights in _draws(n, rounds, seed)
        ]
    )
    if seed_noise:
        spread = seed_noise * np.sqrt(1 / len(before) + 1 / len(after))
        drawn = drawn + np.random.default_rng([seed, n, 1]).normal(0, spread, rounds)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Difference(
        difference=float(score(after.sum(axis=1)).mean() - score(before.sum(axis=1)).mean()),
        low=float(low),
        high=float(high),
        p=float((drawn <= 0).mean()),
    )


def _draws(n: int, rounds: int, seed: int) -> Iterator[npt.NDArray[np.float64]]:
    """Counts of draws of each of n units in each of some rounds, (some, n)."""
    rng, most = np.random.default_rng([seed, n]), max(1, _CELLS // max(n, 1))
    for first in range(0, rounds, most):
        some = min(most, rounds - first)
        drawn = rng.multinomial(n, np.full(n, 1 / n), some) if n else np.zeros((some, 0))
        yield drawn.astype(np.float64)  # products of floats are fast, and exact for counts


def _f1(counts: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    f1: npt.NDArray[np.float64] = rates(counts)[..., 2]
    return f1
