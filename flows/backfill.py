"""`elman backfill`: ingest and tag the sources of a range of days, folders dt=YYYY-MM-DD, a day at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from annotated_types import Ge
from tyro.conf import Positional

from elman.data.errors import ElmanError, UsageError
from elman.data.exports import registry as exports
from elman.data.sources.days import days_between, folders_by_day
from elman.flows.arguments import Config
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import Formats, TagConfig, Tagged, tag
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import call, flow


@dataclass(frozen=True, kw_only=True)
class BackfillConfig(Config):
    """Ingest or tag the folders dt=YYYY-MM-DD of a range of days; what was done already is not repeated."""

    root: Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    """folder with folders dt=YYYY-MM-DD in it, at any depth"""
    from_: Annotated[date, tyro.conf.arg(name="from")]
    """first day, YYYY-MM-DD"""
    to: date
    """last day, YYYY-MM-DD, itself included"""
    corpus: str | None = None
    """name of the corpus that each day is added to"""
    kind: Literal["text", "dna"] | None = None
    """of the corpus: take only this; judged by content if not given"""
    as_: Annotated[Literal["train", "dev", "test"] | None, tyro.conf.arg(name="as")] = None
    """of the corpus: the split of all of it; else by file name, else 80/10/10 by hash"""
    model: str | None = None
    """tags each day: a folder, models:/NAME@alias, models:/NAME/VERSION or a run id"""
    out: Path | None = None
    """folder of the tagged datasets, dt=YYYY-MM-DD each; beside --model"""
    format: Formats = exports.PARQUET
    workers: Annotated[int, Ge(0)] | None = None
    """processes that tag; as many as there are cores if not given; 0: in this process"""
    retag: bool = False
    """tag days anew that were tagged with another model"""

    def __post_init__(self) -> None:
        """Check the range, and that there is something to do."""
        super().__post_init__()
        if self.from_ > self.to:
            raise UsageError(f"expected --from before --to. Got {self.from_} and {self.to}.")
        if self.corpus is None and self.model is None:
            raise UsageError("expected --corpus to ingest into, --model to tag with, or both. Got neither.")
        if (self.model is None) != (self.out is None):
            raise UsageError("expected --model and --out together. Got one of them.")
        if self.corpus is not None:
            self.ingest_of([self.root])
        if self.model is not None:
            self.tag_of(self.from_, [self.root])

    def ingest_of(self, sources: Sequence[Path]) -> IngestConfig:
        """The ingest of the sources of a day."""
        assert self.corpus is not None
        return IngestConfig(sources=tuple(sources), name=self.corpus, kind=self.kind, as_=self.as_)

    def tag_of(self, day: date, sources: Sequence[Path]) -> TagConfig:
        """The tagging of the sources of a day."""
        assert self.model is not None
        assert self.out is not None
        return TagConfig(
            model=self.model,
            sources=tuple(sources),
            out=self.out / f"dt={day}",
            format=self.format,
            workers=self.workers,
            retag=self.retag,
        )


@dataclass(frozen=True, kw_only=True)
class Backfilled:
    """Result of a backfill.

    Attributes:
        days: by day what became of it: records ingested, already there and quarantined, of either step.
        missing: days of the range that have no folder.
        failed: by day the reason; the days after it were done all the same.
    """

    days: Mapping[str, Mapping[str, Any]]
    missing: tuple[str, ...]
    failed: Mapping[str, str]
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "days": {day: dict(counts) for day, counts in self.days.items()},
            "missing": list(self.missing),
            "failed": dict(self.failed),
            "exit_code": self.exit_code,
        }


@flow
def backfill(config: BackfillConfig) -> Backfilled:
    """Do each day of the range, oldest first; a day that fails is named and the rest is done."""
    found = folders_by_day(config.root, config.from_, config.to)
    days: dict[str, Mapping[str, Any]] = {}
    failed: dict[str, str] = {}
    exit_code = 0
    for day, folders in found.items():
        print_status(f"{day}: {', '.join(map(str, folders))}")
        try:
            days[str(day)] = _do(config, day, folders)
        except ElmanError as error:
            print_status(f"{day}: {error}")
            failed[str(day)], exit_code = str(error), exit_code or error.exit_code
    missing = tuple(str(day) for day in days_between(config.from_, config.to) if day not in found)
    if missing:
        print_status(f"No folder of {len(missing)} of the days: {', '.join(missing[:10])}.")
    return Backfilled(days=days, missing=missing, failed=failed, exit_code=exit_code)


def _do(config: BackfillConfig, day: date, folders: Sequence[Path]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    if config.corpus is not None:
        done = call(ingest, config.ingest_of(folders))
        counts["ingest"] = {
            "ingested": done.ingested,
            "already": done.already,
            "quarantined": done.quarantined,
        }
    if config.model is not None:
        tagged = call(tag, config.tag_of(day, folders))
        assert isinstance(tagged, Tagged)  # no plan was asked for
        counts["tag"] = {**tagged.counts.to_json(), "shards": tagged.shards, "reused": tagged.reused}
    return counts
