"""Shards of a corpus of speech: a row a clip with its sound; the clips of a speaker stay in one split."""

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial

import polars as pl

from elman.data.audio.clips import SpokenClip
from elman.data.corpus.shards import (
    DOCUMENTS,
    SHARD_BYTES,
    PendingShard,
    SourceRecords,
    fraction,
    quarantine_table,
    split_of,
)
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import SeenIds
from elman.data.store import schema

BYTES_OF_ROW = 1 << 10  # a clip counts as at least so many


def speech_shards(sources: Iterable[SourceRecords], limit: int = SHARD_BYTES) -> Iterator[PendingShard]:
    """Gather clips into shards of about so many bytes of sound.

    The split of a clip is that of its source, else that the source gives it, else by a hash: of the speaker
    where one is known, so that no voice is both in train and test, else of the sound and its text.
    """
    clips: list[tuple[SpokenClip, str, str]] = []
    quarantined: list[Quarantined] = []
    size = 0
    for source in sources:
        seen = SeenIds()
        for record in source.records:
            if size >= limit:
                yield _pending(clips, quarantined)
                clips, quarantined, size = [], [], 0
            if isinstance(record, Quarantined):
                quarantined.append(record)
                size += len(record.raw)
                continue
            if not isinstance(record, SpokenClip):
                raise TypeError(f"expected speech in {source.source}. Got {type(record).__name__}")
            id = record.id if seen.is_new(record.id) else f"{record.id}~{record.line or record.byte_offset}"
            clips.append((record, id, source.split or record.split or _hashed_split(record)))
            size += max(len(record.audio), BYTES_OF_ROW)
    if clips or quarantined:
        yield _pending(clips, quarantined)


def digest(clip: SpokenClip) -> str:
    """sha256 of the sound of a clip, its rate and its text."""
    content = hashlib.sha256(repr((clip.sample_rate, clip.text)).encode() + b"\0")
    content.update(clip.audio)
    return content.hexdigest()


def _hashed_split(clip: SpokenClip) -> str:
    return split_of(fraction(digest(clip) if clip.speaker is None else f"speaker {clip.speaker}"))


def _pending(clips: list[tuple[SpokenClip, str, str]], quarantined: list[Quarantined]) -> PendingShard:
    return PendingShard(partial(_tables, clips, quarantined), len(clips) + len(quarantined))


def _tables(
    clips: list[tuple[SpokenClip, str, str]], quarantined: list[Quarantined]
) -> dict[str, pl.DataFrame]:
    documents = [(id, clip.source, split, 1, 1, digest(clip)) for clip, id, split in clips]
    rows = [
        (
            id,
            clip.text,
            clip.sample_rate,
            clip.samples,
            clip.speaker,
            split,
            clip.audio,
            hashlib.sha256(clip.audio).hexdigest(),
            clip.source,
            clip.byte_offset,
        )
        for clip, id, split in clips
    ]
    tables = {
        "data": pl.DataFrame(rows, schema=schema.SPEECH, orient="row"),
        "documents": pl.DataFrame(documents, schema=DOCUMENTS, orient="row"),
        "quarantine": quarantine_table(quarantined),
    }
    return {name: frame for name, frame in tables.items() if frame.height}
