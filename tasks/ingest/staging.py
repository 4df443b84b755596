"""Staging of sources as shards, and the check that not too many of their records are bad."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from elman.data.corpus.music_shards import music_shards
from elman.data.corpus.shards import (
    SHARD_BYTES,
    PendingShard,
    SourceRecords,
    describe,
    dna_shards,
    text_shards,
)
from elman.data.corpus.speech_shards import speech_shards
from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import ReadingReport
from elman.data.sources.reading import HashedSource, OnRead, read
from elman.data.store.dataset import Shard
from elman.data.store.disk import atomic_write, key_of
from elman.data.store.writer import Staging
from elman.tasks.runtime.orchestration import task
from elman.tasks.runtime.run_record import RunRecord

BAD_SHARE = 0.01  # of the records; with more bad ones nothing is ingested
_FEATURES_AN_ERROR = 10  # features that are read beside one that is not, of a small genome that is ingested
_OF_FEATURES = {"bad-location", "outside-contig", "no-strand", "bad-phase", "bad-attributes"}
_SHOWN = 20  # examples of a reason in the report


@task(task_run_name="read {sources}", tags=("ingest",))
def stage_sources(
    staging: Staging,
    sources: Sequence[HashedSource],
    options: Options,
    on_read: OnRead = lambda amount: None,
    shard_bytes: int | None = None,
) -> list[Shard]:
    """Read some sources and stage them as shards, but for those that an interrupted run has staged.

    Args:
        staging: of the corpus.
        sources: to read.
        options: of reading.
        on_read: called with the bytes read.
        shard_bytes: text or bases of a shard, about, SHARD_BYTES if not given; these are held in memory.

    What readers report is added to `options.report`.
    """
    group = key_of(items=[(source.key, source.name) for source in sources], options=options.to_json())
    parts = (staging.staged(key_of(group=group, part=part)) for part in itertools.count())
    shards = [shard for shard in itertools.takewhile(lambda shard: shard is not None, parts) if shard]
    end = staging.staged(key_of(group=group, part="end"))  # no files, only the number of parts
    if end is not None and end.source["parts"] == len(shards):
        on_read(sum(source.size for source in sources))
        if "report" in end.source:
            options.report.add(ReadingReport.from_json(end.source["report"]))
        return shards
    count, report = 0, ReadingReport()
    whole, options = options.report, replace(options, spool=staging.temporary_folder(), report=report)
    for part, pending in enumerate(_pending(sources, options, on_read, shard_bytes or SHARD_BYTES)):
        count += 1
        if part < len(shards):
            continue
        tables = pending.tables()
        counts, types = describe(tables)
        origin = {
            "sources": sorted({source.sha256 for source in sources}),
            "part": part,
            "read": pending.records,
            "features": pending.features,
            "types": types,
        }
        id, key = f"{group[:16]}-{part:05}", key_of(group=group, part=part)
        shards.append(staging.stage(id, key, tables, counts=counts, source=origin))
    end_of_group = {"parts": count, "report": report.to_json()} if report else {"parts": count}
    staging.stage(f"{group[:16]}-end", key_of(group=group, part="end"), {}, source=end_of_group)
    whole.add(report)
    return shards


_SHARDS = {
    "text": text_shards,
    "table": text_shards,
    "dna": dna_shards,
    "music": music_shards,
    "speech": speech_shards,
}


def _pending(
    sources: Sequence[HashedSource], options: Options, on_read: OnRead, shard_bytes: int
) -> Iterator[PendingShard]:
    records = (
        SourceRecords(source.name, source.kind, source.split, read(source, options, on_read), source.label)
        for source in sources
    )
    return _SHARDS[sources[0].files[0].family](records, shard_bytes)


@dataclass
class _Reason:
    """Bad records of one reason: how many, what to do, and some of them."""

    todo: str
    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class BadRecords:
    """Report of an ingest that is refused because too many of its records are bad."""

    records: int
    bad: int
    reasons: dict[str, _Reason]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def error(self, run: RunRecord) -> BadInput:
        """Write the report into the folder of a run, and return the error that names it."""
        path = run.folder / "report.json"
        report = {"id": run.id, "kind": "ingest", "status": "REFUSED", **self.to_json()}
        atomic_write(path, json.dumps(report, ensure_ascii=False, indent=1).encode())
        first, todo = min(
            ((example, reason.todo) for reason in self.reasons.values() for example in reason.examples),
            key=lambda pair: (pair[0]["source"], pair[0]["byte_offset"]),
        )
        return BadInput(
            f"at most {BAD_SHARE:.0%} bad records",
            got=f"{self.bad:,} of {self.records:,}: nothing is ingested. The first: {first['detail']}",
            todo=f"{todo} All reasons are in {path}",
            source=first["source"],
            line=first["line"],
        )


def bad_records(staging: Staging, shards: Sequence[Shard]) -> BadRecords | None:
    """The report, if more than 1 % of the records are bad; else None.

    Of genomes the labelled features count as records too: a bad line of an annotation is a bad feature. One
    bad feature beside ten is let through, as the stretch of such a feature counts neither as coding nor as
    non-coding.
    """
    bad = sum(shard.counts.get("quarantined", 0) for shard in shards)
    records = sum(shard.source["read"] + shard.source["features"] for shard in shards)
    if bad <= BAD_SHARE * records:
        return None
    features = sum(shard.source["features"] for shard in shards)
    if (
        bad == 1
        and features > _FEATURES_AN_ERROR
        and next(_quarantined(staging, shards))["reason"] in _OF_FEATURES
    ):
        return None
    reasons: dict[str, _Reason] = {}
    for row in _quarantined(staging, shards):
        reason = reasons.setdefault(row["reason"], _Reason(row["todo"]))
        reason.count += 1
        if reason.count <= _SHOWN:
            place = {name: row[name] for name in ("source", "line", "byte_offset", "detail")}
            reason.examples.append({**place, "raw": row["raw"][:200].decode(errors="backslashreplace")})
    return BadRecords(records, bad, dict(sorted(reasons.items())))


def _quarantined(staging: Staging, shards: Sequence[Shard]) -> Iterator[Mapping[str, Any]]:
    for shard in shards:
        frame = staging.scan(shard, "quarantine")
        if frame is not None:
            yield from frame.collect().iter_rows(named=True)
