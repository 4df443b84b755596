"""`elman ingest`: raw text, DNA, music or speech into a Parquet corpus, exactly once."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from elman.data.corpus.about import ABOUT
from elman.data.errors import UsageError
from elman.data.sources.copies import Copies
from elman.data.store.dataset import Dataset
from elman.flows.arguments import Sources
from elman.flows.reading_config import ReadingConfig
from elman.tasks.ingest.commit import Committed, commit, commit_about
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.ingest.result import Ingested
from elman.tasks.ingest.sources import (
    FoundSources,
    corpus_options,
    corpus_writer,
    find_sources,
    grouped,
    new_sources,
)
from elman.tasks.ingest.staging import bad_records, stage_sources
from elman.tasks.ingest.used_corpus import log_corpus
from elman.tasks.retraining.held import held_contents
from elman.tasks.runtime.console import print_status, progress
from elman.tasks.runtime.orchestration import flow
from elman.tasks.runtime.quarantine import report_quarantine
from elman.tasks.runtime.run_record import RunRecord, record_locally
from elman.tasks.runtime.source_copies import source_copies


@dataclass(frozen=True, kw_only=True)
class IngestConfig(ReadingConfig):
    """Read text, DNA, music or speech into a Parquet corpus; what it has already is not added twice."""

    sources: Sources
    """files, archives, folders, or - for standard input; of a folder what is a corpus, judged by content"""
    name: str
    """the corpus, made or added to: a name, or a path with a /"""
    as_: Annotated[Literal["train", "dev", "test"] | None, tyro.conf.arg(name="as")] = None
    """the split of these sources; else by file name, else 80/10/10 by hash"""
    label_from: Literal["folder"] | None = None
    """folder: the class of all documents, or contigs, of a file is the name of the folder it lies in"""
    licence: str | None = None
    """of the corpus, kept in its manifest and named by the models trained on it"""
    description: str | None = None
    """of the corpus, as the licence"""

    def __post_init__(self) -> None:
        """Check sources and the name beside the options of reading."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected files or folders to ingest. Got none.")
        corpus_folder(self.name)

    @property
    def about(self) -> dict[str, str]:
        """Licence and description, as far as they are given."""
        return {name: value for name in ABOUT if (value := getattr(self, name))}


@flow
def ingest(config: IngestConfig) -> Ingested:
    """Find the sources, stage what is new as shards, and commit it unless too much of it is bad."""
    folder = corpus_folder(config.name)
    params = {"corpus": folder.name, "sources": ", ".join(map(str, config.sources)), "as": config.as_}
    with record_locally("ingest", folder.name, params) as run, source_copies() as copies:
        ingested = _ingest(config, folder, run, copies)
        run.save(summary=ingested.to_json())
        run.log_metrics(ingested.metrics(), 0)
        log_corpus(run, folder, "ingested")
        run.set_description(ingested.description())
    return ingested


def _without_held(found: FoundSources, folder: Path) -> FoundSources:
    """Leave out sources that a retraining holds apart."""
    held = held_contents(folder.name)
    kept = tuple(source for source in found.sources if source.sha256 not in held)
    if len(kept) < len(found.sources):
        print_status(
            f"{len(found.sources) - len(kept)} of {len(found.sources)} sources are held apart from "
            f"{folder.name} and left out; `elman history` of the model says why, `elman retrain --readmit` "
            "lets them in."
        )
    return replace(found, sources=kept)


def _ingest(config: IngestConfig, folder: Path, run: RunRecord, copies: Copies) -> Ingested:
    began = time.monotonic()
    requested = replace(config.requested, label_from=config.label_from)
    found = _without_held(find_sources(config.sources, config.as_, requested, copies), folder)
    options = corpus_options(folder, found, requested)
    bad, committed = None, Committed()
    with corpus_writer(folder, found.family, options) as writer:
        new = new_sources(writer.dataset, found.sources, options)
        with progress("reading", sum(source.size for source in new), "B") as advance:
            groups = (stage_sources(writer.staging, group, options, advance) for group in grouped(new))
            shards = [shard for group in groups for shard in group]
        if new:
            bad = bad_records(writer.staging, shards)
            if bad is None:
                committed = commit(writer, new, shards, options, config.about)
        if not committed.shards and bad is None:
            commit_about(writer, config.about)
    if bad is not None:
        raise bad.error(run)
    dataset = Dataset.open(folder)
    ingested = Ingested.of(dataset, found, new, committed, options.report, time.monotonic() - began)
    if ingested.quarantined:
        report_quarantine(dataset)
    return ingested
