"""`elman evaluate`: score a model on a corpus."""

from dataclasses import dataclass
from typing import Any, Literal

from elman.data.metrics.entities import EntityScores
from elman.data.metrics.genes import GeneScores
from elman.flows.arguments import Config, Corpus, Model
from elman.tasks.evaluation.reports import flat_scores, write_scores
from elman.tasks.evaluation.text import evaluate_model
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models import model_folder
from elman.tasks.runtime import mlflow_sync
from elman.tasks.runtime.orchestration import flow


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(Config):
    """Score a model on the labelled part of a corpus: entities by span and type, genes by base and strand."""

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
    scores: EntityScores | GeneScores

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"model": self.model, "corpus": self.corpus, "split": self.split, **self.scores.to_json()}


@flow
def evaluate(config: EvaluateConfig) -> Evaluated:
    """Resolve the model, tag a split of the corpus, score it, and record the run."""
    folder = model_folder.resolve(config.model)
    corpus = corpus_folder(config.corpus)
    params = {"model": model_folder.read(folder).version, "corpus": corpus.name, "split": config.split}
    with mlflow_sync.record_run("evaluate", f"{params['model']} on {corpus.name}", params) as recorder:
        out = str(recorder.run.artifacts)
        scores = evaluate_model(str(folder), str(corpus), config.split, report=out)
        write_scores({config.split: scores}, recorder.run.artifacts)
        recorder.log_metrics(flat_scores({config.split: scores}), 0)
    return Evaluated(**params, scores=scores)
