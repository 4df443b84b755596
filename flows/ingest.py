"""`elman ingest`: raw text or DNA into a Parquet corpus, exactly once."""

import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro
from annotated_types import Ge

from elman.data.errors import UsageError
from elman.data.store.dataset import Dataset
from elman.flows.arguments import Config, Sources
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.ingest.counts import count_records, split_counts
from elman.tasks.ingest.steps import (
    bad_records,
    commit,
    corpus_options,
    corpus_writer,
    find_sources,
    grouped,
    keep_record,
    new_items,
    refusal,
    stage_items,
)
from elman.tasks.runtime.console import progress
from elman.tasks.runtime.orchestration import flow
from elman.tasks.runtime.quarantine import report_quarantine


@dataclass(frozen=True, kw_only=True)
class IngestConfig(Config):
    """Read raw text or DNA into a Parquet corpus; what the corpus has already is not added twice."""

    sources: Sources
    """files or folders; of a folder what is a corpus, judged by content"""
    name: str
    """the corpus, made or added to: a name, or a path with a /"""
    kind: Literal["text", "dna"] | None = None
    """take only this; judged by content if not given"""
    as_: Annotated[Literal["train", "dev", "test"] | None, tyro.conf.arg(name="as")] = None
    """the split of these sources; else by file name, else 80/10/10 by hash"""
    unit: Literal["word", "char"] | None = None
    """what a token is; by script if not given"""
    token_column: Annotated[int, Ge(1)] | None = None
    """of CoNLL rows, from 1; found from the rows if not given"""
    tag_column: Annotated[int, Ge(1)] | None = None
    """of CoNLL rows, from 1; found from the rows if not given"""
    label: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """a protein family of DNA, as product~"ABC transporter", or a file of them (docs/dna.md); repeatable"""

    def __post_init__(self) -> None:
        """Check sources, columns and the name beside the bounds."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected files or folders to ingest. Got none.")
        if self.token_column is not None and self.token_column == self.tag_column:
            raise UsageError("expected --token-column and --tag-column to differ. Got the same.")
        corpus_folder(self.name)


@flow
def ingest(config: IngestConfig) -> dict[str, Any]:
    """Find the sources, stage what is new as shards, and commit it unless too much of it is bad."""
    begun = time.monotonic()
    folder = corpus_folder(config.name)
    columns = config.token_column is not None or config.tag_column is not None
    found = find_sources(config.sources, config.kind, config.as_, columns)
    options = corpus_options(folder, found, config.unit, config.token_column, config.tag_column, config.label)
    bad = None
    outcome: dict[str, Any] = {"entries": [], "shards": 0, "elsewhere": 0}
    with corpus_writer(folder, found.family, options) as writer:
        items = new_items(writer.dataset, found.items, options)
        with progress("reading", sum(item.size for item in items), "B") as advance:
            shards = [
                shard
                for group in grouped(items)
                for shard in stage_items(writer.staging, group, options, advance)
            ]
        if items:
            bad = bad_records(writer.staging, shards)
            if bad is None:
                outcome = commit(writer, items, shards, options)
    if bad is not None:
        raise refusal(bad)
    dataset = Dataset.open(folder)
    if any(entry["quarantined"] for entry in outcome["entries"]):
        report_quarantine(dataset)
    summary = {
        "corpus": str(folder),
        "kind": found.family,
        **count_records(dataset, found.items, items, outcome["entries"]),
        "shards": outcome["shards"],
        "in_other_splits_too": outcome["elsewhere"],
        "added": [entry["name"] for entry in outcome["entries"] if entry["ingested"]],
        "splits": split_counts(dataset),
        "skipped": [{"path": path, "reason": reason} for path, reason in found.skipped],
        "digest": dataset.digest,
        "seconds": round(time.monotonic() - begun, 3),
    }
    keep_record({"status": "FINISHED", "summary": summary})
    return summary
