"""FASTA entries as a stream, each held once; Biopython's parser holds one three times, and no places.

Policies. An entry without an id, without bases, with letters that are not IUPAC DNA or RNA, with the id of an
earlier entry, or cut short by a broken file is refused, and so is text before the first header; the rest goes
on. Lower case is kept. White space inside sequence lines is taken out. `\\n`, `\\r\\n` and `\\r` may be
mixed, and a line may be of any length: it is handed on in blocks. A header that says `circular=true` or
`topology=circular` (in brackets or not) names a circle.
"""

import re
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from elman.data.formats.records import Quarantined
from elman.data.genome.contigs import RAW_LIMIT, Contig
from elman.data.genome.spooled_sequence import SpooledSequence

IUPAC = b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv"
_BLOCK = 1 << 18
_WHITE = b" \t\r\n\v\f"
_CIRCULAR = re.compile(r"\b(circular=(true|yes)|topology=circular)\b", re.IGNORECASE)


@dataclass
class _Entry:
    line: int
    byte_offset: int
    raw: bytearray


class _Feed:
    """Entries, with where each header stood.

    Lines are read in blocks, so that one endless line costs no more than many short ones. What stands before
    the first header is kept back.
    """

    def __init__(self, stream: BinaryIO, byte_offset: int, line: int, spool: Path | None) -> None:
        self.stream, self.byte_offset, self.line, self.spool = stream, byte_offset, line, spool
        self.entries: deque[_Entry] = deque()
        self.orphan: _Entry | None = None
        self.broken: str | None = None

    def _lines(self) -> Iterator[tuple[bytes, bool]]:
        """Lines with their ends, long ones in blocks, and whether each begins a line."""
        begins = True
        while True:
            try:
                block = self.stream.readline(_BLOCK)
                if block.endswith(b"\r"):
                    block += self.stream.readline(1)
            except (EOFError, OSError, zlib.error) as error:
                self.broken = str(error)
                return
            if not block:
                return
            for piece in block.splitlines(keepends=True) if b"\r" in block else [block]:
                yield piece, begins
                begins = piece.endswith((b"\n", b"\r"))
                self.line += begins
                self.byte_offset += len(piece)

    def __iter__(self) -> Iterator[tuple[str, SpooledSequence]]:
        """Title and bases of each entry, white space taken out of these."""
        current: _Entry | None = None
        header, bases = bytearray(), SpooledSequence(self.spool)
        in_header = False
        for piece, begins in self._lines():
            if begins and piece.startswith(b">"):
                if current is not None:
                    yield _title(header), bases
                current = _Entry(self.line, self.byte_offset, bytearray())
                self.entries.append(current)
                header, bases, in_header = bytearray(piece), SpooledSequence(self.spool), True
            elif in_header and not begins:
                header += piece
            elif current is not None:
                in_header = False
                bases.add(piece.translate(None, _WHITE))
            elif piece.strip() and (not begins or not piece.startswith((b";", b"#"))) and self.orphan is None:
                self.orphan = _Entry(self.line, self.byte_offset, bytearray(piece))
                continue
            entry = current or self.orphan
            if entry is not None and len(entry.raw) < RAW_LIMIT:
                entry.raw += piece
        if current is not None:
            yield _title(header), bases


def _title(header: bytearray) -> str:
    return header[1:].decode("utf-8", "surrogateescape").rstrip()


def read_fasta(
    stream: BinaryIO,
    source: str,
    *,
    byte_offset: int = 0,
    line: int = 1,
    seen: set[str] | None = None,
    spool: Path | None = None,
) -> Iterator[Contig | Quarantined]:
    """Read FASTA entries, one in memory at a time.

    Args:
        stream: decompressed bytes.
        source: name that goes with every record.
        byte_offset: where the stream stands in its source.
        line: number of its first line.
        seen: ids met before, those of refused entries too, to which ids are added; one that is in it is
            refused.
        spool: folder in which long sequences are kept rather than in memory, as `data.genome.spooled_sequence` says.

    Yields:
        contigs without features, and what was refused.
    """
    seen = set() if seen is None else seen
    feed = _Feed(stream, byte_offset, line, spool)
    for title, raw in feed:
        if feed.orphan is not None:
            yield _no_header(source, feed.orphan)
            feed.orphan = None
        entry = feed.entries.popleft()
        if feed.broken is not None and not feed.entries:
            yield _truncated(source, entry, feed.broken)
            return
        name = title.split(maxsplit=1)[0] if title.strip() and not title[0].isspace() else ""
        wrong = _wrong(title, name, raw, seen)
        seen.add(name)
        if wrong is None:
            circular = _CIRCULAR.search(title) is not None
            yield Contig(name, raw.text(), None, source, entry.byte_offset, entry.line, circular)
        else:
            yield Quarantined(
                source=source,
                line=entry.line,
                byte_offset=entry.byte_offset,
                reason=wrong[0],
                detail=wrong[1],
                todo=wrong[2],
                raw=bytes(entry.raw[:RAW_LIMIT]),
            )
    if feed.orphan is not None:
        yield _no_header(source, feed.orphan)
    elif feed.broken is not None:
        yield _truncated(source, _Entry(feed.line, feed.byte_offset, bytearray()), feed.broken)


def wrong_letter(bases: bytes | SpooledSequence) -> str | None:
    """The first letter that is not IUPAC DNA or RNA, and where it stands (from 0); None when all are."""
    first, count = None, 0
    for at in range(0, len(bases), _BLOCK):
        part = bases[at : at + _BLOCK]
        others = part.translate(None, IUPAC)
        if others and first is None:
            first = f"{others[:1].decode('latin-1')!r} at base {at + part.find(others[:1])}"
        count += len(others)
    return None if first is None else f"{first}, and {count - 1} more"


def _wrong(title: str, name: str, bases: SpooledSequence, seen: set[str]) -> tuple[str, str, str] | None:
    """Reason, detail and what to do, where an entry cannot be used."""
    if not name:
        return "no-id", "expected an id right after >. Got none", "Give the entry an id: >NAME."
    if any("\udc80" <= c <= "\udcff" for c in title):
        return "invalid-utf8", "expected a header in UTF-8", "Save the file as UTF-8."
    if not bases:
        return (
            "empty-record",
            f"expected bases below >{name}. Got none",
            "Add the sequence, or take the entry out.",
        )
    letter = wrong_letter(bases)
    if letter is not None:
        return (
            "not-dna",
            f"expected the IUPAC letters of DNA in >{name}. Got {letter}",
            "Give DNA rather than protein; write N for unknown bases, and nothing for gaps.",
        )
    if name in seen:
        return "duplicate-id", f"expected each id once. Got >{name} again", "Rename one of the entries."
    return None


def _no_header(source: str, entry: _Entry) -> Quarantined:
    return Quarantined(
        source=source,
        line=entry.line,
        byte_offset=entry.byte_offset,
        reason="no-header",
        detail=f"expected a header line >NAME first. Got {bytes(entry.raw[:40])!r}",
        todo="Put a line >NAME above the sequence.",
        raw=bytes(entry.raw[:RAW_LIMIT]),
    )


def _truncated(source: str, entry: _Entry, why: str) -> Quarantined:
    return Quarantined(
        source=source,
        line=entry.line,
        byte_offset=entry.byte_offset,
        reason="truncated",
        detail=f"expected the file to go on. Got {why}",
        todo="Fetch the file again; the entry at its end is not whole.",
        raw=bytes(entry.raw[:RAW_LIMIT]),
    )
