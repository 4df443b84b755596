"""Experiments in MLflow: which one holds the runs of a kind, and what its page says."""

import json
import time
from dataclasses import dataclass
from typing import Any

from elman.tasks.runtime.environment import home
from elman.tasks.runtime.mlflow_connection import TrackingError, tracking_uri

KIND, NOTE = "mlflow.experimentKind", "mlflow.note.content"
VIEW = "scores"  # key of a saved view of the table of runs, in its address and its tag
_COLUMNS = (  # without data sets, whose long names would push the scores out of the window
    "metrics.`dev_f1`",
    "metrics.`test_f1`",
    "metrics.`training_s`",
    "metrics.`peak_memory_mib`",
)
MODEL_TRAINING = (
    "custom_model_development"  # MLflow 3.17 heeds the switch of its pages and the address instead
)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An experiment: its name, the kinds of runs that it holds, and its description in Markdown."""

    name: str
    kinds: tuple[str, ...]
    about: str


TRAINING = Experiment(
    name="elman",
    kinds=("train", "ladder", "rung", "retrain", "baseline"),
    about=(
        "Trainings of taggers and gene finders. `dev_f1` and `test_f1` are F1 from 0 to 1; names that end in "
        "`_s`, `_mib` or `_per_s` carry seconds, MiB and rates. Precision, recall and F1 of a type are "
        "`test_precision/TYPE` and so on. A ladder, a comparison and a retraining are the parents of their "
        "trainings. `evaluation_test/report.html` among the artifacts says where a model is wrong."
    ),
)
TAGGING = Experiment(
    name="elman tagging",
    kinds=("tag",),
    about="Runs of `elman tag`: records, entities or genes found, seconds, and the version that tagged.",
)
GENERATION = Experiment(
    name="elman generation",
    kinds=("generate",),
    about="Runs of `elman generate`: pieces, nats a step, the longest runs copied from training, seconds.",
)
TRANSCRIPTION = Experiment(
    name="elman transcription",
    kinds=("transcribe",),
    about="Runs of `elman transcribe`: clips, words and quarantined records, seconds, and the model.",
)
EVALUATION = Experiment(
    name="elman evaluation",
    kinds=("evaluate", "drift"),
    about=(
        "Runs of `elman evaluate`: a model on a split of a corpus. The page of the model (Models) lists its "
        "scores by data set, those of its training beside these."
    ),
)
DATA = Experiment(
    name="elman data",
    kinds=("ingest", "check"),
    about=(
        "Runs of `elman ingest` and `elman check`: what came in, what is in quarantine, and what is wrong "
        "with a corpus."
    ),
)
EXPERIMENTS = (TRAINING, TAGGING, GENERATION, TRANSCRIPTION, EVALUATION, DATA)


def experiment_of(kind: str) -> Experiment:
    """The experiment of a kind of runs."""
    return next((one for one in EXPERIMENTS if kind in one.kinds), TRAINING)


def experiment_id(client: Any, experiment: Experiment) -> str:
    """Id of an experiment, made if it is absent; what its page lacks is added, what a user wrote stays.

    Raises:
        TrackingError: it was deleted.
    """
    found = client.get_experiment_by_name(experiment.name)
    if found is None:
        artifacts = None
        if tracking_uri().startswith("sqlite:"):
            artifacts = (home() / "mlflow" / "artifacts").as_uri()
        try:
            client.create_experiment(experiment.name, artifact_location=artifacts)
        except Exception:  # another command has just created it
            if client.get_experiment_by_name(experiment.name) is None:
                raise
        found = client.get_experiment_by_name(experiment.name)
    number = str(found.experiment_id)
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"expected an experiment {experiment.name!r} to send runs to. Got one that was deleted. Restore "
            f"it with `mlflow experiments restore --experiment-id {number}`, or remove it for good with "
            "`mlflow gc`"
        )
    for key, value in _tags(experiment, number).items():
        if key not in found.tags:
            client.set_experiment_tag(number, key, value)
    return number


def _tags(experiment: Experiment, number: str) -> dict[str, str]:
    """Tags of an experiment: its mode, its description, and of trainings a view with their scores."""
    if experiment is not TRAINING:
        return {KIND: MODEL_TRAINING, NOTE: experiment.about}
    place = f"#/experiments/{number}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"
    return {
        KIND: MODEL_TRAINING,
        NOTE: f"[Runs with their scores]({place})\n\n{experiment.about}",
        f"mlflow.sharedViewState.{VIEW}": _saved_view(),
    }


def _saved_view() -> str:
    """The view as MLflow's pages (3.17) save one, so that it stands under Views; the best on dev first."""
    state = {"selectedColumns": _COLUMNS, "orderByKey": "metrics.`dev_f1`", "orderByAsc": False}
    now_ms = int(time.time() * 1000)
    return json.dumps(
        {"name": "Scores", "createdAt": now_ms, "updatedAt": now_ms, "state": json.dumps(state)}
    )
