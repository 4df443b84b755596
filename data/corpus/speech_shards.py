"""Shards of a corpus of speech: a row a clip with its sound; the clips of a speaker stay in one split."""

import hashlib
from collections.abc import Iterable, Iterator

import polars as pl

from elman.data.audio.clips import SpokenClip
from elman.data.audio.pcm import Pcm, pcm_blocks, pcm_bytes
from elman.data.corpus.shards import (
    DOCUMENTS,
    SHARD_BYTES,
    PendingShard,
    SourceRecords,
    fraction,
    quarantine_table,
    split_of,
)
from elman.data.corpus.whole_records import Entry, gather
from elman.data.formats.common.records import Quarantined
from elman.data.store import schema

BYTES_OF_ROW = 1 << 10  # a clip counts as at least so many


def speech_shards(sources: Iterable[SourceRecords], limit: int = SHARD_BYTES) -> Iterator[PendingShard]:
    """Gather clips into shards of about so many bytes of sound.

    The split of a clip is that of its source, else that the source gives it, else by a hash: of the speaker
    where one is known, so that no voice is both in train and test, else of the sound and its text.
    """
    return gather(
        sources,
        SpokenClip,
        size=lambda clip: max(len(clip.audio), BYTES_OF_ROW),
        limit=limit,
        hashed_split=_hashed_split,
        tables=_tables,
    )


def digest(clip: SpokenClip) -> str:
    """sha256 of the sound of a clip, its rate and its text."""
    content = hashlib.sha256(repr((clip.sample_rate, clip.text)).encode() + b"\0")
    for block in pcm_blocks(clip.audio):
        content.update(block)
    return content.hexdigest()


def _sha256(audio: Pcm) -> str:
    content = hashlib.sha256()
    for block in pcm_blocks(audio):
        content.update(block)
    return content.hexdigest()


def _hashed_split(clip: SpokenClip) -> str:
    return split_of(fraction(digest(clip) if clip.speaker is None else f"speaker {clip.speaker}"))


def _tables(clips: list[Entry[SpokenClip]], quarantined: list[Quarantined]) -> dict[str, pl.DataFrame]:
    documents = [(id, clip.source, split, 1, 1, digest(clip)) for clip, id, split in clips]
    rows = [
        (
            id,
            clip.text,
            clip.sample_rate,
            clip.samples,
            clip.speaker,
            split,
            pcm_bytes(clip.audio),
            _sha256(clip.audio),
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
