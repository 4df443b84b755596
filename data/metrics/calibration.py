"""Calibration of entity probabilities: reliability diagram, expected calibration error, scaling by type.

The error is that of Guo et al. (2017), "On Calibration of Modern Neural Networks", section 2, over the
predicted entities, in bins of equal mass as Nixon et al. (2019), "Measuring Calibration in Deep Learning",
advise. The scaling is that of Platt (1999), "Probabilistic Outputs for Support Vector Machines", of the log
odds, with the length of the entity as a further variable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

BINS = 15
FEWEST = 50  # predicted entities from which a scaling is fitted
LONGEST = 10  # tokens; longer entities are scaled as those
_LEAST = 1e-6  # probability, and distance from 1
_NONE = (1.0, 0.0, 0.0)


@dataclass(frozen=True)
class Calibration:
    """Distance of probabilities from the share that is right.

    Attributes:
        bins: of ascending probability: low, high, probability (mean), correct (share), count.
        error: expected calibration error, 0 to 1: mean distance of share and probability, weighted by count.
        count: predicted entities.
    """

    bins: pl.DataFrame
    error: float
    count: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"error": self.error, "count": self.count, "bins": self.bins.to_dicts()}


def calibration(probability: npt.ArrayLike, correct: npt.ArrayLike, bins: int = BINS) -> Calibration:
    """Calibration of n predicted entities; the error of none is 0.

    Args:
        probability: (n,) that span and type are right, 0 to 1.
        correct: (n,) bool.
        bins: of equal mass; of fewer entities, one each.
    """
    chance, right = np.asarray(probability, np.float64), np.asarray(correct, np.float64)
    order = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    table = pl.DataFrame(
        [
            (chance[part[0]], chance[part[-1]], chance[part].mean(), right[part].mean(), len(part))
            for part in parts
        ],
        schema={
            "low": pl.Float64,
            "high": pl.Float64,
            "probability": pl.Float64,
            "correct": pl.Float64,
            "count": pl.Int64,
        },
        orient="row",
    )
    distance = (table["correct"] - table["probability"]).abs() * table["count"]
    return Calibration(table, float(distance.sum()) / max(len(chance), 1), len(chance))


@dataclass(frozen=True)
class EntityScaling:
    """Scaling of the probabilities of entities; without weights it changes none.

    Attributes:
        weights: by type slope, intercept and token: log odds become slope * log odds + intercept + token *
            (tokens - 1). Types that are not named are left as they are.
    """

    weights: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        probability: npt.ArrayLike,
        tokens: npt.ArrayLike,
        kind: npt.ArrayLike,
        types: Sequence[str],
        correct: npt.ArrayLike,
    ) -> Self:
        """Fit by maximum likelihood on n predicted entities; of fewer than FEWEST, none.

        A normal prior of variance 1 draws the weights of all types to no scaling, those of one type to those
        of all types, so that a rare type is scaled as the others are.

        Args:
            probability: (n,) without scaling.
            tokens: (n,) length.
            kind: (n,) index of `types`.
            types: names; one without entities is scaled as all are.
            correct: (n,) bool.
        """
        right, number = np.asarray(correct, bool), np.asarray(kind, np.int64)
        if len(right) < FEWEST:
            return cls()
        inputs = _inputs(np.asarray(probability, np.float64), np.asarray(tokens, np.int64))
        every = _logistic_regression(inputs, right, np.array(_NONE))
        found = {}
        for n, name in enumerate(types):
            of = number == n
            slope, intercept, token = _logistic_regression(inputs[of], right[of], every).round(6).tolist()
            found[name] = (slope, intercept, token) if slope > 0 else _NONE
        return cls(found)

    def scale(
        self,
        probability: npt.NDArray[Any],
        tokens: npt.NDArray[Any],
        kind: npt.NDArray[Any],
        types: Sequence[str],
    ) -> npt.NDArray[Any]:
        """Scaled probabilities of n entities, of the type of array they are given in.

        Args:
            probability: (n,) 0 to 1.
            tokens: (n,) length.
            kind: (n,) index of `types`.
            types: names.
        """
        if not self.weights or not len(probability):
            return probability
        weights = np.array([self.weights.get(name, _NONE) for name in types])[kind]
        odds = (weights * _inputs(probability.astype(np.float64), tokens)).sum(axis=1)
        scaled: npt.NDArray[Any] = (1 / (1 + np.exp(-odds))).astype(probability.dtype)
        return scaled

    def to_json(self) -> dict[str, list[float]]:
        """Plain values for JSON."""
        return {name: list(weights) for name, weights in self.weights.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Sequence[float]]) -> Self:
        """The scaling that `to_json` gave."""
        return cls({name: (slope, intercept, token) for name, (slope, intercept, token) in value.items()})


def _inputs(probability: npt.NDArray[np.float64], tokens: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Log odds, 1 and further tokens of each entity, (n, 3)."""
    chance = np.clip(probability, _LEAST, 1 - _LEAST)
    odds = np.log(chance) - np.log1p(-chance)
    return np.stack([odds, np.ones_like(odds), np.minimum(tokens, LONGEST) - 1.0], axis=1)


def _logistic_regression(
    inputs: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], prior: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Weights (3,) of the likeliest logistic regression under a normal prior of variance 1 (Newton)."""
    weights = prior.copy()
    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -40, 40)))
        slope = inputs.T @ (chance - right) + weights - prior
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + np.eye(3)
        step = np.linalg.solve(curvature, slope)
        weights -= step / max(1.0, float(np.abs(step).max()))  # at most 1 at a time
        if np.abs(step).max() < 1e-9:
            break
    return weights
