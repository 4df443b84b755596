"""From an item to its slices, and from a slice to its records: `data.sources.reading`, for many workers at once.

for piece in split_source(item, options, SliceSize.of(1 << 22)):
    for record in read_slice(item, piece, options): ...
"""

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from elman.data.formats import conll, jsonl, plaintext
from elman.data.formats.fasta import read_fasta
from elman.data.formats.genbank import read_genbank
from elman.data.formats.options import Options
from elman.data.formats.records import Document, Flat, Quarantined, by_character
from elman.data.formats.slices import (
    AHEAD,
    BROKEN,
    FASTA,
    GENBANK,
    EntryPattern,
    Slice,
    SliceSize,
    SliceStream,
    split_entries,
    split_lines,
)
from elman.data.formats.streams import open_path
from elman.data.genome.contigs import Contig
from elman.data.sources.detect import Source
from elman.data.sources.reading import HashedSource, check_unchanged, damaged, read_flat
from elman.data.text.scanner import thread_scanner
from elman.data.text.tokenizer import Tokenizer

ENTRIES: dict[str, EntryPattern] = {"fasta": FASTA, "genbank": GENBANK}
Record = Document | Flat | Contig | Quarantined


def open_whole(source: Source) -> BinaryIO:
    """A source from its beginning as slices count its bytes: decompressed, and text in UTF-8."""
    stream = open_path(source.path, source.compression)
    return plaintext.utf8(_peeking(stream)) if source.kind == "plain" else stream


def _peeking(stream: BinaryIO) -> BinaryIO:
    return (
        stream if hasattr(stream, "peek") else cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, stream)))
    )


def seekable(source: Source) -> bool:
    """Whether a slice can be read without all that stands before it."""
    if source.compression is not None:
        return False
    with source.path.open("rb") as stream:
        return source.kind != "plain" or plaintext.utf8(stream) is stream


def split_source(item: HashedSource, options: Options, size: SliceSize) -> list[Slice] | Quarantined:
    """Find the slices of an item; memory does not grow with it.

    Raises:
        BadInput: it is damaged, or was changed since it was hashed.
    """
    source = item.files[0]
    opener = partial(open_path, source.path, source.compression)
    try:
        if source.kind == "plain":
            found = plaintext.split(opener, source.name, options.tokenizer or Tokenizer(), size)
        elif source.kind == "conll":
            found = conll.split(opener, source.name, size, **options.columns)
        elif source.kind in ENTRIES or source.kind == "jsonl":
            with opener() as stream:
                entries = ENTRIES.get(source.kind)
                found = split_entries(stream, size, entries) if entries else split_lines(stream, size)
        else:  # sequences within an annotation
            found = [Slice(0, source.size)]
    except BROKEN as error:
        raise damaged(source, error) from None
    check_unchanged(item)
    return found


def read_slice(
    item: HashedSource, piece: Slice, options: Options, unpacked: Path | None = None, start: int = 0
) -> Iterator[Record]:
    """The records of a slice, in order.

    Args:
        item: as found.
        piece: one of its slices.
        options: how it was cut.
        unpacked: a file that holds the slice, and what plain text needs to see after it, if `seekable` says
            no.
        start: where in the source that file begins.

    Raises:
        BadInput: the file was changed since it was hashed.
    """
    source = item.files[0]
    if source.kind not in (*ENTRIES, "plain", "jsonl", "conll"):
        yield from read_flat(item, options)
        return

    def opened(ahead: int = 0) -> BinaryIO:
        stream = (unpacked or source.path).open("rb")
        stream.seek(piece.begin - start)
        length = piece.end + ahead - piece.begin
        return cast(
            BinaryIO, io.BufferedReader(SliceStream(stream, length, piece.state.get("broken")), 1 << 20)
        )

    tokenizer = options.tokenizer or Tokenizer(unit=options.unit)
    if source.kind == "plain":
        with opened(AHEAD) as stream:
            yield from plaintext.read_slice(
                stream, source.name, thread_scanner(tokenizer, options.strings), piece
            )
    elif source.kind == "jsonl":
        scanner, line = thread_scanner(tokenizer, options.strings), piece.state["line"]
        yield from jsonl.read(opened, source.name, tokenizer, scanner, line=line, byte_offset=piece.begin)
    elif source.kind == "conll":
        for record in conll.read(opened, source.name, piece=piece):
            if options.unit == "char" and isinstance(record, Document):
                yield replace(record, sentences=tuple(map(by_character, record.sentences)))
            else:
                yield record
    else:
        how: dict[str, Any] = {
            "line": piece.state["line"] + 1,
            "byte_offset": piece.begin,
            "seen": set(piece.state.get("seen", ())),
            "spool": options.spool,
        }
        with opened() as stream:
            if source.kind == "fasta":
                yield from read_fasta(stream, source.name, **how)
            else:
                yield from read_genbank(stream, source.name, **how)
    check_unchanged(item)


def unpack(source: Source, pieces: list[Slice], folder: Path, wanted: list[bool]) -> Iterator[Path | None]:
    """Write the slices of a source that is not `seekable` to files, one by one, in order.

    Args:
        source: a file.
        pieces: its slices.
        folder: where files go, by number; whoever takes them removes them.
        wanted: of which slices; the others are read past, and None stands for their files.
    """
    held = b""
    with open_whole(source) as stream:
        stream.read(pieces[0].begin)
        for number, piece in enumerate(pieces):
            out = (folder / f"{number:06}").open("wb") if wanted[number] else None
            left = piece.end - piece.begin
            while left > 0 and (some := held or _some(stream, piece)):
                held = some[left:]
                if out:
                    out.write(some[:left])
                left -= len(some[:left])
            if out:
                while len(held) < AHEAD and number + 1 < len(pieces) and (more := _some(stream, piece)):
                    held += more
                out.write(held[:AHEAD])
                out.close()
            yield folder / f"{number:06}" if out else None


def _some(stream: BinaryIO, piece: Slice) -> bytes:
    """The next bytes, none where a source that is known to be damaged ends."""
    try:
        return cast(bytes, stream.read1(1 << 20))  # type: ignore[attr-defined]
    except BROKEN:
        if "broken" in piece.state:
            return b""
        raise
