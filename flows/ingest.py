"""`elman ingest`: raw text or DNA into a Parquet corpus, exactly once."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from elman.data.corpus.about import ABOUT
from elman.data.errors import UsageError
from elman.data.formats.common.encodings import known_encoding
from elman.data.formats.common.options import Misaligned
from elman.data.sources.copies import Copies
from elman.data.store.dataset import Dataset
from elman.flows.arguments import ColumnOption, Config, Sources
from elman.tasks.ingest.commit import Committed, commit, commit_about
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.ingest.result import Ingested
from elman.tasks.ingest.sources import (
    Requested,
    corpus_options,
    corpus_writer,
    find_sources,
    grouped,
    new_sources,
)
from elman.tasks.ingest.staging import bad_records, stage_sources
from elman.tasks.runtime.console import progress
from elman.tasks.runtime.orchestration import flow
from elman.tasks.runtime.quarantine import report_quarantine
from elman.tasks.runtime.run_record import RunRecord, record_locally
from elman.tasks.runtime.source_copies import source_copies


@dataclass(frozen=True, kw_only=True)
class IngestConfig(Config):
    """Read raw text or DNA into a Parquet corpus; what the corpus has already is not added twice."""

    sources: Sources
    """files, archives, folders, or - for standard input; of a folder what is a corpus, judged by content"""
    name: str
    """the corpus, made or added to: a name, or a path with a /"""
    kind: Literal["text", "dna"] | None = None
    """take only this; judged by content if not given"""
    as_: Annotated[Literal["train", "dev", "test"] | None, tyro.conf.arg(name="as")] = None
    """the split of these sources; else by file name, else 80/10/10 by hash"""
    unit: Literal["word", "char"] | None = None
    """what a token is; by script if not given"""
    token_column: ColumnOption = None
    """of CoNLL rows: a number from 1 or a name; found from the rows if not given"""
    tag_column: ColumnOption = None
    """of CoNLL rows: a number from 1 or a name; found from the rows if not given"""
    entity_type: str | None = None
    """of CoNLL rows whose tags are B, I and O alone: the type of these entities"""
    text_column: str | None = None
    """of CSV, TSV, Parquet and Arrow, whose rows are documents"""
    labels_column: str | None = None
    """of tables: spans as [{"start", "end", "label"}], or tags where the text is a list of tokens"""
    id_column: str | None = None
    """of tables: names a document; SOURCE#ROW if not given"""
    sentence_per_line: bool = False
    """of plain text: every line is a sentence"""
    misaligned: Misaligned | None = None
    """labels by offsets that begin or end inside of a word: split the word (as without this), widen or drop
    the label, or refuse its document"""
    encoding: str | None = None
    """of text that is not UTF-8: latin-1, cp1252, shift_jis, gb18030 or another that Python knows"""
    licence: str | None = None
    """of the corpus, kept in its manifest and named by the models trained on it"""
    description: str | None = None
    """of the corpus, as the licence"""
    label: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """a protein family of DNA, as product~"ABC transporter", or a file of them (docs/dna.md); repeatable"""

    def __post_init__(self) -> None:
        """Check sources, columns and the name beside the bounds."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected files or folders to ingest. Got none.")
        if self.token_column is not None and self.token_column == self.tag_column:
            raise UsageError("expected --token-column and --tag-column to differ. Got the same.")
        if self.text_column is None and (self.labels_column or self.id_column):
            raise UsageError("expected --text-column beside --labels-column and --id-column. Got none.")
        corpus_folder(self.name)
        known_encoding(self.encoding or "utf-8")

    @property
    def decoded_as(self) -> str | None:
        """Encoding by Python's name; None for UTF-8."""
        return known_encoding(self.encoding) if self.encoding else None

    @property
    def about(self) -> dict[str, str]:
        """Licence and description, as far as they are given."""
        return {name: value for name in ABOUT if (value := getattr(self, name))}

    @property
    def requested(self) -> Requested:
        """Options of reading."""
        return Requested(
            unit=self.unit,
            token_column=self.token_column,
            tag_column=self.tag_column,
            entity_type=self.entity_type,
            text_column=self.text_column,
            labels_column=self.labels_column,
            id_column=self.id_column,
            misaligned=self.misaligned,
            sentence_per_line=self.sentence_per_line,
            labels=self.label,
        )


@flow
def ingest(config: IngestConfig) -> Ingested:
    """Find the sources, stage what is new as shards, and commit it unless too much of it is bad."""
    folder = corpus_folder(config.name)
    params = {"corpus": folder.name, "sources": ", ".join(map(str, config.sources)), "as": config.as_}
    with record_locally("ingest", folder.name, params) as run, source_copies() as copies:
        ingested = _ingest(config, folder, run, copies)
        run.save(summary=ingested.to_json())
    return ingested


def _ingest(config: IngestConfig, folder: Path, run: RunRecord, copies: Copies) -> Ingested:
    began = time.monotonic()
    requested = config.requested
    paths, columns = config.sources, requested.columns_named
    found = find_sources(
        paths, config.kind, config.as_, columns, copies, config.decoded_as, requested.of_text
    )
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
