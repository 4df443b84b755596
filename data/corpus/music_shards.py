"""Shards of a corpus of music: a row a time step, pieces given a split by a hash of what they sound like."""

import hashlib
from collections.abc import Iterable, Iterator

import polars as pl

from elman.data.corpus.shards import (
    DOCUMENTS,
    PendingShard,
    SourceRecords,
    fraction,
    quarantine_table,
    split_of,
)
from elman.data.corpus.whole_records import Entry, gather
from elman.data.formats.common.records import Quarantined
from elman.data.music.pieces import Piece
from elman.data.store import schema

SHARD_STEPS = 1 << 20  # time steps of a shard


def music_shards(sources: Iterable[SourceRecords], limit: int = SHARD_STEPS) -> Iterator[PendingShard]:
    """Gather pieces into shards of about so many time steps.

    The split of a piece is that of its source, else that the source gives it, else by a hash of its symbols
    or notes: pieces that sound alike, whatever their titles, are in one split.
    """
    return gather(
        sources,
        Piece,
        size=lambda piece: piece.steps,
        limit=min(limit, SHARD_STEPS),
        hashed_split=lambda piece: split_of(fraction(digest(piece))),
        tables=_tables,
    )


def digest(piece: Piece) -> str:
    """sha256 of the symbols or notes of a piece."""
    content = "\n".join(piece.symbols) if piece.symbols else repr((piece.steps_per_quarter, piece.voices))
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _tables(pieces: list[Entry[Piece]], quarantined: list[Quarantined]) -> dict[str, pl.DataFrame]:
    documents = [(id, piece.source, split, 1, 1, digest(piece)) for piece, id, split in pieces]
    tables = {
        "data": pl.concat([schema.MUSIC.to_frame(), *(_rows(*entry) for entry in pieces)]),
        "documents": pl.DataFrame(documents, schema=DOCUMENTS, orient="row"),
        "quarantine": quarantine_table(quarantined),
    }
    return {name: frame for name, frame in tables.items() if frame.height}


def _rows(piece: Piece, id: str, split: str) -> pl.DataFrame:
    """Rows of a piece; a step in which nothing sounds is a row of voice 0 without a note."""
    entries: list[tuple[int, int, int | None, str | None]] = [
        (0, step, None, symbol) for step, symbol in enumerate(piece.symbols)
    ]
    for step in range(0 if piece.symbols else piece.steps):
        sounding = [
            (voice, step, note, None) for voice, notes in enumerate(piece.voices) for note in notes[step]
        ]
        entries += sounding or [(0, step, None, None)]
    names = ["voice", "step", "note", "symbol"]
    frame = pl.DataFrame(entries, schema={name: schema.MUSIC[name] for name in names}, orient="row")
    return frame.select(
        pl.lit(id).alias("piece"),
        pl.lit(split).alias("split"),
        *names,
        pl.lit(None if piece.symbols else piece.steps_per_quarter, pl.Int16).alias("steps_per_quarter"),
        pl.lit(piece.source).alias("source"),
        pl.lit(piece.byte_offset, pl.Int64).alias("byte_offset"),
    )
