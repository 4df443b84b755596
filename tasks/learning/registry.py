"""Registry of what can be learned beside tagging: `elman train --task NAME`.

A task is a folder of `tasks` with a module `task` that has a `TASK`. The commands `train` and `evaluate` ask
here which task a name or a model belongs to; what differs between tasks stands in their folders alone.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from elman.data.corpus.shards import DNA, TEXT
from elman.data.errors import UsageError
from elman.tasks.retraining.score_gate import ScoreGate

TAG = "tag"  # done by the taggers and gene finders themselves
_MODULES = {  # loaded when they are asked for
    "generate": "elman.tasks.generation.task",
    "classify": "elman.tasks.classification.task",
    "transcribe": "elman.tasks.transcription.task",
}
_KINDS = {  # kind of a model -> task
    "generator": "generate",
    "classifier": "classify",
    "transcriber": "transcribe",
}
OnEpoch = Callable[[dict[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class TaskTraining:
    """A training that is asked for.

    Attributes:
        corpus: its folder.
        preset: by name.
        seed: of all random draws.
        overrides: fields of FitConfig chosen by the user; None leaves the preset's.
        checkpoint_s: seconds between two checkpoints.
        workers: threads at most; None for all cores. The weights are the same for any number.
    """

    corpus: Path
    preset: str
    seed: int = 0
    overrides: Mapping[str, Any] = field(default_factory=dict)
    checkpoint_s: float = 30.0
    workers: int | None = None


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """Result of a training.

    Attributes:
        model: its folder.
        parameters: numbers in its network.
        best_epoch: whose weights were chosen.
        history: numbers of each epoch.
    """

    model: str
    parameters: int
    best_epoch: int
    history: list[dict[str, float]]

    @property
    def seconds(self) -> float:
        """Time of all epochs."""
        return sum(line["seconds"] for line in self.history)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without `model` and `history`."""
        return {"epochs": len(self.history), "best_epoch": self.best_epoch, "parameters": self.parameters}


@dataclass(frozen=True, kw_only=True)
class TaskScores:
    """Scores of a model on a split: figures by name, and how many of what they are of."""

    values: Mapping[str, float]
    counts: Mapping[str, int]

    @property
    def metrics(self) -> Mapping[str, float]:
        """Figures that are metrics of a run."""
        return self.values

    def write_report(self, split: str, out: Path) -> None:
        """Write further files about the scores of a split into the folder of a run's files."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**self.values, **self.counts}


@dataclass(frozen=True, kw_only=True)
class LearningTask:
    """A task.

    Attributes:
        name: of `--task`.
        kind: of its models, in their passports.
        corpora: kinds of those it learns from.
        presets: names that `--preset` may have.
        purpose: what a model does, from its folder, for its card; Markdown.
        train: trains a model; a killed training goes on.
        evaluate: scores a model folder on a split of a corpus folder; BadInput where there is nothing.
        gate: what its models are promoted by.
        dev_score: what the score of an epoch is: the negative of a `loss`, or an `f1`.
    """

    name: str
    kind: str
    corpora: tuple[str, ...]
    presets: tuple[str, ...]
    purpose: Callable[[str], str]
    train: Callable[[TaskTraining, OnEpoch], FittedModel]
    evaluate: Callable[[str, str, str], TaskScores]
    gate: ScoreGate
    dev_score: Literal["loss", "f1"] = "loss"


def task_names() -> list[str]:
    """Names of all tasks, tagging first."""
    return [TAG, *_MODULES]


def task_named(name: str) -> LearningTask:
    """The task of a name other than `tag`.

    Raises:
        UsageError: there is none.
    """
    if name not in _MODULES:
        raise UsageError(f"expected --task of {', '.join(task_names())}. Got {name!r}.")
    task: LearningTask = importlib.import_module(_MODULES[name]).TASK
    return task


def corpora_of(name: str) -> tuple[str, ...]:
    """Kinds of the corpora that a task learns from, tagging included."""
    return (TEXT, DNA) if name == TAG else task_named(name).corpora


def task_of(kind: str) -> LearningTask | None:
    """The task that models of a kind were trained for; None for taggers and gene finders."""
    return task_named(_KINDS[kind]) if kind in _KINDS else None
