"""Paired bootstrap over sentences: confidence interval and p-value of the F1 difference of two taggers.

After Koehn (2004), "Statistical significance tests for machine translation evaluation": draw as many
sentences as there are, with replacement, score both taggers on the draw, and count.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.data.text.tags import spans

ROUNDS = 2000
_CELLS = 1 << 24  # entries of the matrix of draws in memory at a time


def sentence_counts(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> np.ndarray:
    """Entity counts of each sentence, (n, 3) int64: correct, predicted, gold."""
    rows = []
    for truth, guess in zip(gold, predicted, strict=True):
        a, b = set(spans(truth)), set(spans(guess))
        rows.append((len(a & b), len(b), len(a)))
    return np.array(rows, np.int64).reshape(-1, 3)


def f1_of(counts: np.ndarray) -> np.ndarray:
    """F1 of counts (..., 3): twice correct over predicted plus gold; 0 where no entity is correct."""
    correct, both = counts[..., 0], counts[..., 1] + counts[..., 2]
    f1: np.ndarray = 2 * correct / np.maximum(both, 1)
    return f1


def paired_bootstrap(
    before: np.ndarray, after: np.ndarray, rounds: int = ROUNDS, seed: int = 0
) -> dict[str, Any]:
    """Compare two taggers, trained with S and S' seeds, on the same n sentences.

    Args:
        before: (S, n, 3) counts of one.
        after: (S', n, 3) counts of the other.
        rounds: number of draws.
        seed: of the draws.

    Returns:
        difference: mean F1 of `after` minus that of `before`, 0 to 1; low and high: the middle 95 % of its
        draws; p: share of draws in which `after` is not better.
    """
    n = before.shape[1]
    if after.shape[1] != n:
        raise ValueError(f"expected counts of the same {n} sentences. Got {after.shape[1]}")
    rng, drawn = np.random.default_rng([seed, n]), []
    for first in range(0, rounds, max(1, _CELLS // max(n, 1))):
        some = min(max(1, _CELLS // max(n, 1)), rounds - first)
        weights = rng.multinomial(n, np.full(n, 1 / n), some)  # (some, n): how often each is drawn
        means = [f1_of(weights @ counts).mean(axis=0) for counts in (before, after)]
        drawn.append(means[1] - means[0])
    differences = np.concatenate(drawn)
    low, high = np.quantile(differences, (0.025, 0.975))
    return {
        "difference": float(f1_of(after.sum(axis=1)).mean() - f1_of(before.sum(axis=1)).mean()),
        "low": float(low),
        "high": float(high),
        "p": float((differences <= 0).mean()),
    }
