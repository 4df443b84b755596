"""FASTQ reads as a stream: the id and the bases; the quality is not used.

Format: https://doi.org/10.1093/nar/gkp1137 (Cock et al. 2010), four lines a read: @ID, bases, +, quality.
FASTQ with bases over several lines, which is ambiguous, is refused read by read. Lines are read in blocks, so
that a read may be of any length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from elman.data.formats.common.lines import LongLines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Place, Quarantined
from elman.data.formats.common.slices import SeenIds, Slice, SliceSize
from elman.data.formats.common.streams import BOM
from elman.data.formats.dna.fasta import check_entry, title_of
from elman.data.formats.registry import Head, SequenceFormat, register
from elman.data.genome.contigs import RAW_LIMIT, Contig
from elman.data.genome.spooled_sequence import SpooledSequence

ENDINGS = (".fq", ".fastq")
_WHITE = b" \t\r\n\v\f"
_LOST, _HEADER, _BASES, _PLUS, _QUALITY = range(5)  # line that comes next; _LOST: after a malformed read
_SEQUENCE = re.compile(rb"[A-Za-z*.\-]+\r?")
_FOUR_LINES = BadRecord(
    "bad-fastq",
    "expected four lines: @ID, bases, +, and a quality for each base",
    "Write each read in four lines (`seqtk seq -l0` does), its bases in one.",
)


@dataclass
class _Read:
    """A read: its place, its first bytes, and what is wrong with its lines, if anything."""

    line: int
    byte_offset: int
    bases: SpooledSequence
    header: bytearray = field(default_factory=bytearray)
    raw: bytearray = field(default_factory=bytearray)
    qualities: int = 0
    ended: bool = False  # by its quality line
    bad: bool = False
    end: tuple[int, int] = (0, 0)  # byte and line after it

    @property
    def title(self) -> str:
        return title_of(self.header)

    @property
    def name(self) -> str:
        title = self.title
        return title.split(maxsplit=1)[0] if title.strip() and not title[0].isspace() else ""

    def place(self, source: str) -> Place:
        return Place(source, self.line, self.byte_offset, bytes(self.raw[:RAW_LIMIT]))


def _reads(lines: LongLines, spool: Path | None) -> Iterator[_Read]:
    """Reads in order, malformed ones included; `ended` is False for one that the file breaks off in."""
    read: _Read | None = None
    state = _HEADER
    kind = _HEADER  # of the line whose blocks come
    for part, begins in lines:
        if begins and not lines.byte_offset:
            part = part.removeprefix(BOM)  # noqa: PLW2901
        if begins:
            kind = state
            header = part.startswith(b"@")
            if kind == _HEADER and not part.strip():
                continue
            wrong = (kind == _HEADER and not header) or (kind == _BASES and header)
            wrong = wrong or (kind == _PLUS and not part.startswith(b"+"))
            if wrong:
                read = read or _Read(
                    lines.line, lines.byte_offset, SpooledSequence(spool), raw=bytearray(part)
                )
                read.bad = True
                yield read
                read = None
            if (wrong or kind == _LOST) and header:
                kind = _HEADER
            elif wrong:
                kind = _LOST
            if kind == _HEADER:
                read = _Read(lines.line, lines.byte_offset, SpooledSequence(spool))
        if read is not None:
            _add(read, kind, part)
        state = kind
        if part.endswith((b"\n", b"\r")):
            state = _LOST if kind == _LOST else kind % _QUALITY + 1
            if kind == _QUALITY and read is not None:
                yield _closed(read, lines, part)
                read = None
    if read is not None:
        if kind == _QUALITY and lines.broken is None and read.qualities >= len(read.bases):
            _closed(read, lines, b"")  # the last line without its end
        yield read


def _add(read: _Read, kind: int, part: bytes) -> None:
    if kind == _HEADER:
        read.header += part
    elif kind == _BASES:
        read.bases.add(part.translate(None, _WHITE))
    elif kind == _QUALITY:
        read.qualities += len(part.rstrip(b"\r\n"))
    if len(read.raw) < RAW_LIMIT:
        read.raw += part


def _closed(read: _Read, lines: LongLines, part: bytes) -> _Read:
    read.ended = True
    read.bad = read.qualities != len(read.bases)
    read.end = (lines.byte_offset + len(part), lines.line)
    return read


def read_fastq(
    stream: BinaryIO,
    source: str,
    options: Options,
    *,
    byte_offset: int = 0,
    line: int = 1,
    seen: set[str] | None = None,
) -> Iterator[Contig | Quarantined]:
    """Read the reads of a FASTQ file; see `data.formats.readers.ContigReader`. They have no features."""
    seen = set() if seen is None else seen
    lines = LongLines(stream, byte_offset, line)
    for read in _reads(lines, options.spool):
        if not read.ended and not read.bad:
            yield _truncated(read.place(source), lines.broken or "its end")
            return
        try:
            if read.bad:
                raise _FOUR_LINES
            check_entry(read.title, read.name, read.bases, seen, "@")
        except BadRecord as error:
            yield read.place(source).refuse(error)
        else:
            yield Contig(read.name, read.bases.text(), None, source, read.byte_offset, read.line)
        if read.ended:
            seen.add(read.name)
    if lines.broken is not None:
        yield _truncated(Place(source, lines.line, lines.byte_offset, b""), lines.broken)


def _truncated(place: Place, reason: str) -> Quarantined:
    detail = f"expected the file to go on. Got {reason}"
    return place.quarantine("truncated", detail, "Fetch the file again; the read at its end is not whole.")


def split_fastq(stream: BinaryIO, size: SliceSize) -> list[Slice]:
    """Slices that end after whole reads; see `data.formats.common.slices.split_entries`."""
    slices: list[Slice] = []
    lines = LongLines(stream)
    ids, own, seen = SeenIds(), set[str](), list[str]()
    begin = first = 0

    def close(end: int, line: int) -> None:
        nonlocal begin, first
        slices.append(Slice(begin, end, {"line": first} | ({"seen": list(seen)} if seen else {})))
        begin, first = end, line
        own.clear()
        seen.clear()

    for read in _reads(lines, None):
        if read.ended:
            name = read.name
            if name not in own and not ids.is_new(name):
                seen.append(name)
            own.add(name)
            end, line = read.end
            if not read.bad and end - begin >= size(len(slices)):
                close(end, line)
    if lines.byte_offset > begin or not slices or lines.broken is not None:
        close(lines.byte_offset, lines.line)
    if lines.broken is not None:
        slices[-1].state["broken"] = lines.broken
    return slices


def _matches(head: Head) -> bool:
    if not head.first.startswith("@"):
        return False
    if head.name.endswith(ENDINGS):  # also where its first read is malformed: never a text
        return True
    _, *lines = head.raw.lstrip(b"\r\n").split(b"\n")
    bases = list(takewhile(_SEQUENCE.fullmatch, lines))
    rest = lines[len(bases) :]
    return bool(bases) and len(rest) > 1 and rest[0].startswith(b"+")


register(
    SequenceFormat(
        name="fastq",
        rank=25,
        matches=_matches,
        read=read_fastq,
        split=split_fastq,
        title="FASTQ",
        record="a read",
        notes="id and bases in four lines a read; the quality is not used",
        hint="FASTQ",
        reasons={
            "bad-fastq": "a read that is not four lines: @ID, bases, +, as many qualities",
            "no-id": "an entry without an id",
            "duplicate-id": "an entry with the id of an earlier one",
            "empty-record": "an entry without a sequence",
            "not-dna": "a sequence with characters that are not IUPAC DNA or RNA",
            "invalid-utf8": "bytes that are not UTF-8",
            "truncated": "the file breaks off or is damaged there",
        },
    )
)
