"""Precision of a model's entities by threshold, as measured in training: precision.json of a model folder.

`elman tag --precision` takes its thresholds from the curves of dev; those of test tell what they are worth on
sentences that nothing was chosen by. Models of version 0.1 have no such file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.errors import BadInput
from elman.data.metrics.thresholds import Threshold, curve_of, precision_curve, threshold_for
from elman.tasks.models.model_folder import Model

FILE = "precision.json"
_POINTS = 2000  # thresholds of a type in the file
_COLUMNS = ("threshold", "kept", "correct")

Curves = Mapping[str, pl.DataFrame]  # by type, of `precision_curve`
SplitCurves = Mapping[str, Curves]  # by split


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Precision of the entities at or above a threshold.

    Attributes:
        kept: entities at or above it.
        precision: of these, 0 to 1.
        lower: lower bound of 90 %.
        recall: of the type's entities in gold.
    """

    kept: int
    precision: float
    lower: float
    recall: float

    @classmethod
    def at(cls, threshold: float, curve: pl.DataFrame) -> Self | None:
        """The last point of a curve at or above a threshold; None without one."""
        above = curve.filter(pl.col("threshold") >= threshold)
        if above.is_empty():
            return None
        row = above.row(-1, named=True)
        return cls(kept=row["kept"], precision=row["precision"], lower=row["lower"], recall=row["recall"])

    def to_json(self) -> dict[str, float]:
        """Plain values for JSON."""
        return {"kept": self.kept, "precision": self.precision, "lower": self.lower, "recall": self.recall}


@dataclass(frozen=True, kw_only=True)
class TypeThreshold:
    """Threshold of a type for a wanted precision.

    Attributes:
        dev: of the curve of dev.
        test: what the threshold reaches on test; None if it does not stand or test has nothing above it.
    """

    dev: Threshold
    test: Reached | None

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"dev": self.dev.to_json(), "test": self.test and self.test.to_json()}


def curves_by_type(
    types: tuple[str, ...],
    kind: npt.ArrayLike,
    probability: npt.ArrayLike,
    correct: npt.ArrayLike,
    gold: Mapping[str, int],
) -> dict[str, pl.DataFrame]:
    """Curves of predicted entities by type.

    Args:
        types: names.
        kind: (n,) index of `types`.
        probability: (n,) of the predicted entities.
        correct: (n,) bool.
        gold: entities to find of each type.
    """
    number, chance, right = np.asarray(kind), np.asarray(probability), np.asarray(correct, bool)
    return {
        name: precision_curve(chance[number == n], right[number == n], gold.get(name, 0), _POINTS)
        for n, name in enumerate(types)
    }


def to_bytes(curves: Mapping[str, tuple[Curves, Mapping[str, int]]]) -> bytes:
    """Content of precision.json.

    Args:
        curves: by split, with the number of entities in gold by type.
    """
    plain = {
        split: {
            name: {"gold": gold.get(name, 0), **{column: curve[column].to_list() for column in _COLUMNS}}
            for name, curve in of.items()
        }
        for split, (of, gold) in curves.items()
    }
    return (json.dumps(plain, ensure_ascii=False) + "\n").encode()


def read_curves(model: Model) -> SplitCurves:
    """Curves of a model by split and type; none if it has no file of them."""
    if FILE not in model.files:
        return {}
    plain = json.loads(model.files[FILE][:])
    return {
        split: {
            name: curve_of(**{column: of[column] for column in _COLUMNS}, gold=of["gold"])
            for name, of in types.items()
        }
        for split, types in plain.items()
    }


def thresholds(curves: SplitCurves, wanted: float) -> dict[str, TypeThreshold]:
    """Thresholds of all types for a wanted precision, 0 to 1, as dev gives them."""
    found = {}
    for name, curve in curves.get("dev", {}).items():
        dev = threshold_for(curve, wanted)
        test = curves.get("test", {}).get(name)
        reached = None if dev.threshold is None or test is None else Reached.at(dev.threshold, test)
        found[name] = TypeThreshold(dev=dev, test=reached)
    return found


def thresholds_of(model: Model, wanted: float) -> dict[str, TypeThreshold]:
    """Thresholds of a model of text for a wanted precision, one of which stands at least.

    Raises:
        BadInput: the model has no curves of dev, or no type has a threshold that stands.
    """
    found = thresholds(read_curves(model), wanted)
    if not found:
        raise BadInput(
            f"a model with {FILE}, the precision by threshold on dev, for --precision",
            got="none: it was trained by version 0.1, or without a dev split",
            todo="Train it again, on a corpus with a dev split, or use --min-probability.",
            source=model.folder,
        )
    if all(of.dev.threshold is None for of in found.values()):
        raise BadInput(
            f"a type with a threshold that reached a precision of {wanted:g} on dev",
            got="; ".join(f"{name}: {of.dev.why}" for name, of in found.items()),
            todo="Ask for a lower --precision, or train on a corpus with more dev sentences.",
            source=model.folder,
        )
    return found
