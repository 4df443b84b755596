"""The steps of ingest: find sources, stage each as shards, settle what needs all of them, commit."""

import itertools
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.corpus.reconcile import Decisions, apply, reconcile
from elman.data.corpus.shards import (
    DNA,
    DOCUMENTS,
    SHARD_BYTES,
    TEXT,
    PendingShard,
    SourceRecords,
    describe,
    dna_shards,
    text_shards,
)
from elman.data.encoding.encode import tokens_of
from elman.data.errors import BadInput, ElmanError, UsageError
from elman.data.formats.options import Options
from elman.data.formats.registry import Family, text_format
from elman.data.genome.annotation_rules import CODING, AnnotationRule, parse_rules
from elman.data.sources.reading import HashedSource, OnRead, collect_sources, read, unit_by_script
from elman.data.store.dataset import Dataset, Shard
from elman.data.store.disk import atomic_write, key_of
from elman.data.store.writer import DatasetWriter, Staging
from elman.data.text.tokenizer import Tokenizer, Unit
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.orchestration import task

MOST_TASKS = 200
BAD_SHARE = 0.01  # of the records; with more bad ones nothing is ingested
_SHOWN = 20  # examples of a reason in the report


@dataclass(frozen=True)
class Found:
    """What is to be ingested, and (path, reason) of what was skipped."""

    family: Family
    items: tuple[HashedSource, ...]
    skipped: tuple[tuple[str, str], ...]


@task
def find_sources(paths: Sequence[Path], family: Family | None, split: str | None, columns: bool) -> Found:
    """Find what is to be ingested; see `data.sources.reading.collect_sources`."""
    items, skipped = collect_sources(paths, family=family, split=split, columns=columns)
    return Found(items[0].files[0].family, tuple(items), tuple((str(path), why) for path, why in skipped))


def corpus_options(
    folder: Path,
    found: Found,
    unit: Unit | None,
    token_column: int | None,
    tag_column: int | None,
    labels: Sequence[str] = (),
) -> Options:
    """How to read sources into a corpus: with the unit and tokenizer it has, else the unit of their script.

    Raises:
        UsageError: the corpus has another unit or other labels than those asked for, DNA is to be cut into
            words, or families are asked for in text.
    """
    meta = Dataset.open(folder).meta if (folder / "manifest.json").exists() else {}
    if found.family == "dna":
        if unit or token_column or tag_column:
            raise UsageError("expected --unit, --token-column and --tag-column for text only. Got DNA.")
        rules = parse_rules(labels)
        has = (
            tuple(map(AnnotationRule.from_json, meta["labels"]))
            if "labels" in meta
            else CODING
            if meta
            else rules
        )
        if labels and rules != has:
            raise UsageError(
                f"{folder}: expected the --label the corpus has. Got others. Use another --name."
            )
        return Options(labels=has)
    if labels:
        raise UsageError("expected --label for DNA only. Got text, whose labels stand in it.")
    if unit and meta.get("unit", unit) != unit:
        raise UsageError(
            f"{folder}: expected --unit {meta['unit']}, which the corpus has. Got --unit {unit}."
        )
    known = Options(token_column=token_column, tag_column=tag_column)
    unit = unit or meta.get("unit") or unit_by_script(found.items[0], known)
    fitted = Tokenizer.from_json(meta["tokenizer"]) if "tokenizer" in meta else Tokenizer(unit=unit)
    return Options(unit, fitted, token_column, tag_column)


def corpus_writer(folder: Path, family: Family, options: Options) -> DatasetWriter:
    """The writer of a corpus."""
    if family == "dna":
        return DatasetWriter(folder, kind=DNA, config={})
    return DatasetWriter(folder, kind=TEXT, config={"unit": options.unit})


def new_items(before: Dataset | None, items: Sequence[HashedSource], options: Options) -> list[HashedSource]:
    """Those that the corpus has not, each once.

    Raises:
        UsageError: one that it has was read with other columns.
    """
    known = {(entry["sha256"], entry["split"]): entry for entry in before.sources} if before else {}
    new: dict[tuple[str, str | None], HashedSource] = {}
    for item in items:
        entry = known.get((item.sha256, item.split))
        if entry is None:
            new.setdefault((item.sha256, item.split), item)
        elif options.columns and entry["columns"] != options.columns:
            raise UsageError(
                f"{item.name}: expected the columns it was read by, {entry['columns'] or 'found from rows'}, "
                f"for it is in the corpus already. Got {options.columns}. Use another --name."
            )
    return list(new.values())


def grouped(items: Sequence[HashedSource]) -> list[tuple[HashedSource, ...]]:
    """One item a task, or neighbours together where there are more items than tasks allowed."""
    if len(items) <= MOST_TASKS:
        return [(item,) for item in items]
    target = sum(item.size for item in items) / (MOST_TASKS // 2 - 1)
    groups: list[list[HashedSource]] = [[]]
    size = 0
    for item in items:
        if groups[-1] and size + item.size > target:
            groups.append([])
            size = 0
        groups[-1].append(item)
        size += item.size
    return [tuple(group) for group in groups]


@task
def stage_items(
    staging: Staging, items: Sequence[HashedSource], options: Options, on_read: OnRead = lambda amount: None
) -> list[dict[str, Any]]:
    """Read some sources and stage them as shards, or find those that an interrupted run staged.

    Returns:
        the shards, as plain values; the `source` of each says what was read for it.
    """
    group = key_of(items=[(item.key, item.name) for item in items], options=options.to_json())
    parts = (staging.staged(key_of(group=group, part=part)) for part in itertools.count())
    shards = [shard for shard in itertools.takewhile(lambda shard: shard is not None, parts) if shard]
    end = staging.staged(key_of(group=group, part="end"))  # no files, but it says how many parts there are
    if end is not None and end.source["parts"] == len(shards):
        on_read(sum(item.size for item in items))
        return [shard.to_json() for shard in shards]
    count = 0
    held = replace(options, spool=staging.temporary_folder())
    for part, cut in enumerate(_cuts(items, held, on_read)):
        count += 1
        if part < len(shards):
            continue
        tables = cut.tables()
        counts, types = describe(tables)
        source = {
            "sources": sorted({item.sha256 for item in items}),
            "part": part,
            "read": cut.records,
            "features": cut.features,
            "types": types,
        }
        id, key = f"{group[:16]}-{part:05}", key_of(group=group, part=part)
        shards.append(staging.stage(id, key, tables, counts=counts, source=source))
    staging.stage(f"{group[:16]}-end", key_of(group=group, part="end"), {}, source={"parts": count})
    return [shard.to_json() for shard in shards]


def _cuts(items: Sequence[HashedSource], options: Options, on_read: OnRead) -> Iterator[PendingShard]:
    readings = (
        SourceRecords(item.name, item.kind, item.split, read(item, options, on_read)) for item in items
    )
    shards = dna_shards if items[0].files[0].family == "dna" else text_shards
    return shards(readings, SHARD_BYTES)


def bad_records(staging: Staging, staged: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What is wrong with the sources, if more than 1 % of their records are bad; else None.

    Of genomes the labelled features count as records too: a bad line of an annotation is a bad feature.
    """
    shards = [Shard.from_json(dict(shard)) for shard in staged]
    bad = sum(shard.counts.get("quarantined", 0) for shard in shards)
    records = sum(shard.source["read"] + shard.source["features"] for shard in shards)
    if bad <= BAD_SHARE * records:
        return None
    reasons: dict[str, dict[str, Any]] = {}
    for shard in shards:
        refused = staging.scan(shard, "quarantine")
        for row in refused.collect().iter_rows(named=True) if refused is not None else ():
            reason = reasons.setdefault(row["reason"], {"count": 0, "todo": row["todo"], "examples": []})
            reason["count"] += 1
            if reason["count"] <= _SHOWN:
                place = {name: row[name] for name in ("source", "line", "byte_offset", "detail")}
                reason["examples"].append(
                    {**place, "raw": row["raw"][:200].decode(errors="backslashreplace")}
                )
    return {"records": records, "bad": bad, "reasons": dict(sorted(reasons.items()))}


def refusal(report: Mapping[str, Any]) -> BadInput:
    """Keep a report of bad records, and make the error that names it."""
    path = keep_record({"status": "REFUSED", **report}, "report.json")
    examples = [example for reason in report["reasons"].values() for example in reason["examples"]]
    first = min(examples, key=lambda e: (e["source"], e["byte_offset"]))
    todo = next(reason["todo"] for reason in report["reasons"].values() if first in reason["examples"])
    return BadInput(
        f"at most {BAD_SHARE:.0%} bad records",
        got=f"{report['bad']:,} of {report['records']:,}: nothing is ingested. The first: {first['detail']}",
        todo=f"{todo} All reasons are in {path}",
        source=first["source"],
        line=first["line"],
    )


def keep_record(record: Mapping[str, Any], name: str = "run.json") -> Path:
    """Keep what a run has to say in a folder of its own under `home()/runs`."""
    id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-ingest-{uuid.uuid4().hex[:8]}"
    path = home() / "runs" / id / name
    path.parent.mkdir(parents=True)
    text = json.dumps({"id": id, "kind": "ingest", **record}, ensure_ascii=False, indent=1)
    atomic_write(path, text.encode())
    return path


def commit(
    writer: DatasetWriter,
    items: Sequence[HashedSource],
    staged: Sequence[Mapping[str, Any]],
    options: Options,
) -> dict[str, Any]:
    """Settle splits, names and what is there already; commit if anything is new.

    Returns:
        entries, what there is to say of each item; shards, how many; elsewhere, documents that another split
        holds too.
    """
    staging, before = writer.staging, writer.dataset
    raw = [Shard.from_json(dict(shard)) for shard in staged]
    frames = [staging.scan(shard, "documents") for shard in raw]
    new = pl.concat([DOCUMENTS.to_frame(), *(frame.collect() for frame in frames if frame is not None)])
    old = before.scan("documents").collect() if before else DOCUMENTS.to_frame()
    free = [source.name for item in items if item.split is None for source in item.files]
    suffixes = {source.name: item.key[:8] for item in items for source in item.files}
    decisions = reconcile(new, old, free, suffixes, dna=writer.kind == DNA)
    shards = [shard for shard in (_changed(staging, shard, decisions) for shard in raw) if shard]
    entries = _entries(items, staging, shards, decisions.already, options)
    read_records = sum(shard.source["read"] for shard in raw)
    counted = sum(entry["records"] for entry in entries)
    if read_records != counted:
        raise ElmanError(f"{writer.folder}: expected {read_records} records, as read. Got {counted} counted.")
    outcome = {"entries": entries, "shards": len(shards), "elsewhere": decisions.elsewhere}
    if not shards:
        return outcome
    everything = [*writer.committed, *shards]
    meta: dict[str, Any] = {"types": sorted({type for shard in everything for type in shard.source["types"]})}
    if writer.kind == TEXT:
        known = before.sources if before else []
        tokenizer = options.tokenizer or Tokenizer(unit=options.unit)
        if any(text_format(item.kind).tokenised for item in items):
            pretokenised = {
                entry["name"] for entry in [*known, *entries] if text_format(entry["kind"]).tokenised
            }
            tokenizer = _fitted(staging, everything, pretokenised, tokenizer)
        meta |= {"unit": options.unit, "tokenizer": tokenizer.to_json()}
    else:
        meta["labels"] = [rule.to_json() for rule in options.labels]
    sources = sorted(
        [*(before.sources if before else []), *entries],
        key=lambda entry: (entry["name"], entry["sha256"], entry["split"] or ""),
    )
    writer.commit(everything, sources=sources, meta=meta)
    return outcome


def _changed(staging: Staging, shard: Shard, decisions: Decisions) -> Shard | None:
    """A shard as decided; None if nothing is left of it."""
    if decisions.to_json() is None:
        return shard
    scans = {table: staging.scan(shard, table) for table in shard.files}
    names = [
        frame.rename({"contig": "document"}, strict=False).select("source", "document").unique()
        for table, frame in scans.items()
        if frame is not None and table != "quarantine"
    ]
    if not names:
        return shard
    mine = decisions.concerning(pl.concat(names).unique().collect())
    change = mine.to_json()
    if change is None:
        return shard
    key = key_of(shard=shard.key, change=change)
    done = staging.staged(key)
    if done is None:
        tables = apply(mine, {table: frame.collect() for table, frame in scans.items() if frame is not None})
        if not tables:
            return None
        counts, types = describe(tables)
        done = staging.stage(shard.id, key, tables, counts=counts, source={**shard.source, "types": types})
    return done


def _entries(
    items: Sequence[HashedSource],
    staging: Staging,
    shards: Sequence[Shard],
    already: Mapping[str, int],
    options: Options,
) -> list[dict[str, Any]]:
    """What the manifest says of each item: what it is and where its records went."""
    ingested, documents, quarantined = Counter[str](), Counter[str](), Counter[str]()
    for shard in shards:
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
    for item in items:
        names = [source.name for source in item.sources]
        counts = {
            "ingested": sum(ingested[name] for name in names),
            "already": sum(already.get(name, 0) for name in names),
            "quarantined": sum(quarantined[name] for name in names),
        }
        records = sum(counts.values())
        if not records:
            todo = "Fetch it again, or leave it out."
            raise BadInput("records", got="none", todo=todo, source=item.files[0].path)
        entries.append(
            {
                **item.to_json(),
                "columns": options.columns,
                "records": records,
                **counts,
                "documents": sum(documents[name] for name in names),
            }
        )
    return entries


def _fitted(staging: Staging, shards: Sequence[Shard], sources: set[str], known: Tokenizer) -> Tokenizer:
    """The tokenizer that cuts raw text as the tokens of these sources' training sentences were cut."""
    counts = Counter[str]()
    for shard in shards:
        frame = staging.scan(shard, "data")
        if frame is not None and known.unit == "word":
            here = frame.filter(pl.col("source").is_in(list(sources)), pl.col("split") == "train")
            words, _ = tokens_of(here.select("text", "start", "token_start", "token_end").collect())
            counts.update(dict(words.value_counts().rows()))
    return Tokenizer.fit(counts, known.unit) if counts else known
