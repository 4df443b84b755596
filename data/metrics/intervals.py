"""Bootstrap intervals of precision, recall and F1 that draw whole documents, in which mistakes cluster.

Where there are few documents, blocks of consecutive sentences are drawn, after Künsch (1989), "The jackknife
and the bootstrap for general stationary observations".
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.metrics.rates import rates

ROUNDS = 1000
FEWEST_DOCUMENTS = 30  # with fewer, blocks of sentences are drawn
BLOCK = 10  # consecutive sentences of a document in a block
_MOST_UNITS = 2000  # more are put together at random to as many groups, which leaves the variance as it is

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A rate and the middle 95 % of its draws, 0 to 1."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """In percent: 81.2 (79.0 to 83.3)."""
        return f"{100 * self.value:.1f} ({100 * self.low:.1f} to {100 * self.high:.1f})"


@dataclass(frozen=True, kw_only=True)
class RateIntervals:
    """Intervals of precision, recall and F1."""

    precision: Interval
    recall: Interval
    f1: Interval

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Units:
    """Units of a draw.

    Attributes:
        of_sentence: (n,) number of the unit of each sentence.
        count: units.
        name: "documents" or "blocks of 10 sentences".
    """

    of_sentence: npt.NDArray[np.int64]
    count: int
    name: str


def units_of(sentences: pl.DataFrame, fewest: int = FEWEST_DOCUMENTS) -> Units:
    """Units to draw from n sentences.

    Args:
        sentences: document, sentence (number in its document).
        fewest: documents that are enough.
    """
    if sentences["document"].n_unique() >= fewest:
        keys, name = pl.struct("document"), "documents"
    else:
        keys, name = pl.struct("document", pl.col("sentence") // BLOCK), f"blocks of {BLOCK} sentences"
    number = sentences.select(keys.rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    return Units(number, int(number.max(initial=-1)) + 1, name)


def unit_counts(
    units: Units,
    gold: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    correct: npt.NDArray[np.int64],
) -> Counts:
    """Counts of each unit, (U, 3): correct, predicted, gold.

    Args:
        units: U units.
        gold, predicted, correct: sentence of each entity of gold, predicted, and right.
    """
    columns = [np.bincount(units.of_sentence[of], minlength=units.count) for of in (correct, predicted, gold)]
    return np.stack(columns, axis=-1).astype(np.int64)


def bootstrap(counts: Counts, rounds: int = ROUNDS, seed: int = 0) -> list[RateIntervals]:
    """Intervals of several groups of entities, of which the same units are drawn.

    Args:
        counts: (K, U, 3) correct, predicted and gold of K groups in U units.
        rounds: number of draws.
        seed: of the draws.
    """
    K, U, _ = counts.shape
    rng = np.random.default_rng([seed, U])
    point = rates(counts.sum(axis=1))
    if U > _MOST_UNITS:
        group = rng.permutation(U) % _MOST_UNITS
        merged = np.zeros((_MOST_UNITS, K, 3), np.int64)
        np.add.at(merged, group, counts.transpose(1, 0, 2))
        counts, U = merged.transpose(1, 0, 2), _MOST_UNITS
    weights = rng.multinomial(U, np.full(U, 1 / U), rounds) if U else np.zeros((rounds, 0))
    flat = counts.transpose(1, 0, 2).reshape(U, K * 3).astype(np.float64)
    drawn = rates((weights.astype(np.float64) @ flat).reshape(rounds, K, 3))
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    return [
        RateIntervals(
            **{
                name: Interval(value=float(point[k, n]), low=float(low[k, n]), high=float(high[k, n]))
                for n, name in enumerate(("precision", "recall", "f1"))
            }
        )
        for k in range(K)
    ]
