"""`elman retrain`: new data in, a challenger trained and judged against the champion."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from data.errors import UsageError
from flows.ingest import IngestConfig, ingest
from flows.train import TrainConfig, train
from tasks.corpus import NAME
from tasks.gate import decide, find_challenger, judge
from tasks.orchestration import call, flow


@dataclass(frozen=True, kw_only=True)
class RetrainConfig:
    """Add new sources to a corpus, train a challenger, and let it replace the champion if it is better."""

    corpus: tyro.conf.Positional[str]  # name of the corpus that grows
    sources: tyro.conf.Positional[
        tuple[Path, ...]
    ]  # files or folders; what the corpus has already is not read
    model: str  # registered name whose champion is challenged
    kind: Literal["text", "dna"] | None = None  # judged by content
    as_: Annotated[Literal["train", "dev", "test"] | None, tyro.conf.arg(name="as")] = (
        None  # split of new data
    )
    preset: str = "default"
    pretrain: str | None = None  # corpus of text without labels that every challenger learns from first
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse names that MLflow or a file system would trip over."""
        if not NAME.fullmatch(self.model):
            raise UsageError(
                f"expected --model of lower-case letters, digits, '.', '_', '-'. Got {self.model!r}."
            )


@flow
def retrain(config: RetrainConfig) -> dict[str, Any]:
    """Ingest what is new, train a challenger if the corpus changed, and let the better model be champion."""
    new = IngestConfig(sources=config.sources, name=config.corpus, kind=config.kind, as_=config.as_)
    ingested = call(ingest, new)
    known = find_challenger(config.model, config.corpus)
    if known["judged"]:
        return {
            "model": config.model,
            "trained": False,
            "promoted": False,
            "why": known["why"],
            "ingest": ingested,
        }
    trained: dict[str, Any] = {}
    if not known["challenger"]:
        wanted = TrainConfig(
            corpus=config.corpus,
            preset=config.preset,
            pretrain=config.pretrain,
            seed=config.seed,
            register=config.model,
        )
        trained = call(train, wanted)
        known = find_challenger(config.model, config.corpus)
    scores = judge(config.model, known["challenger"], config.corpus)
    verdict = decide(config.model, known["challenger"], scores)
    return {"model": config.model, "trained": bool(trained), **verdict, "ingest": ingested, "train": trained}
