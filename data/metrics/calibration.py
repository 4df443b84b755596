"""Calibration of entity probabilities: reliability diagram and expected calibration error.

After Guo et al. (2017), "On Calibration of Modern Neural Networks", section 2, over the predicted entities,
in bins of equal mass as Nixon et al. (2019), "Measuring Calibration in Deep Learning", advise.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

BINS = 15


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
