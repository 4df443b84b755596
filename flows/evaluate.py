"""`elman evaluate` and `elman drift`: a model on a labelled corpus, and what it tagged beside its corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional

from elman.data.metrics.entities import EntityScores
from elman.data.metrics.genes import GeneScores
from elman.data.text.markdown import escaped
from elman.flows.arguments import Config, Corpus, Model
from elman.tasks.evaluation.reports import scores_table, write_scores
from elman.tasks.evaluation.run_metrics import score_metrics
from elman.tasks.evaluation.shown_tables import write_shown_tables
from elman.tasks.evaluation.text import evaluate_model
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.ingest.used_corpus import log_corpus
from elman.tasks.learning.registry import LearningTask, TaskScores, task_of
from elman.tasks.learning.training import record_scores
from elman.tasks.models import model_folder
from elman.tasks.retraining.drift import Drift, measure_drift
from elman.tasks.runtime import mlflow_sync
from elman.tasks.runtime.artifacts import publish_event
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import flow


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(Config):
    """Score a model on a corpus: entities, genes by base and strand, or the likelihood of sequences."""

    model: Model
    """a folder, models:/NAME@alias, models:/NAME/VERSION or a run id"""
    corpus: Corpus
    """name of an ingested corpus, or its folder"""
    split: Literal["test", "dev", "all"] = "test"
    """split to score on"""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """Scores of a model on a split of a corpus, by their names."""

    model: str
    corpus: str
    split: str
    scores: EntityScores | GeneScores | TaskScores

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"model": self.model, "corpus": self.corpus, "split": self.split, **self.scores.to_json()}


@flow
def evaluate(config: EvaluateConfig) -> Evaluated:
    """Resolve the model, tag a split of the corpus, score it, and record the run."""
    folder = model_folder.resolve(config.model)
    corpus = corpus_folder(config.corpus)
    model = model_folder.read(folder)
    params = {"model": model.version, "corpus": corpus.name, "split": config.split}
    task = task_of(model.kind)
    if task is not None:
        return _evaluate_task(task, folder, corpus, params)
    with mlflow_sync.record_run("evaluate", f"{params['model']} on {corpus.name}", params) as recorder:
        log_corpus(recorder.run, corpus, splits=(config.split,))
        out = str(recorder.run.artifacts)
        scores = evaluate_model(str(folder), str(corpus), config.split, report=out)
        write_scores({config.split: scores}, recorder.run.artifacts)
        write_shown_tables({config.split: scores}, recorder.run.artifacts)
        recorder.log_metrics(score_metrics({config.split: scores}, recorder.run.artifacts), 0)
        recorder.set_description(_described(params, config.split, scores))
    if isinstance(scores, EntityScores):
        _say_what_scores_lack(scores, model.of_text.types, config.split)
    return Evaluated(**params, scores=scores)


def _say_what_scores_lack(scores: EntityScores, known: Sequence[str], split: str) -> None:
    """Say where figures tell nothing of the model: no entity to find, or types that it never learnt."""
    if not scores.support:
        print_status(
            f"The {split} split has labelled sentences, but no entity: precision, recall and F1 of 0 say "
            f"nothing. Choose another --split, or ingest text with entities `--as {split}`."
        )
    unknown = [name for name, score in scores.per_type.items() if score.support and name not in known]
    if unknown:
        print_status(
            f"The model knows {', '.join(known)}; entities of other types count as missed: "
            f"{', '.join(unknown)}. Train it on labels of these types, or name a corpus with its own."
        )


def _evaluate_task(task: LearningTask, folder: Path, corpus: Path, params: Mapping[str, str]) -> Evaluated:
    """Score a model of another task than tagging, and record the run."""
    split = params["split"]
    with mlflow_sync.record_run("evaluate", f"{params['model']} on {corpus.name}", params) as recorder:
        log_corpus(recorder.run, corpus, splits=(split,))
        scores = task.evaluate(str(folder), str(corpus), split)
        record_scores({split: scores}, recorder)
    return Evaluated(**params, scores=scores)


def _described(params: Mapping[str, str], split: str, scores: EntityScores | GeneScores) -> str:
    return (
        f"**{escaped(params['model'])}** on the {split} split of **{escaped(params['corpus'])}**.\n\n"
        f"{scores_table({split: scores})}"
    )


@dataclass(frozen=True, kw_only=True)
class DriftConfig(Config):
    """Compare what a model of text tagged with the held-out text of the corpus it was trained on."""

    model: Model
    """a folder, models:/NAME@alias, models:/NAME/VERSION or a run id"""
    output: Positional[Annotated[Path, tyro.conf.arg(metavar="OUTPUT")]]
    """folder that `elman tag` wrote"""


@flow
def drift(config: DriftConfig) -> Drift:
    """Measure the drift, record the run, and send an event to Prefect if there is any."""
    folder = model_folder.resolve(config.model)
    params = {"model": model_folder.read(folder).version, "output": str(config.output)}
    with mlflow_sync.record_run("drift", f"{params['model']} drift", params) as recorder:
        found = measure_drift(folder, config.output)
        recorder.log_metrics({"drifted": float(found.drifted), "tokens": found.tokens}, 0)
        recorder.set_description(escaped(found.why or "Nothing drifted."))
    if found.drifted:
        publish_event("elman.drifted", f"elman.model.{found.model}", {"why": found.why})
    return found
