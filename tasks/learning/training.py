"""Training and scoring of models of other tasks than tagging, recorded as a run."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.data.corpus.about import about_corpus
from elman.data.errors import BadInput, UsageError
from elman.data.store.disk import atomic_write
from elman.data.text.markdown import escaped, table
from elman.tasks.evaluation.reports import model_settings, write_history
from elman.tasks.learning.registry import FittedModel, LearningTask, OnEpoch, TaskScores, TaskTraining
from elman.tasks.retraining.corpus_tags import corpus_tags
from elman.tasks.retraining.infrastructure import infrastructure_tags
from elman.tasks.runtime.artifacts import publish_markdown
from elman.tasks.runtime.mlflow_sync import RunRecorder

Scores = Mapping[str, TaskScores]  # by split


@dataclass(frozen=True, kw_only=True)
class TaskTrained:
    """Result of a training.

    Attributes:
        fitted: the model.
        scores: by split.
        run_id: of MLflow if the run was sent, else our own.
    """

    fitted: FittedModel
    scores: Scores
    run_id: str = ""

    @property
    def model(self) -> str:
        """Folder of the model."""
        return self.fitted.model

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = {"model": self.model, "run_id": self.run_id, "seconds": round(self.fitted.seconds, 3)}
        scores = {split: of_split.to_json() for split, of_split in self.scores.items()}
        return {**values, **self.fitted.to_json(), **scores}


def train_model(
    task: LearningTask,
    request: TaskTraining,
    recorder: RunRecorder,
    on_epoch: OnEpoch,
    register: str | None = None,
) -> TaskTrained:
    """Train a model, score it on dev and test, and record both.

    Raises:
        UsageError: the task has no such preset.
    """
    if request.preset not in task.presets:
        raise UsageError(
            f"expected --preset of {', '.join(task.presets)} for --task {task.name}. Got {request.preset!r}."
        )
    fitted = task.train(request, on_epoch)
    out = recorder.run.artifacts
    history = fitted.history
    if task.dev_score == "loss":
        history = [_with_dev_loss(line) for line in history]
    write_history(history, fitted.best_epoch, out)
    scores: dict[str, TaskScores] = {}
    for split in ("dev", "test"):
        with contextlib.suppress(BadInput):  # the corpus has no such split
            scores[split] = task.evaluate(fitted.model, str(request.corpus), split)
    record_scores(scores, recorder)
    sizes = {"parameters": fitted.parameters, "training_s": round(fitted.seconds, 3)}
    recorder.log_metrics(sizes, fitted.best_epoch)
    recorder.log_params(model_settings(fitted.model))
    card = _card(task, fitted.model, scores, about_corpus(request.corpus))
    recorder.set_description(card)
    recorder.run.log_model(
        Path(fitted.model),
        register=register,
        tags=corpus_tags(request.corpus)
        | (infrastructure_tags(fitted.model, request.corpus) if register else {}),
        scores=[*metrics(scores)],
        about=card,
    )
    return TaskTrained(fitted=fitted, scores=scores)


def _with_dev_loss(line: Mapping[str, float]) -> dict[str, float]:
    """Numbers of an epoch, the score on dev as the loss that it is the negative of."""
    return {
        ("dev_loss" if key == "score" else key): (-value if key == "score" else value)
        for key, value in line.items()
    }


def record_scores(scores: Scores, recorder: RunRecorder) -> None:
    """Write scores.json and scores.md among the files of a run, and log the figures as its metrics."""
    out = recorder.run.artifacts
    plain = {split: of_split.to_json() for split, of_split in scores.items()}
    atomic_write(out / "scores.json", (json.dumps(plain, indent=1) + "\n").encode())
    atomic_write(out / "scores.md", scores_table(scores).encode())
    for split, of_split in scores.items():
        of_split.write_report(split, out)
    publish_markdown("scores", scores_table(scores), "Scores of the model")
    recorder.log_metrics(metrics(scores), 0)


def metrics(scores: Scores) -> dict[str, float]:
    """Metrics of a run, SPLIT_NAME."""
    return {f"{split}_{name}": value for split, of in scores.items() for name, value in of.metrics.items()}


def scores_table(scores: Scores) -> str:
    """Markdown table of scores, a row a split."""
    if not scores:
        return "No split to score on.\n"
    first = next(iter(scores.values()))
    columns = [*(name.replace("_", " ") for name in first.values), *first.counts]
    rows = [
        [split, *(f"{value:.4f}" for value in of.values.values()), *(f"{n:,}" for n in of.counts.values())]
        for split, of in scores.items()
    ]
    return table(["split", *columns], rows)


def _card(task: LearningTask, folder: str, scores: Scores, about: Mapping[str, str]) -> str:
    said = "".join(f"{name.capitalize()} of the corpus: {escaped(text)}\n\n" for name, text in about.items())
    return f"{task.purpose(folder)}\n\n{said}## Scores\n\n{scores_table(scores)}"
