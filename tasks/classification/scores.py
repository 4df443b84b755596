"""Scores of classes: accuracy, macro F1, rates of each class, confusion, calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.metrics.calibration import calibration
from elman.data.metrics.rates import rates
from elman.data.store.disk import atomic_write
from elman.data.text.markdown import escaped, table
from elman.tasks.evaluation import plots
from elman.tasks.evaluation.run_metrics import metric_names
from elman.tasks.learning.registry import TaskScores


@dataclass(frozen=True, kw_only=True)
class ClassScores(TaskScores):
    """Scores of a classifier on n documents.

    Attributes:
        labels: K classes, by code point; those that training lacks stand among them.
        confusion: (K, K), gold by row, predicted by column.
        calibration: bins of the probability of the predicted class, see `data.metrics.calibration`.
    """

    labels: tuple[str, ...]
    confusion: np.ndarray
    calibration: pl.DataFrame

    @property
    def rates(self) -> np.ndarray:
        """Precision, recall and F1 of each class, (K, 3)."""
        return rates(_counts(self.confusion))

    @property
    def support(self) -> np.ndarray:
        """Documents of each class in gold, (K,)."""
        support: np.ndarray = self.confusion.sum(axis=1)
        return support

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = zip(self.labels, self.rates.tolist(), self.support.tolist(), strict=True)
        per_class = {
            label: {"precision": p, "recall": r, "f1": f, "support": n} for label, (p, r, f), n in rows
        }
        return {
            **super().to_json(),
            "per_class": per_class,
            "confusion": {"labels": list(self.labels), "counts": self.confusion.tolist()},
            "calibration": self.calibration.to_dicts(),
        }

    @property
    def metrics(self) -> Mapping[str, float]:
        """Figures of the whole, and F1 of each class as `f1/LABEL`."""
        of_classes = zip(metric_names(self.labels), self.rates[:, 2].tolist(), strict=True)
        return {**self.values, **{f"f1/{name}": f1 for name, f1 in of_classes}}

    def write_report(self, split: str, out: Path) -> None:
        """Write classes_SPLIT.md, confusion_SPLIT.csv and confusion_SPLIT.png."""
        rows = zip(self.labels, self.rates.tolist(), self.support.tolist(), strict=True)
        cells = [
            [escaped(label), *(f"{100 * rate:.1f}" for rate in of), f"{support:,}"]
            for label, of, support in rows
        ]
        text = table(["class", "precision", "recall", "F1", "in gold"], cells) + "\nRates in %.\n"
        atomic_write(out / f"classes_{split}.md", text.encode())
        frame = pl.DataFrame(
            [(label, *row) for label, row in zip(self.labels, self.confusion.tolist(), strict=True)],
            schema=["gold", *(f"predicted {label}" for label in self.labels)],
            orient="row",
        )
        atomic_write(out / f"confusion_{split}.csv", frame.write_csv().encode())
        plots.confusion_matrix(self.confusion, self.labels, out / f"confusion_{split}.png")


def _counts(confusion: np.ndarray) -> np.ndarray:
    """Correct, predicted and gold of each class, (K, 3)."""
    return np.stack([np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)], axis=1)


def macro_f1(gold: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean F1 of the classes that occur in gold or prediction; numbers below `classes` each.

    Gold of -1, a class that training lacks, is another class.
    """
    confusion = np.zeros((classes + 1, classes + 1), np.int64)
    np.add.at(confusion, (np.where(gold < 0, classes, gold), predicted), 1)
    counts = _counts(confusion)
    used = counts[:, 1:].sum(axis=1) > 0
    return float(rates(counts[used])[:, 2].mean()) if used.any() else 0.0


def score_classes(
    known: Sequence[str], gold: Sequence[str], probability: np.ndarray, **counts: int
) -> ClassScores:
    """Scores of n documents.

    Args:
        known: G classes of the model.
        gold: label of each document.
        probability: (n, G) of each class.
        counts: further numbers to be told.
    """
    labels = tuple(sorted({*known, *gold}))
    number = {label: n for n, label in enumerate(labels)}
    of_known = np.array([number[label] for label in known])
    right, best = np.array([number[label] for label in gold]), probability.argmax(axis=1)
    predicted = of_known[best]
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (right, predicted), 1)
    chance = probability[np.arange(len(best)), best]
    measured = calibration(chance, predicted == right)
    used = _counts(confusion)[:, 1:].sum(axis=1) > 0  # as scikit-learn: classes of gold or prediction
    return ClassScores(
        values={
            "accuracy": float((predicted == right).mean()),
            "macro_f1": float(rates(_counts(confusion)[used])[:, 2].mean()),
            "calibration_error": measured.error,
        },
        counts={"documents": len(gold), **counts},
        labels=labels,
        confusion=confusion,
        calibration=measured.bins,
    )
