"""FASTA entries as a stream, one in memory at a time.

An entry is quarantined if it has no id, no bases, characters that are not IUPAC DNA or RNA, the id of an
earlier entry, or ends with a damaged file; so is text before the first header. The rest is read. Lower case
is preserved, white space inside sequence lines is removed. `\\n`, `\\r\\n` and `\\r` may be mixed, and
a line may be of any length: it is read in blocks. A header with `circular=true` or `topology=circular` (in
brackets or not) marks a circular sequence. Biopython's parser holds an entry three times, and no places.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from elman.data.formats.common.lines import LongLines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Place, Quarantined
from elman.data.formats.common.slices import EntryPattern
from elman.data.formats.common.streams import BOM
from elman.data.formats.registry import Head, SequenceFormat, register
from elman.data.genome.contigs import RAW_LIMIT, Contig
from elman.data.genome.spooled_sequence import SpooledSequence

IUPAC = b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv"
ENDINGS = (".fa", ".fna", ".ffn", ".fasta")
PROTEIN_ENDINGS = (".faa", ".pep", ".mpfa")
_AMINO_ACIDS = "EFILPQ"  # letters that are no codes of DNA or RNA, a third of those of a protein
_MOST_AMINO_ACIDS = 0.15  # share of these in a file that may hold DNA
_BLOCK = 1 << 18
_WHITE = b" \t\r\n\v\f"
_CIRCULAR = re.compile(r"\b(circular=(true|yes)|topology=circular)\b", re.IGNORECASE)
_SEQUENCE = re.compile(r"[A-Za-z*.\-\s]+")
_BASES = re.compile(r"[ACGTUNacgtun\s]{20,}")
_ENTRIES = EntryPattern(re.compile(rb"[\r\n]>([^\r\n]*)(?=[\r\n])"), True, re.compile(rb"\r\n|\r|\n"))


@dataclass
class _Entry:
    """Line and byte offset of an entry's header, and its first bytes."""

    line: int
    byte_offset: int
    raw: bytearray

    def place(self, source: str) -> Place:
        return Place(source, self.line, self.byte_offset, bytes(self.raw[:RAW_LIMIT]))


class _Feed:
    """Titles and sequences of the entries of a stream.

    Lines are read in blocks, so that one endless line costs no more than many short ones. `entries` holds
    the places of the entries begun; `orphan` is text before the first header; `broken` is the reason why
    the stream ended early.
    """

    def __init__(self, stream: BinaryIO, byte_offset: int, line: int, spool: Path | None) -> None:
        self.lines, self.spool = LongLines(stream, byte_offset, line), spool
        self.entries: deque[_Entry] = deque()
        self.orphan: _Entry | None = None

    @property
    def broken(self) -> str | None:
        return self.lines.broken

    def __iter__(self) -> Iterator[tuple[str, SpooledSequence]]:
        """Title and bases of each entry, white space removed from the bases."""
        current: _Entry | None = None
        header, bases = bytearray(), SpooledSequence(self.spool)
        in_header = False
        for part, begins in self.lines:
            if begins and not self.lines.byte_offset:
                part = part.removeprefix(BOM)  # noqa: PLW2901
            if begins and part.startswith(b">"):
                if current is not None:
                    yield title_of(header), bases
                current = _Entry(self.lines.line, self.lines.byte_offset, bytearray())
                self.entries.append(current)
                header, bases, in_header = bytearray(part), SpooledSequence(self.spool), True
            elif in_header and not begins:
                header += part
            elif current is not None:
                in_header = False
                bases.add(part.translate(None, _WHITE))
            elif part.strip() and (not begins or not part.startswith((b";", b"#"))) and self.orphan is None:
                self.orphan = _Entry(self.lines.line, self.lines.byte_offset, bytearray(part))
                continue
            entry = current or self.orphan
            if entry is not None and len(entry.raw) < RAW_LIMIT:
                entry.raw += part
        if current is not None:
            yield title_of(header), bases


def title_of(header: bytearray) -> str:
    """Text of a header without its mark; bytes that are not UTF-8 as lone surrogates."""
    return header[1:].decode("utf-8", "surrogateescape").rstrip()


def read_fasta(
    stream: BinaryIO,
    source: str,
    options: Options,
    *,
    byte_offset: int = 0,
    line: int = 1,
    seen: set[str] | None = None,
) -> Iterator[Contig | Quarantined]:
    """Read FASTA entries; see `data.formats.readers.ContigReader`. Contigs come without features."""
    seen = set() if seen is None else seen
    feed = _Feed(stream, byte_offset, line, options.spool)
    for title, bases in feed:
        if feed.orphan is not None:
            yield _no_header(source, feed.orphan)
            feed.orphan = None
        entry = feed.entries.popleft()
        if feed.broken is not None and not feed.entries:
            yield _truncated(source, entry, feed.broken)
            return
        name = title.split(maxsplit=1)[0] if title.strip() and not title[0].isspace() else ""
        record: Contig | Quarantined
        try:
            check_entry(title, name, bases, seen)
        except BadRecord as error:
            record = entry.place(source).refuse(error)
        else:
            circular = _CIRCULAR.search(title) is not None
            record = Contig(name, bases.text(), None, source, entry.byte_offset, entry.line, circular)
        seen.add(name)
        yield record
    if feed.orphan is not None:
        yield _no_header(source, feed.orphan)
    elif feed.broken is not None:
        yield _truncated(source, _Entry(feed.lines.line, feed.lines.byte_offset, bytearray()), feed.broken)


def wrong_letter(bases: bytes | SpooledSequence) -> str | None:
    """The first character that is not IUPAC DNA or RNA, with its position from 0; None if all are."""
    first, count = None, 0
    for at in range(0, len(bases), _BLOCK):
        part = bases[at : at + _BLOCK]
        others = part.translate(None, IUPAC)
        if others and first is None:
            first = f"{others[:1].decode('latin-1')!r} at base {at + part.find(others[:1])}"
        count += len(others)
    return None if first is None else f"{first}, and {count - 1} more"


def check_entry(title: str, name: str, bases: SpooledSequence, seen: set[str], mark: str = ">") -> None:
    """Check that an entry can be used; `mark` begins its header.

    Raises:
        BadRecord: it cannot.
    """
    if not name:
        raise BadRecord(
            "no-id", f"expected an id right after {mark}. Got none", f"Give the entry an id: {mark}NAME."
        )
    if any("\udc80" <= c <= "\udcff" for c in title):
        raise BadRecord("invalid-utf8", "expected a header in UTF-8", "Save the file as UTF-8.")
    if not bases:
        detail = f"expected bases below {mark}{name}. Got none"
        raise BadRecord("empty-record", detail, "Add the sequence, or take the entry out.")
    letter = wrong_letter(bases)
    if letter is not None:
        detail = f"expected the IUPAC letters of DNA in {mark}{name}. Got {letter}"
        todo = "Give DNA rather than protein; write N for unknown bases, and nothing for gaps."
        raise BadRecord("not-dna", detail, todo)
    if name in seen:
        detail = f"expected each id once. Got {mark}{name} again"
        raise BadRecord("duplicate-id", detail, "Rename one of the entries.")


def _no_header(source: str, entry: _Entry) -> Quarantined:
    detail = f"expected a header line >NAME first. Got {bytes(entry.raw[:40])!r}"
    return entry.place(source).quarantine("no-header", detail, "Put a line >NAME above the sequence.")


def _truncated(source: str, entry: _Entry, reason: str) -> Quarantined:
    detail = f"expected the file to go on. Got {reason}"
    todo = "Fetch the file again; the entry at its end is not whole."
    return entry.place(source).quarantine("truncated", detail, todo)


def _matches(head: Head) -> bool:
    lines = head.lines
    if head.first.startswith(">"):
        return head.name.endswith(ENDINGS) or all(map(_SEQUENCE.fullmatch, lines[1:2]))
    return head.name.endswith(ENDINGS) or bool(_BASES.fullmatch("".join(lines)))


def _unfit(head: Head) -> str | None:
    if head.name.endswith(PROTEIN_ENDINGS):
        return f"proteins, as {head.name[-4:]} says; give the DNA they were translated from"
    lines = [line for line in head.lines if not line.startswith(">")]
    letters = "".join(lines).upper() if head.first.startswith(">") else ""
    some = sum(map(letters.count, _AMINO_ACIDS))
    if some > _MOST_AMINO_ACIDS * len(letters):
        return "proteins, as the letters of its sequences say; give the DNA they were translated from"
    return None


register(
    SequenceFormat(
        name="fasta",
        rank=40,
        matches=_matches,
        unfit=_unfit,
        read=read_fasta,
        entries=_ENTRIES,
        title="FASTA",
        record="an entry",
        notes="alone, or with GFF3 of the same file stem or contig names; `circular=true` or "
        "`topology=circular` in a header names a circle",
        hint="FASTA",
        reasons={
            "no-header": "text before the first header",
            "no-id": "an entry without an id",
            "duplicate-id": "an entry with the id of an earlier one",
            "empty-record": "an entry without a sequence",
            "not-dna": "a sequence with characters that are not IUPAC DNA or RNA",
            "invalid-utf8": "bytes that are not UTF-8",
            "truncated": "the file breaks off or is damaged there",
        },
    )
)
