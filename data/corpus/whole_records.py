"""Gathering of whole records, pieces of music and clips of speech, into shards of about the same size."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

import polars as pl

from elman.data.audio.clips import SpokenClip
from elman.data.corpus.shards import PendingShard, SourceRecords
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import SeenIds
from elman.data.music.pieces import Piece

Whole = TypeVar("Whole", Piece, SpokenClip)
Entry = tuple[Whole, str, str]  # a record, its id in the corpus, its split
Tables = Callable[[list[Entry[Whole]], list[Quarantined]], dict[str, pl.DataFrame]]


def gather(
    sources: Iterable[SourceRecords],
    kind: type[Whole],
    *,
    size: Callable[[Whole], int],
    limit: int,
    hashed_split: Callable[[Whole], str],
    tables: Tables[Whole],
) -> Iterator[PendingShard]:
    """Gather records into shards.

    Args:
        sources: with records of this kind, and quarantined ones.
        kind: class of the records.
        size: of a record; quarantined ones count their bytes.
        limit: of the sizes of a shard, after which the next one begins.
        hashed_split: split of a record for which neither its source nor the record gives one.
        tables: of a shard's entries and quarantined records.

    Raises:
        TypeError: a record is of another kind.
    """
    entries: list[Entry[Whole]] = []
    quarantined: list[Quarantined] = []
    gathered = 0
    for source in sources:
        seen = SeenIds()
        for record in source.records:
            if gathered >= limit:
                yield PendingShard(partial(tables, entries, quarantined), len(entries) + len(quarantined))
                entries, quarantined, gathered = [], [], 0
            if isinstance(record, Quarantined):
                quarantined.append(record)
                gathered += len(record.raw)
                continue
            if not isinstance(record, kind):
                expected, got = kind.__name__, type(record).__name__
                raise TypeError(f"expected records of {expected} in {source.source}. Got {got}")
            id = record.id if seen.is_new(record.id) else f"{record.id}~{record.line or record.byte_offset}"
            entries.append((record, id, source.split or record.split or hashed_split(record)))
            gathered += size(record)
    if entries or quarantined:
        yield PendingShard(partial(tables, entries, quarantined), len(entries) + len(quarantined))
