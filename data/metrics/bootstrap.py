"""Paired bootstrap over sentences: confidence interval and p-value of the F1 difference of two taggers.

After Koehn (2004), "Statistical significance tests for machine translation evaluation": draw as many
sentences as there are, with replacement, score both taggers on the draw, and count.
"""

from dataclasses import asdict, dataclass

import numpy as np

from elman.data.metrics.entities import Tags, matches
from elman.data.metrics.rates import rates

ROUNDS = 2000
_CELLS = 1 << 24  # entries of the matrix of draws in memory at a time


def sentence_counts(gold: Tags, predicted: Tags) -> np.ndarray:
    """Entity counts of each sentence, (n, 3) int64: correct, predicted, gold."""
    rows = [(len(truth & guess), len(guess), len(truth)) for truth, guess in matches(gold, predicted)]
    return np.array(rows, np.int64).reshape(-1, 3)


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

    def to_json(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)


def paired_bootstrap(
    before: np.ndarray, after: np.ndarray, rounds: int = ROUNDS, seed: int = 0
) -> Difference:
    """Compare two taggers, trained with S and S' seeds, on the same n sentences.

    Args:
        before: (S, n, 3) counts of one.
        after: (S', n, 3) counts of the other.
        rounds: number of draws.
        seed: of the draws.

    Raises:
        ValueError: counts of different numbers of sentences.
    """
    n = before.shape[1]
    if after.shape[1] != n:
        raise ValueError(f"expected counts of the same {n} sentences. Got {after.shape[1]}")
    rng, drawn = np.random.default_rng([seed, n]), []
    for first in range(0, rounds, max(1, _CELLS // max(n, 1))):
        some = min(max(1, _CELLS // max(n, 1)), rounds - first)
        weights = rng.multinomial(n, np.full(n, 1 / n), some)  # (some, n): how often each is drawn
        means = [_f1(weights @ counts).mean(axis=0) for counts in (before, after)]
        drawn.append(means[1] - means[0])
    differences = np.concatenate(drawn)
    low, high = np.quantile(differences, (0.025, 0.975))
    return Difference(
        difference=float(_f1(after.sum(axis=1)).mean() - _f1(before.sum(axis=1)).mean()),
        low=float(low),
        high=float(high),
        p=float((differences <= 0).mean()),
    )


def _f1(counts: np.ndarray) -> np.ndarray:
    f1: np.ndarray = rates(counts)[..., 2]
    return f1
