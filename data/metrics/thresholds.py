"""Precision against a threshold of the probability, and the threshold that reaches a precision."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

FEWEST = 50  # entities above a threshold that stands
MARGIN = 0.03  # how far below the wanted precision its lower bound may be
_Z = 1.2815515655446004  # normal quantile of 90 %
_POINTS = 200


def lower_bound(correct: npt.ArrayLike, count: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Lower bound of a share, 0 to 1, that holds in 90 % of samples.

    Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference", one-sided.

    Args:
        correct: right ones.
        count: of all, 1 or more.
    """
    n = np.asarray(count, np.float64)
    share = np.asarray(correct, np.float64) / n
    spread = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    bound: npt.NDArray[np.float64] = (share + _Z**2 / (2 * n) - spread) / (1 + _Z**2 / n)
    return bound


def precision_curve(
    probability: npt.ArrayLike, correct: npt.ArrayLike, gold: int, points: int | None = _POINTS
) -> pl.DataFrame:
    """Scores of the entities at or above each threshold, the highest threshold first.

    Args:
        probability: (n,) of the predicted entities.
        correct: (n,) bool.
        gold: entities to find.
        points: rows at most, evenly over the entities; None for every distinct probability.

    Returns:
        threshold, kept (entities), correct, precision, lower (bound of 90 %), recall; none without entities.
    """
    chance, right = np.asarray(probability, np.float64), np.asarray(correct, bool)
    order = np.argsort(-chance, kind="stable")
    chance, found = chance[order], np.cumsum(right[order])
    last = (
        np.flatnonzero(np.append(chance[1:] != chance[:-1], True)) if len(chance) else np.empty(0, np.int64)
    )
    if points is not None and len(last) > points:
        last = last[np.unique(np.linspace(0, len(last) - 1, points).round().astype(np.int64))]
    return curve_of(chance[last], last + 1, found[last], gold)


def curve_of(
    threshold: npt.ArrayLike, kept: npt.ArrayLike, correct: npt.ArrayLike, gold: int
) -> pl.DataFrame:
    """A curve, as `precision_curve` returns it, from the counts at its thresholds.

    Args:
        threshold: (m,) descending.
        kept: (m,) entities at or above each.
        correct: (m,) right ones of these.
        gold: entities to find.
    """
    count, right = np.asarray(kept, np.int64), np.asarray(correct, np.int64)
    return pl.DataFrame(
        {
            "threshold": np.asarray(threshold, np.float64),
            "kept": count,
            "correct": right,
            "precision": right / np.maximum(count, 1),
            "lower": lower_bound(right, np.maximum(count, 1)),
            "recall": right / max(gold, 1),
        }
    )


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The lowest probability from which on entities have a wanted precision.

    Attributes:
        threshold: or None if it does not stand.
        kept: entities at or above it.
        precision: of these.
        lower: lower bound of 90 %.
        why: why it does not stand, else "".
    """

    threshold: float | None
    kept: int
    precision: float
    lower: float
    why: str

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def threshold_for(curve: pl.DataFrame, wanted: float) -> Threshold:
    """The lowest threshold of a curve whose precision is reached; it stands if enough entities show it.

    Args:
        curve: of `precision_curve`.
        wanted: precision, 0 to 1.
    """
    reached = curve.filter(pl.col("precision") >= wanted)
    if reached.is_empty():
        best = max(curve["precision"].to_list(), default=None)
        why = "no entity was predicted" if best is None else f"the highest precision is {best:.3f}"
        return Threshold(threshold=None, kept=0, precision=0.0, lower=0.0, why=why)
    row = reached.row(-1, named=True)
    why = ""
    if row["kept"] < FEWEST:
        why = f"only {row['kept']} entities exceed it, {FEWEST} are needed"
    elif row["lower"] < wanted - MARGIN:
        why = f"the lower bound of its precision, {row['lower']:.3f}, is below {wanted - MARGIN:.3f}"
    return Threshold(
        threshold=None if why else row["threshold"],
        kept=row["kept"],
        precision=row["precision"],
        lower=row["lower"],
        why=why,
    )
