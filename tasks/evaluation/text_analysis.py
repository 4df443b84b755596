"""Error analysis of an evaluation of text: where it is wrong, and how far its probabilities hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import polars as pl

from elman.data.metrics.alignment import CORRECT, align, confusion
from elman.data.metrics.calibration import Calibration, calibration
from elman.data.metrics.entities import EntityScores
from elman.data.metrics.intervals import RateIntervals, Units, bootstrap, unit_counts, units_of
from elman.data.metrics.mistakes import mistakes
from elman.data.metrics.partial import SchemaScores, partial_scores, partial_scores_by_type
from elman.data.metrics.slices import ORDER, scores_by, with_groups
from elman.data.metrics.thresholds import precision_curve
from elman.tasks.evaluation.answers import Answers
from elman.tasks.models.precision import Curves, TypeThreshold, thresholds

ALL = "all types"
WANTED = (0.8, 0.9, 0.95, 0.99)  # precisions that reports give thresholds for


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Subject of an evaluation.

    Attributes:
        model: its version.
        types: that it knows.
        temperature: by which its probabilities are scaled.
        corpus: its name.
        split: train, dev, test or all.
        dev_curves: precision by threshold on dev, of the model folder; none of a model of version 0.1.
    """

    model: str
    types: tuple[str, ...]
    temperature: float
    corpus: str
    split: str
    dev_curves: Curves = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON, without the curves."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "dev_curves"}


@dataclass(frozen=True, kw_only=True)
class CalibrationPair:
    """Calibration of one type's entities before and after scaling."""

    before: Calibration
    after: Calibration

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"before": self.before.to_json(), "after": self.after.to_json()}


@dataclass(frozen=True, kw_only=True)
class TextAnalysis:
    """Content of a report of an evaluation of text; mappings are by type, ALL first.

    Attributes:
        subject: what was evaluated.
        scores: strict scores.
        intervals: of the strict scores.
        drawn: what was drawn for the intervals, as "120 documents".
        partial: scores of each schema of `data.metrics.partial`.
        outcomes: outcome and count.
        confusion: of `data.metrics.alignment.confusion`.
        slices: scores by group; keys of `data.metrics.slices.ORDER` and "by_document".
        mistakes: of `data.metrics.mistakes.mistakes`.
        calibration: before and after scaling.
        curves: precision against threshold.
        from_dev: by wanted precision and type, the threshold of dev, and what it reaches here.
        notes: what a reader should know.
    """

    subject: Subject
    scores: EntityScores
    intervals: Mapping[str, RateIntervals]
    drawn: str
    partial: Mapping[str, Mapping[str, SchemaScores]]
    outcomes: pl.DataFrame
    confusion: pl.DataFrame
    slices: Mapping[str, pl.DataFrame]
    mistakes: pl.DataFrame
    calibration: Mapping[str, CalibrationPair]
    curves: Mapping[str, pl.DataFrame]
    from_dev: Mapping[float, Mapping[str, TypeThreshold]]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON: all but the mistakes and the curves, which are tables of their own."""
        return {
            **self.subject.to_json(),
            "notes": list(self.notes),
            "scores": self.scores.to_json(),
            "drawn": self.drawn,
            "intervals": {name: of.to_json() for name, of in self.intervals.items()},
            "partial": {
                name: {schema: scores.to_json() for schema, scores in of.items()}
                for name, of in self.partial.items()
            },
            "outcomes": dict(self.outcomes.rows()),
            "confusion": self.confusion.to_dicts(),
            "slices": {
                name: table.to_dicts() for name, table in self.slices.items() if name != "by_document"
            },
            "calibration": {name: pair.to_json() for name, pair in self.calibration.items()},
            "thresholds_of_dev": {
                f"{wanted:g}": {
                    name: {"dev": of.dev.to_json(), "here": of.test and of.test.to_json()}
                    for name, of in found.items()
                }
                for wanted, found in self.from_dev.items()
            },
        }

    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables by name."""
        bins = [
            of.bins.with_columns(type=pl.lit(name), scaled=pl.lit(scaled))
            for name, pair in self.calibration.items()
            for of, scaled in ((pair.before, False), (pair.after, True))
        ]
        curves = [curve.with_columns(type=pl.lit(name)) for name, curve in self.curves.items()]
        groups = [
            table.with_columns(by=pl.lit(name.removeprefix("by_"))) for name, table in self.slices.items()
        ]
        return {
            "mistakes": self.mistakes,
            "confusion": self.confusion,
            "scores_by_group": pl.concat(groups),
            "reliability": pl.concat(bins),
            "precision_by_threshold": pl.concat(curves),
        }


def analyse(
    answers: Answers, scores: EntityScores, training: pl.DataFrame | None, subject: Subject
) -> TextAnalysis:
    """Analyse the answers of a model.

    Args:
        answers: of the evaluation.
        scores: strict scores of the same answers.
        training: text and type of the entities trained on, if the corpus is there.
        subject: what was evaluated.
    """
    aligned = align(answers.gold, answers.predicted)
    right = aligned.filter(outcome=CORRECT)
    gold, predicted = (
        with_groups(frame, training).with_columns(
            correct=pl.Series(np.isin(np.arange(frame.height), right[side].to_numpy())),
            by_document="document",
        )
        for side, frame in (("gold", answers.gold), ("predicted", answers.predicted))
    )
    kinds = sorted({*gold["type"].unique(), *predicted["type"].unique()})
    units = units_of(answers.sentences)
    groups = [name for name in (*ORDER, "by_document") if name in gold.columns]
    sides = {ALL: (gold, predicted)} | {
        kind: (gold.filter(type=kind), predicted.filter(type=kind)) for kind in kinds
    }
    return TextAnalysis(
        subject=subject,
        scores=scores,
        intervals=_intervals(sides, units),
        drawn=f"{units.count:,} {units.name}",
        partial={
            ALL: partial_scores(answers.gold, answers.predicted),
            **partial_scores_by_type(answers.gold, answers.predicted),
        },
        outcomes=aligned.group_by("outcome")
        .agg(count=pl.len())
        .sort("count", "outcome", descending=[True, False]),
        confusion=confusion(answers.gold, answers.predicted, aligned),
        slices={name: scores_by(gold, predicted, name, ORDER.get(name, ())) for name in groups},
        mistakes=mistakes(answers.gold, answers.predicted, aligned, answers.texts),
        calibration={
            name: CalibrationPair(
                before=calibration(of["unscaled"], of["correct"]),
                after=calibration(of["surety"], of["correct"]),
            )
            for name, (_, of) in sides.items()
        },
        curves={name: precision_curve(p["surety"], p["correct"], g.height) for name, (g, p) in sides.items()},
        from_dev=_from_dev(sides, subject.dev_curves),
        notes=notes(answers, scores, training is not None, subject),
    )


def _from_dev(
    sides: Mapping[str, tuple[pl.DataFrame, pl.DataFrame]], dev: Curves
) -> dict[float, dict[str, TypeThreshold]]:
    if not dev:
        return {}
    here = {
        name: precision_curve(p["surety"], p["correct"], g.height, None) for name, (g, p) in sides.items()
    }
    return {wanted: thresholds({"dev": dev, "test": here}, wanted) for wanted in WANTED}


def _intervals(
    sides: Mapping[str, tuple[pl.DataFrame, pl.DataFrame]], units: Units
) -> dict[str, RateIntervals]:
    counts = [
        unit_counts(units, *(f["sequence"].to_numpy() for f in (gold, predicted, gold.filter("correct"))))
        for gold, predicted in sides.values()
    ]
    return dict(zip(sides, bootstrap(np.stack(counts)), strict=True))


def notes(answers: Answers, scores: EntityScores, with_training: bool, subject: Subject) -> tuple[str, ...]:
    """Notes to read before the figures: what was expected, what came, what to do."""
    lines, known, split = [], subject.types, subject.split
    if answers.gold.is_empty():
        lines.append(
            f"Expected entities in the {split} split. Got none in {answers.sentences.height:,} sentences, so "
            f"recall and F1 are 0 and say nothing; all {answers.predicted.height:,} predicted entities are "
            "spurious. Evaluate on a split with entities, or look at the labels with `elman check`."
        )
    unknown = answers.gold.filter(~pl.col("type").is_in(known)).group_by("type").len().sort("type").rows()
    if unknown:
        listed = ", ".join(f"{kind} ({count:,})" for kind, count in unknown)
        lines.append(
            f"Expected the types of the model, {', '.join(known)}. Got others in the {split} split, which "
            f"it cannot find: {listed}. Train on a corpus that labels them, or compare by type."
        )
    if answers.gold.height and answers.predicted.is_empty():
        lines.append(
            f"Expected predicted entities. Got none in {answers.sentences.height:,} sentences. Train for "
            "longer, or check that the corpus is of the model's language and kind."
        )
    if not with_training:
        lines.append(
            "The corpus the model was trained on is not here as it was then, so there are no scores by "
            "whether training had an entity. Ingest it again under its name."
        )
    if scores.counts.get("unlabelled"):
        lines.append(f"{scores.counts['unlabelled']:,} sentences without labels are left out.")
    return tuple(lines)
