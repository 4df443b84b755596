"""Commit of staged shards to a corpus, after all its documents are reconciled."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import polars as pl

from elman.data.corpus.about import about_in
from elman.data.corpus.reconcile import Decisions, apply, reconcile
from elman.data.corpus.shards import DNA, SPEECH, TEXT, describe
from elman.data.encoding.encode import tokens_of
from elman.data.errors import BadInput, ElmanError
from elman.data.formats.common.options import Options
from elman.data.formats.registry import text_format
from elman.data.sources.reading import HashedSource
from elman.data.store.dataset import Shard
from elman.data.store.disk import key_of
from elman.data.store.writer import DatasetWriter, Staging
from elman.data.text.tokenizer import Tokenizer

_OTHER = r"[^\p{L}\p{N}]"  # characters that are neither letters nor digits


@dataclass(frozen=True)
class SourceEntry:
    """A source in the manifest of a corpus: what it is, and how many of its records went where."""

    source: HashedSource
    columns: Mapping[str, int | str]  # options of reading that the user named
    ingested: int
    already: int
    quarantined: int
    documents: int

    @property
    def records(self) -> int:
        """All records read."""
        return self.ingested + self.already + self.quarantined

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            **self.source.to_json(),
            "columns": dict(self.columns),
            "records": self.records,
            "ingested": self.ingested,
            "already": self.already,
            "quarantined": self.quarantined,
            "documents": self.documents,
        }


@dataclass(frozen=True)
class Committed:
    """Additions of a commit: entries of the sources, shards, and documents that another split has too."""

    entries: tuple[SourceEntry, ...] = ()
    shards: int = 0
    elsewhere: int = 0


@dataclass(frozen=True)
class _Changed:
    """Staged shards after the decisions, and records that the corpus has already, by source."""

    shards: list[Shard]
    already: Mapping[str, int] = field(default_factory=dict)
    elsewhere: int = 0


def commit(
    writer: DatasetWriter,
    sources: Sequence[HashedSource],
    staged: Sequence[Shard],
    options: Options,
    about: Mapping[str, str] = MappingProxyType({}),
) -> Committed:
    """Decide splits, names and duplicates of all documents; commit if anything is new.

    Args:
        writer: of the corpus.
        sources: that the corpus did not have.
        staged: their shards.
        options: of reading them.
        about: licence and description, if the user has given them; else those of the corpus stay.
    """
    staging, before = writer.staging, writer.dataset
    changed = _reconciled(writer, sources, staged)
    entries = _entries(staging, sources, changed, options)
    read_records = sum(shard.source["read"] for shard in staged)
    counted = sum(entry.records for entry in entries)
    if read_records != counted:
        raise ElmanError(f"{writer.folder}: expected {read_records} records, as read. Got {counted} counted.")
    committed = Committed(tuple(entries), len(changed.shards), changed.elsewhere)
    if not changed.shards:
        return committed
    shards = [*writer.committed, *changed.shards]
    known = [*(before.sources if before else []), *(entry.to_json() for entry in entries)]
    meta: dict[str, Any] = {"types": sorted({type for shard in shards for type in shard.source["types"]})}
    if writer.kind == TEXT:
        tokenizer = options.tokenizer_in_use
        if any(text_format(source.kind).tokenised for source in sources):
            tokenised = {entry["name"] for entry in known if text_format(entry["kind"]).tokenised}
            tokenizer = _fitted(staging, shards, tokenised, tokenizer)
        meta |= {"unit": options.unit, "tokenizer": tokenizer.to_json()}
    elif writer.kind == DNA:
        meta["labels"] = [rule.to_json() for rule in options.labels]
    meta |= {**about_in(before.meta if before else {}), **about}
    known.sort(key=lambda entry: (entry["name"], entry["sha256"], entry["split"] or ""))
    writer.commit(shards, sources=known, meta=meta)
    return committed


def commit_about(writer: DatasetWriter, about: Mapping[str, str]) -> None:
    """Note licence and description of a corpus that is there already, if they are new."""
    before = writer.dataset
    if before is not None and {**about_in(before.meta), **about} != about_in(before.meta):
        writer.commit(writer.committed, sources=before.sources, meta={**before.meta, **about})


def _reconciled(writer: DatasetWriter, sources: Sequence[HashedSource], staged: Sequence[Shard]) -> _Changed:
    """Staged shards with the decisions about their documents applied."""
    staging, before = writer.staging, writer.dataset

    def new() -> Iterator[pl.DataFrame]:
        scans = (staging.scan(shard, "documents") for shard in staged)
        return (scan.collect() for scan in scans if scan is not None)

    def old() -> Iterator[pl.DataFrame]:
        files = before.files("documents") if before else []
        return (pl.read_parquet(file, glob=False) for file in files)

    free = [file.name for source in sources if source.split is None for file in source.files]
    if writer.kind == SPEECH:  # a clip has the split of its speaker, or one that its source gives
        free = []
    suffixes = {file.name: source.key[:8] for source in sources for file in source.files}
    decisions = reconcile(new, old, free, suffixes, dna=writer.kind == DNA)
    shards = [_apply(staging, shard, decisions) for shard in staged]
    return _Changed([shard for shard in shards if shard], decisions.already, decisions.elsewhere)


def _apply(staging: Staging, shard: Shard, decisions: Decisions) -> Shard | None:
    """A shard as decided; None if nothing is left of it."""
    if decisions.empty:
        return shard
    scans = {table: staging.scan(shard, table) for table in shard.files}
    names = [
        frame.rename({"contig": "document", "piece": "document", "clip": "document"}, strict=False)
        .select("source", "document")
        .unique()
        for table, frame in scans.items()
        if frame is not None and table != "quarantine"
    ]
    if not names:
        return shard
    own = decisions.concerning(pl.concat(names).unique().collect())
    change = own.to_json()
    if change is None:
        return shard
    key = key_of(shard=shard.key, change=change)
    done = staging.staged(key)
    if done is None:
        tables = apply(own, {table: frame.collect() for table, frame in scans.items() if frame is not None})
        if not tables:
            return None
        counts, types = describe(tables)
        done = staging.stage(shard.id, key, tables, counts=counts, source={**shard.source, "types": types})
    return done


def _entries(
    staging: Staging, sources: Sequence[HashedSource], changed: _Changed, options: Options
) -> list[SourceEntry]:
    """Entries of the sources in the manifest.

    Raises:
        BadInput: a source has no records.
    """
    ingested, documents, quarantined = Counter[str](), Counter[str](), Counter[str]()
    for shard in changed.shards:
        frame = staging.scan(shard, "documents")
        if frame is not None:
            sums = frame.group_by("source").agg(pl.col("records").sum(), pl.col("document").n_unique())
            for source, records, count in sums.collect().rows():
                ingested[source] += records
                documents[source] += count
        frame = staging.scan(shard, "quarantine")
        if frame is not None:
            quarantined.update(dict(frame.group_by("source").len().collect().rows()))
    entries = []
    for source in sources:
        names = [file.name for file in source.sources]
        entry = SourceEntry(
            source,
            options.named,
            ingested=sum(ingested[name] for name in names),
            already=sum(changed.already.get(name, 0) for name in names),
            quarantined=sum(quarantined[name] for name in names),
            documents=sum(documents[name] for name in names),
        )
        if not entry.records:
            todo = "Fetch it again, or leave it out."
            raise BadInput("records", got="none", todo=todo, source=source.files[0].shown)
        entries.append(entry)
    return entries


def _fitted(staging: Staging, shards: Sequence[Shard], sources: set[str], known: Tokenizer) -> Tokenizer:
    """The tokenizer that splits raw text as the tokens of these sources' training sentences.

    Words of letters and digits alone, which are most of them and decide nothing, are not counted.
    """
    counts, labelled = Counter[str](), False
    for shard in shards:
        frame = staging.scan(shard, "data")
        if frame is not None and known.unit == "word":
            rows = frame.filter(pl.col("source").is_in(list(sources)), pl.col("split") == "train")
            words, _ = tokens_of(rows.select("text", "start", "token_start", "token_end").collect())
            labelled = labelled or not words.is_empty()
            counts.update(dict(words.filter(words.str.contains(_OTHER)).value_counts().rows()))
    return Tokenizer.fit(counts, known.unit) if labelled else known
