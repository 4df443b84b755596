"""`elman retrain`: new data in, a challenger trained and judged against the champion."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro
from annotated_types import Ge

from elman.data.errors import UsageError
from elman.flows.arguments import Config, Corpus, Sources
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.train import PresetName, TrainConfig, Trained, train
from elman.tasks.evaluation.markdown import escaped
from elman.tasks.evaluation.promotion import Verdict, decide, find_challenger, judge
from elman.tasks.ingest.corpus_names import NAME, corpus_folder
from elman.tasks.ingest.result import Ingested
from elman.tasks.runtime import mlflow_sync
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import call, flow


@dataclass(frozen=True, kw_only=True)
class RetrainConfig(Config):
    """Add new sources to a corpus, train a challenger, and let it replace the champion if it is better."""

    corpus: Corpus
    """name of the corpus that grows"""
    sources: Sources
    """files or folders; what the corpus has already is not added twice"""
    model: str
    """registered name whose champion is challenged"""
    kind: Literal["text", "dna"] | None = None
    """take only this; judged by content if not given"""
    as_: Annotated[Literal["train", "dev", "test"] | None, tyro.conf.arg(name="as")] = None
    """the split of new data; else by file name, else 80/10/10 by hash"""
    preset: PresetName = "default"
    """of the challenger, as for `elman train`"""
    pretrain: str | None = None
    """corpus of text without labels that every challenger learns from first"""
    seed: Annotated[int, Ge(0)] = 0
    """of the challenger"""

    def __post_init__(self) -> None:
        """Check sources and names beside the bounds."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected files or folders to add. Got none.")
        if not NAME.fullmatch(self.model):
            raise UsageError(
                f"expected --model of lower-case letters, digits, '.', '_', '-'. Got {self.model!r}."
            )


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """Result of a retraining.

    Attributes:
        model: registered name.
        ingested: the new data.
        trained: the challenger, if one was trained by this run.
        verdict: None if the corpus has nothing that no version was judged on.
        why: reason of the verdict, or of its absence.
    """

    model: str
    ingested: Ingested
    trained: Trained | None
    verdict: Verdict | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = {"model": self.model, "trained": self.trained is not None}
        if self.verdict is None:
            return {**values, "promoted": False, "why": self.why, "ingest": self.ingested.to_json()}
        train = self.trained.to_json() if self.trained else {}
        return {**values, **self.verdict.to_json(), "ingest": self.ingested.to_json(), "train": train}


@flow
def retrain(config: RetrainConfig) -> Retrained:
    """Ingest what is new, train a challenger if the corpus changed, and let the better model be champion."""
    params = {"model": config.model, "corpus": corpus_folder(config.corpus).name, "preset": config.preset}
    with mlflow_sync.record_run("retrain", f"{config.model} retrain", params) as recorder:
        retrained = _retrain(config)
        recorder.set_description(escaped(f"{config.model}: {retrained.why}"))
        if retrained.verdict is not None:
            recorder.log_metrics(retrained.verdict.scores.metrics(), 0)
    return retrained


def _retrain(config: RetrainConfig) -> Retrained:
    new = IngestConfig(sources=config.sources, name=config.corpus, kind=config.kind, as_=config.as_)
    ingested = call(ingest, new)
    known, trained = find_challenger(config.model, config.corpus), None
    if known.judged:
        print_status(f"{config.model}: {known.why}; nothing is trained.")
        return Retrained(model=config.model, ingested=ingested, trained=None, verdict=None, why=known.why)
    if not known.version:
        challenger = TrainConfig(
            corpus=config.corpus,
            preset=config.preset,
            pretrain=config.pretrain,
            seed=config.seed,
            register=config.model,
        )
        made = call(train, challenger)
        assert isinstance(made, Trained)  # not of another --task
        trained = made
        known = find_challenger(config.model, config.corpus)
    scores = judge(config.model, known.version, config.corpus)
    verdict = decide(config.model, known.version, scores)
    print_status(f"{config.model}: {verdict.why}; version {verdict.champion} is champion.")
    return Retrained(model=config.model, ingested=ingested, trained=trained, verdict=verdict, why=verdict.why)
