"""GenBank entries as a stream; Biopython parses each entry on its own, so that a bad one costs only itself.

Sequences are read here: Biopython would hold them several times, and make them upper case. An entry is
quarantined if it does not parse, has no sequence, no closing `//`, or the id of an earlier entry; so is a
single feature whose location cannot be read or lies outside its entry, while the entry is used.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from elman.data.formats.common.lines import lone_returns
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Place, Quarantined
from elman.data.formats.common.slices import EntryPattern
from elman.data.formats.common.streams import BOM, BROKEN
from elman.data.formats.dna.fasta import wrong_letter
from elman.data.formats.dna.feature_lines import in_columns, with_marked_locations
from elman.data.formats.registry import Head, SequenceFormat, register
from elman.data.genome.annotation_rules import CDS, labels_for
from elman.data.genome.contigs import RAW_LIMIT, Contig, Feature, unreadable
from elman.data.genome.spooled_sequence import SpooledSequence

_WHITE = b" \t\r\n\v\f"
_BLOCK = 1 << 18
_ENTRIES = EntryPattern(
    re.compile(rb"\n(?://[ \t\r]*|(?i:version)[ \t]+([^\s]+)[^\n]*)(?=\n)"), False, re.compile(rb"\n")
)
_LOCUS = re.compile(r"(?i:locus)\s+\S+\s+\d+\s+(bp|aa)\b")
_PROTEIN = re.compile(rb"^LOCUS\s[^\r\n]*\d\s+aa\b", re.IGNORECASE | re.MULTILINE)
_FIRST = 4096  # bytes in which the first line of an entry is looked for
_PREAMBLE = 20  # lines that may stand before the first entry, as in GenBank's *.seq files
_ORIGIN_WRAPPED = (
    "Attempting to fix"  # of Biopython for START..END over the origin of a circle, which it reads
)
_NO_LOCATION = "setting feature location to None."  # how its complaint about a location ends
_TERMS = {"cds": CDS, "Cds": CDS}  # other spellings of types
_TOO_SHORT = "line too short to contain a feature"


@dataclass(frozen=True)
class FlatFile:
    """Differences between flat files of entries: GenBank and EMBL.

    parser: name of the format for Biopython; title: for messages; reason: code of an entry that cannot be
    parsed; sequence: the line before the bases; numbers: of bases, in a line of them; id_of: id of
    an entry by its first line, None for the parser's; heading: line above those of features, without which
    the parser would find none; prefix: how lines of features begin.
    """

    parser: str
    title: str
    reason: str
    sequence: re.Pattern[bytes]
    numbers: re.Pattern[bytes]
    id_of: Callable[[bytes], str] | None = None
    heading: str | None = None
    prefix: str = ""

    @property
    def reasons(self) -> dict[str, str]:
        """Reasons of quarantine and their meaning."""
        return {
            "invalid-utf8": "bytes that are not UTF-8",
            self.reason: "an entry that cannot be parsed",
            "empty-record": "an entry without a sequence",
            "not-dna": "a sequence with characters that are not IUPAC DNA or RNA",
            "duplicate-id": "an entry with the id of an earlier one",
            "bad-location": "a feature whose location cannot be read",
            "outside-contig": "a feature that lies outside its contig",
            "truncated": "the file breaks off or is damaged there",
        }

    def read(
        self,
        stream: BinaryIO,
        source: str,
        options: Options,
        *,
        byte_offset: int = 0,
        line: int = 1,
        seen: set[str] | None = None,
    ) -> Iterator[Contig | Quarantined]:
        """Read entries; see `data.formats.readers.ContigReader`.

        Yields:
            contigs with features, named by accession and version, and what is quarantined.
        """
        entries = _entries_of(self, stream, line, byte_offset, options.spool)
        return _read_entries(self, entries, source, options, set() if seen is None else seen)


_ENTRY_USED = "Correct the location; the entry itself is used."


def _read_entries(
    flat: FlatFile, entries: Iterator["_Entry"], source: str, options: Options, seen: set[str]
) -> Iterator[Contig | Quarantined]:
    """Contigs of the entries of a flat file, and what is quarantined."""
    for entry in entries:
        place = entry.place(source)
        if entry.broken is not None:
            detail = f"expected // at the end of the entry. Got {entry.broken}"
            yield place.quarantine("truncated", detail, "Fetch the file again.")
            continue
        if _PROTEIN.search(entry.raw[:_FIRST]):
            detail = f"expected an entry of DNA. Got one of amino acids (aa): {entry.first_line()!r}"
            yield place.quarantine("not-dna", detail, "Give the DNA entry rather than the protein one.")
            continue
        if not entry.bases:
            todo = "Download the entry with its sequence (format `gbwithparts`)."
            yield place.quarantine("empty-record", "expected a sequence in the entry. Got none", todo)
            continue
        try:
            text = _separate_length(entry.head().decode("utf-8"), len(entry.bases))
            head = _with_heading(flat, in_columns(text, flat.prefix))
            record, complaints = _parse(flat, head)
        except UnicodeDecodeError as error:
            detail = f"expected UTF-8. Got byte {error.object[error.start]:#04x}"
            yield place.quarantine("invalid-utf8", detail, "Save the file as UTF-8.")
            continue
        except Exception as error:  # Biopython raises many kinds on malformed entries
            detail = _detail_of(flat, entry, error)
            yield place.quarantine(flat.reason, detail, "Correct the entry, or export it again.")
            continue
        if flat.id_of is not None:
            record.id = flat.id_of(re.split(rb"[\r\n]", entry.raw, maxsplit=1)[0])
        again = record.id in seen
        seen.add(record.id)
        letter = wrong_letter(entry.bases)
        if letter is not None:
            detail = f"expected the IUPAC letters of DNA in {record.id}. Got {letter}"
            yield place.quarantine("not-dna", detail, "Give the DNA entry rather than the protein one.")
        elif again:
            detail = f"expected each id once. Got {record.id} again"
            yield place.quarantine("duplicate-id", detail, "Rename one of the entries.")
        else:
            yield from _contig(record, complaints, entry, place, options)


def _contig(
    record: Any, complaints: list[str], entry: "_Entry", place: Place, options: Options
) -> Iterator[Contig | Quarantined]:
    """The contig of an entry, after its features that cannot be used."""
    for complaint in complaints:
        yield place.quarantine("bad-location", complaint, _ENTRY_USED)
    length, features = len(entry.bases), list[Feature]()
    unread = (complaint for complaint in complaints if complaint.endswith(_NO_LOCATION))
    for number, feature in enumerate(record.features):
        id_ = f"{feature.type}{number}"
        complaint = "" if feature.location is not None else next(unread, "")
        labels = labels_for(options.labels, _TERMS.get(feature.type, feature.type), feature.qualifiers)
        if not labels:
            continue
        if feature.location is None:  # among the complaints
            places = [int(digits) for digits in re.findall(r"\d{1,18}", complaint)]
            features += unreadable(min(places, default=0) - 1, max(places, default=0), length, id_)
            continue
        outside = _outside(feature, length)
        codon_start = feature.qualifiers.get("codon_start", ["1"])[0]
        if codon_start not in ("1", "2", "3"):
            detail = f"expected codon_start 1, 2 or 3 of {feature.type}. Got {codon_start[:20]!r}"
            yield place.quarantine("bad-location", detail, "Correct it; the entry itself is used.")
            features += _unreadable(feature, length, id_)
        elif outside is not None:
            yield place.quarantine("outside-contig", outside, _ENTRY_USED)
            features += _unreadable(feature, length, id_)
        else:
            for label in labels:
                features += _parts(feature, label, id_)
    ordered = tuple(sorted(features, key=lambda f: (f.start, f.end)))
    circular = record.annotations.get("topology") == "circular"
    yield Contig(
        record.id, entry.bases.text(), ordered, place.source, place.byte_offset, entry.line, circular
    )


@dataclass
class _Entry:
    """An entry: its place, its bytes without most of its sequence, and the reason why it breaks off.

    origin: bytes before the sequence; None where there is none.
    """

    flat: FlatFile
    line: int
    byte_offset: int
    bases: SpooledSequence
    raw: bytearray = field(default_factory=bytearray)
    origin: int | None = None
    broken: str | None = None

    def place(self, source: str) -> Place:
        return Place(source, self.line, self.byte_offset, bytes(self.raw[:RAW_LIMIT]))

    def add(self, raw: bytes) -> None:
        """Append a line."""
        if self.origin is not None and raw.rstrip() != b"//":
            self.bases.add(self.flat.numbers.sub(b"", raw).translate(None, _WHITE))
        elif self.flat.sequence.match(raw):
            self.origin = len(self.raw) + len(raw)
        if self.origin is None or len(self.raw) < max(RAW_LIMIT, self.origin):
            self.raw += raw

    def first_line(self) -> str:
        """The line that begins the entry, up to 100 characters."""
        return re.split(rb"[\r\n]", self.raw[:100])[0].decode("utf-8", "replace").rstrip()

    def head(self) -> bytes:
        """The entry without its sequence, its lines ended with `\\n`."""
        raw = bytes(self.raw) if self.origin is None else bytes(self.raw[: self.origin]) + b"//\n"
        return raw.replace(b"\r", b"\n") if lone_returns(raw) else raw.replace(b"\r\n", b"\n")


def _entries_of(
    flat: FlatFile, stream: BinaryIO, line: int, byte_offset: int, spool: Path | None
) -> Iterator[_Entry]:
    """Entries of a stream, the last one with the reason why it breaks off if it does."""
    entry, broken = _Entry(flat, line, byte_offset, SpooledSequence(spool)), None
    lines = _lines(stream)
    while True:
        try:
            raw = next(lines, b"")
        except BROKEN as error:
            raw, broken = b"", str(error)
        if not raw:
            break
        if entry.raw or raw.strip():  # no blank line between entries
            if not entry.raw:
                entry.line, entry.byte_offset = line, byte_offset
            entry.add(raw if byte_offset else raw.removeprefix(BOM))
        line += 1
        byte_offset += len(raw)
        if raw.rstrip() == b"//":
            yield entry
            entry = _Entry(flat, line, byte_offset, SpooledSequence(spool))
    if entry.raw or broken is not None:
        if not entry.raw:
            entry.line, entry.byte_offset = line, byte_offset
        entry.broken = broken or "the end of the file"
        yield entry


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends; those are lone `\\r` where the first line ends so."""
    line = stream.readline(_BLOCK)
    if not lone_returns(line):
        while line:
            yield line if line.endswith(b"\n") else line + stream.readline()
            line = stream.readline()
    held = b""
    while line:
        *whole, held = (held + line).splitlines(keepends=True)
        yield from whole
        line = stream.readline(_BLOCK)
    if held:
        yield held


def _parse(flat: FlatFile, text: str) -> tuple[Any, list[str]]:
    """Biopython's record of an entry, and its warnings about locations; some it fails on are marked."""
    try:
        return _parsed(flat, text)
    except Exception:  # Biopython raises many kinds on malformed entries
        marked = with_marked_locations(text, flat.prefix, _is_location)
        if marked == text:
            raise
        return _parsed(flat, marked)


def _is_location(text: str) -> bool:
    """Return True for a location that Biopython reads, or refuses without failing."""
    from Bio.SeqFeature import Location, LocationParserError

    if text.count("(") != text.count(")") or text.endswith(","):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            Location.fromstring(text)  # type: ignore[no-untyped-call]
        except LocationParserError:
            return True
        except Exception:  # assertions, above all
            return False
    return True


def _parsed(flat: FlatFile, text: str) -> tuple[Any, list[str]]:
    from Bio import BiopythonParserWarning, SeqIO

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BiopythonParserWarning)
        record = SeqIO.read(io.StringIO(text), flat.parser)  # type: ignore[no-untyped-call]
    messages = [str(w.message) for w in caught if issubclass(w.category, BiopythonParserWarning)]
    lost = [m for m in messages if "location" in m or m.startswith(_TOO_SHORT)]
    return record, [m for m in lost if not m.startswith(_ORIGIN_WRAPPED)]


def _detail_of(flat: FlatFile, entry: "_Entry", error: Exception) -> str:
    """Detail of an entry that Biopython cannot parse."""
    if "LOCUS" in str(error):
        line = "LOCUS name 1200 bp DNA linear BCT 01-JAN-2020"
        return f"expected a line as `{line}` with the length of the sequence. Got {entry.first_line()!r}"
    return f"expected a {flat.title} entry. Got one that cannot be parsed: {str(error)[:200]}"


def _separate_length(head: str, length: int) -> str:
    """The entry with a space between name and length in its LOCUS line, where they run together (Prokka)."""
    line, end, rest = head.partition("\n")
    match = re.fullmatch(rf"(LOCUS\s+\S+?)({length})( bp\b.*)", line)
    return "{} {}{}".format(*match.groups()) + end + rest if match else head


def _with_heading(flat: FlatFile, head: str) -> str:
    """The entry with the heading of its features, where it has features without one."""
    if flat.heading is None or "\n" + flat.heading[:2] in head:
        return head
    before, found, after = head.partition(f"\n{flat.prefix} ")
    return before + "\n" + flat.heading + found + after if found else head


def _outside(feature: Any, length: int) -> str | None:
    """Detail of a part that lies outside its entry; None if all lie within."""
    for part in feature.location.parts:
        if part.ref is None and not 0 <= int(part.start) < int(part.end) <= length:
            return (
                f"expected {feature.type} within 1 to {length}. Got {int(part.start) + 1} to {int(part.end)}"
            )
    return None


def _unreadable(feature: Any, length: int, id_: str) -> list[Feature]:
    """The stretches of a feature that is quarantined."""
    parts = [part for part in feature.location.parts if part.ref is None]
    return [some for part in parts for some in unreadable(int(part.start), int(part.end), length, id_)]


def _parts(feature: Any, label: str, id_: str) -> Iterator[Feature]:
    """The parts of a location in the order of transcription, each with its own phase."""
    skip = (int(feature.qualifiers.get("codon_start", ["1"])[0]) - 1) % 3
    done = 0
    for part in feature.location.parts:
        if part.ref is not None:  # lies on another entry
            continue
        start, end = int(part.start), int(part.end)
        yield Feature(start, end, "-" if part.strand == -1 else "+", label, (skip - done) % 3, id_)
        done += end - start


def _matches(head: Head) -> bool:
    return re.match(r"LOCUS\s", head.first) is not None or any(map(_LOCUS.match, head.lines[:_PREAMBLE]))


GENBANK = FlatFile(
    parser="genbank",
    title="GenBank",
    reason="bad-genbank",
    sequence=re.compile(rb"origin\b", re.IGNORECASE),
    numbers=re.compile(rb"^[ \t]*[0-9]+"),
)

register(
    SequenceFormat(
        name="genbank",
        rank=20,
        matches=_matches,
        read=GENBANK.read,
        entries=_ENTRIES,
        has_features=True,
        title="GenBank",
        record="an entry",
        notes="sequence, features and topology",
        hint="GenBank",
        reasons=GENBANK.reasons,
    )
)
