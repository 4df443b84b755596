"""Transcription in bulk: clips of files staged in shards, and committed at once; a killed run goes on."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.audio.clips import SpokenClip, from_pcm
from elman.data.audio.pcm import pcm_blocks
from elman.data.corpus.shards import quarantine_table
from elman.data.errors import BadInput, Changed
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.sources.reading import HashedSource, read
from elman.data.store.dataset import Shard
from elman.data.store.disk import key_of, write_whole
from elman.data.store.schema import TRANSCRIBED_WORDS, TRANSCRIPTS
from elman.data.store.writer import DatasetWriter
from elman.tasks.transcription.exports import FileNames, Row, ctm_lines, srt, text_line
from elman.tasks.transcription.transcriber import Sound, Transcriber, Utterance

KIND = "transcribed"
SHARD_BYTES, SHARD_CLIPS = 16 << 20, 256  # of sound, and clips, in a shard


@dataclass
class _Pending:
    """A shard while it is filled."""

    clips: list[tuple[str, str, tuple[Utterance, ...]]] = field(default_factory=list)  # source, id, heard
    quarantined: list[Quarantined] = field(default_factory=list)


def stage_sources(
    writer: DatasetWriter,
    sources: Sequence[HashedSource],
    transcriber: Transcriber,
    width: int,
    *,
    workers: int = 1,
    on_source: Callable[[float], None] = lambda amount: None,
) -> list[Shard]:
    """Transcribe all clips and stage them, but for the shards that an interrupted run has staged.

    Args:
        writer: of the output.
        sources: whose clips are transcribed.
        transcriber: model.
        width: of the beam search.
        workers: groups of sources at a time; what comes out does not depend on it.
        on_source: called with the number of sources that are done.
    """

    def stage(numbered: tuple[int, Sequence[HashedSource]]) -> list[Shard]:
        number, group = numbered
        shards = list(_stage_group(writer, number, group, transcriber, width))
        on_source(float(len(group)))
        return shards

    groups = enumerate(_groups(sources))
    if workers == 1:
        return [shard for numbered in groups for shard in stage(numbered)]
    with ThreadPoolExecutor(workers) as pool:
        return [shard for shards in pool.map(stage, groups) for shard in shards]


def _groups(sources: Sequence[HashedSource]) -> Iterator[Sequence[HashedSource]]:
    """Sources that are read one after the other: of about a shard together."""
    group, size = list[HashedSource](), 0
    for source in sources:
        if group and (size + source.size > SHARD_BYTES or len(group) == SHARD_CLIPS):
            yield group
            group, size = [], 0
        group.append(source)
        size += source.size
    if group:
        yield group


def _stage_group(
    writer: DatasetWriter,
    number: int,
    group: Sequence[HashedSource],
    transcriber: Transcriber,
    width: int,
) -> Iterator[Shard]:
    """The shards of some sources: one, or more where a source names many clips."""
    items = key_of(items=[(source.key, source.name) for source in group])
    end = writer.staged(key_of(group=items, part="end"))
    if end is not None:
        shards = [writer.staged(key_of(group=items, part=part)) for part in range(end.source["parts"])]
        if all(shards):
            yield from (shard for shard in shards if shard)
            return
    part = 0
    options = Options(spool=writer.staging.temporary_folder(), any_length=True)
    for records in _parts(_records(group, options)):
        key = key_of(group=items, part=part)
        shard = writer.staged(key)
        if shard is None:
            pending = _transcribed(records, transcriber, width)
            shard = _stage(writer, f"clips-{number:06}-{part:05}", key, pending, transcriber, group)
        yield shard
        part += 1
    writer.stage(f"end-{number:06}", key_of(group=items, part="end"), {}, source={"parts": part})


def _records(group: Sequence[HashedSource], options: Options) -> Iterator[SpokenClip | Quarantined]:
    """Clips and quarantined records; a source that cannot be read on becomes one."""
    for source in group:
        try:
            for record in read(source, options):
                if isinstance(record, SpokenClip | Quarantined):
                    yield record
        except Changed:
            raise
        except BadInput as error:
            detail = f"expected {error.expected}. Got {error.got}"
            yield Quarantined(source.name, error.line, 0, "unreadable", detail, error.todo, b"")


def _parts(
    records: Iterator[SpokenClip | Quarantined],
) -> Iterator[Iterator[SpokenClip | Quarantined]]:
    """Records by shard; each part is to be used up before the next."""
    for first in records:

        def part(first: SpokenClip | Quarantined = first) -> Iterator[SpokenClip | Quarantined]:
            yield first
            count, size = 1, _size(first)
            while count < SHARD_CLIPS and size < SHARD_BYTES:
                record = next(records, None)
                if record is None:
                    return
                yield record
                count, size = count + 1, size + _size(record)

        own = part()
        yield own
        for _ in own:  # what a shard that is staged already leaves
            pass


def _size(record: SpokenClip | Quarantined) -> int:
    return len(record.audio if isinstance(record, SpokenClip) else record.raw)


def _transcribed(
    records: Iterator[SpokenClip | Quarantined], transcriber: Transcriber, width: int
) -> _Pending:
    pending, waiting = _Pending(), list[tuple[str, str]]()

    def sounds() -> Iterator[Sound]:
        for record in records:
            if isinstance(record, Quarantined):
                pending.quarantined.append(record)
            else:
                waiting.append((record.source, record.id))
                seconds = record.samples / record.sample_rate
                yield Sound(map(from_pcm, pcm_blocks(record.audio)), record.sample_rate, seconds)

    for utterances in transcriber.transcribe(sounds(), width):
        pending.clips.append((*waiting.pop(0), utterances))
    return pending


def _stage(
    writer: DatasetWriter,
    id: str,
    key: str,
    pending: _Pending,
    transcriber: Transcriber,
    group: Sequence[HashedSource],
) -> Shard:
    version = transcriber.version
    utterances = [
        (source, clip, heard.start_s, heard.end_s, heard.text, heard.probability, version)
        for source, clip, every in pending.clips
        for heard in every
    ]
    words = [
        (source, clip, word.start_s, word.end_s, word.text, word.probability, version)
        for source, clip, every in pending.clips
        for heard in every
        for word in heard.words
    ]
    tables = {
        "data": pl.DataFrame(utterances, schema=TRANSCRIPTS, orient="row"),
        "words": pl.DataFrame(words, schema=TRANSCRIBED_WORDS, orient="row"),
        "quarantine": quarantine_table(pending.quarantined),
    }
    counts = {
        "clips": len(pending.clips),
        "utterances": len(utterances),
        "words": len(words),
        "quarantined": len(pending.quarantined),
    }
    kept = {name: frame for name, frame in tables.items() if frame.height or name == "data"}
    return writer.stage(id, key, kept, counts=counts, source={"sources": [source.name for source in group]})


def export(writer: DatasetWriter, shards: Sequence[Shard], formats: Sequence[str]) -> dict[str, Path]:
    """Write the files of the formats beside Parquet, to be committed with the tables, by their names."""
    exports, names = dict[str, Path](), FileNames()

    def add(name: str, chunks: Iterator[bytes]) -> None:
        exports[name] = writer.scratch(name)
        write_whole(exports[name], chunks)

    if "txt" in formats:
        add(
            "transcripts.txt",
            (text_line(clip, (u[2] for u in said)).encode() for clip, said, _ in _clips(writer, shards)),
        )
    if "ctm" in formats:
        lines = (line for clip, _, words in _clips(writer, shards) for line in ctm_lines(clip, words))
        add("transcripts.ctm", (line.encode() for line in lines))
    if "srt" in formats:
        for clip, said, words in _clips(writer, shards):
            parts = [[word for word in words if u[0] <= word[0] < max(u[1], u[0] + 1e-6)] for u in said]
            add(f"srt/{names.name(clip)}.srt", iter([srt([part for part in parts if part]).encode()]))
    return exports


def _clips(writer: DatasetWriter, shards: Sequence[Shard]) -> Iterator[tuple[str, list[Row], list[Row]]]:
    """Name, utterances and words of each clip, in order."""
    for shard in shards:
        said = _rows(writer, shard, "data", "text")
        words = dict(_rows(writer, shard, "words", "word"))
        for key, rows in said:
            yield key[1], rows, words.get(key, [])


def _rows(
    writer: DatasetWriter, shard: Shard, table: str, text: str
) -> list[tuple[tuple[str, str], list[Row]]]:
    """Rows of a table by source and clip."""
    frame = writer.staging.scan(shard, table)
    if frame is None:
        return []
    rows = frame.select("source", "clip", "start_s", "end_s", text, "probability").collect().iter_rows()
    grouped = itertools.groupby(rows, key=lambda row: row[:2])
    return [((key[0], key[1]), [row[2:] for row in own]) for key, own in grouped]


def settings_of(transcriber: Transcriber, passport: str, width: int) -> dict[str, Any]:
    """Settings that decide the content, for the manifest and every key."""
    return {"model": transcriber.version, "passport": passport, "beam": width}
