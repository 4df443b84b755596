"""`elman evaluate`: score a model on a corpus."""

from dataclasses import dataclass
from typing import Any, Literal

from flows.arguments import Corpus, Model
from tasks import model, tracking
from tasks.corpus import corpus_folder
from tasks.evaluate import evaluate_model
from tasks.orchestration import flow
from tasks.reports import flat_scores, keep_scores


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Score a model on the labelled part of a corpus: entities by span and type, genes by base and strand."""

    model: Model  # a folder, models:/NAME@alias, models:/NAME/VERSION or a run id
    corpus: Corpus  # name of an ingested corpus, or its folder
    split: Literal["test", "dev", "all"] = "test"  # what to judge by


@flow
def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Find the model, tag a split of the corpus, score it, and record the run."""
    folder = model.resolve(config.model)
    corpus = corpus_folder(config.corpus)
    params = {"model": model.read(folder).version, "corpus": corpus.name, "split": config.split}
    with tracking.recording("evaluate", f"{params['model']} on {corpus.name}", params) as recorder:
        out = str(recorder.run.artifacts)
        scores = evaluate_model(str(folder), str(corpus), config.split, report=out)
        keep_scores({config.split: scores}, recorder.run.artifacts)
        recorder.metrics(flat_scores({config.split: scores}), 0)
    return {**params, **scores}
