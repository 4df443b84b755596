"""GenBank entries as a stream, each parsed by Biopython alone, so that a bad one costs only itself.

Its sequence is read here: Biopython would hold it several times, and make it upper case.

An entry that does not parse, has no sequence, no closing `//`, or the id of an earlier one is refused; so is
a single feature with a place that cannot be read or lies outside its entry, while its entry goes on.
"""

import io
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from elman.data.formats.fasta import wrong_letter
from elman.data.formats.records import Quarantined
from elman.data.genome.annotation_rules import CODING, AnnotationRule, labels_for
from elman.data.genome.contigs import RAW_LIMIT, Contig, Feature
from elman.data.genome.spooled_sequence import SpooledSequence

_NUMBER = re.compile(rb"^[ \t]*[0-9]+")  # of the first base in a line
_WHITE = b" \t\r\n\v\f"
_ENTRY_USED = "Correct the location; the entry itself is used."


def read_genbank(
    stream: BinaryIO,
    source: str,
    rules: Sequence[AnnotationRule] = CODING,
    *,
    byte_offset: int = 0,
    line: int = 1,
    seen: set[str] | None = None,
    spool: Path | None = None,
) -> Iterator[Contig | Quarantined]:
    """Read GenBank entries, one in memory at a time.

    Args:
        stream: decompressed bytes.
        source: name that goes with every record.
        rules: which features become labels.
        byte_offset: where the stream stands in its source.
        line: number of its first line.
        seen: ids met before, those of refused entries too, to which ids are added; one that is in it is
            refused.
        spool: of `data.formats.fasta.read_fasta`.

    Yields:
        contigs with features, named by accession and version, and what was refused.
    """
    seen = set() if seen is None else seen
    for place in _entries(stream, source, line, byte_offset, spool):
        if place.broken is not None:
            detail = f"expected // at the end of the entry. Got {place.broken}"
            yield place.refuse("truncated", detail, "Fetch the file again.")
            continue
        try:
            record, complaints = _parse(place.head())
        except Exception as error:  # Biopython raises many kinds on malformed entries
            detail = f"expected a GenBank entry. Got {type(error).__name__}: {str(error)[:200]}"
            yield place.refuse("bad-genbank", detail, "Correct the entry, or export it again.")
            continue
        bases = place.bases
        letter = wrong_letter(bases)
        again = record.id in seen
        seen.add(record.id)
        if not bases:
            todo = "Download the entry with its sequence (format `gbwithparts`)."
            yield place.refuse("empty-record", f"expected a sequence in {record.id}. Got none", todo)
        elif letter is not None:
            detail = f"expected the IUPAC letters of DNA in {record.id}. Got {letter}"
            yield place.refuse("not-dna", detail, "Give the DNA entry rather than the protein one.")
        elif again:
            detail = f"expected each id once. Got {record.id} again"
            yield place.refuse("duplicate-id", detail, "Rename one of the entries.")
        else:
            for complaint in complaints:
                yield place.refuse("bad-location", complaint, _ENTRY_USED)
            features: list[Feature] = []
            length = len(bases)
            for number, feature in enumerate(record.features):
                labels = labels_for(rules, feature.type, feature.qualifiers)
                if not labels or feature.location is None:  # a place that cannot be read is refused above
                    continue
                wrong = _outside(feature, length)
                if wrong is not None:
                    yield place.refuse("outside-contig", wrong, _ENTRY_USED)
                else:
                    for label in labels:
                        features += _parts(feature, label, f"{feature.type}{number}")
            ordered = tuple(sorted(features, key=lambda f: (f.start, f.end)))
            circular = record.annotations.get("topology") == "circular"
            yield Contig(record.id, bases.text(), ordered, source, place.byte_offset, place.line, circular)


@dataclass
class _Place:
    """An entry: where it begins, its bytes without most of its sequence, and why it breaks off.

    origin: bytes before the sequence; None where there is none.
    """

    source: str
    line: int
    byte_offset: int
    bases: SpooledSequence
    raw: bytearray = field(default_factory=bytearray)
    origin: int | None = None
    broken: str | None = None

    def add(self, raw: bytes) -> None:
        """Take in a line."""
        if self.origin is not None and raw.rstrip() != b"//":
            self.bases.add(_NUMBER.sub(b"", raw).translate(None, _WHITE))
        elif raw.startswith(b"ORIGIN"):
            self.origin = len(self.raw) + len(raw)
        if self.origin is None or len(self.raw) < max(RAW_LIMIT, self.origin):
            self.raw += raw

    def head(self) -> bytes:
        """The entry without its sequence."""
        return bytes(self.raw) if self.origin is None else bytes(self.raw[: self.origin]) + b"//\n"

    def refuse(self, reason: str, detail: str, todo: str) -> Quarantined:
        return Quarantined(
            source=self.source,
            line=self.line,
            byte_offset=self.byte_offset,
            reason=reason,
            detail=detail,
            todo=todo,
            raw=bytes(self.raw[:RAW_LIMIT]),
        )


def _entries(
    stream: BinaryIO, source: str, line: int, byte_offset: int, spool: Path | None
) -> Iterator[_Place]:
    entry, broken = _Place(source, line, byte_offset, SpooledSequence(spool)), None
    while True:
        try:
            raw = stream.readline()
        except (EOFError, OSError, zlib.error) as error:
            raw, broken = b"", str(error)
        if not raw:
            break
        if entry.raw or raw.strip():  # no blank line between entries
            if not entry.raw:
                entry.line, entry.byte_offset = line, byte_offset
            entry.add(raw)
        line += 1
        byte_offset += len(raw)
        if raw.rstrip() == b"//":
            yield entry
            entry = _Place(source, line, byte_offset, SpooledSequence(spool))
    if entry.raw or broken is not None:
        if not entry.raw:
            entry.line, entry.byte_offset = line, byte_offset
        entry.broken = broken or "the end of the file"
        yield entry


def _parse(raw: bytes) -> tuple[Any, list[str]]:
    from Bio import BiopythonParserWarning, SeqIO

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BiopythonParserWarning)
        text = io.StringIO(raw.decode("utf-8").replace("\r\n", "\n"))
        record = SeqIO.read(text, "genbank")  # type: ignore[no-untyped-call]
    said = [str(w.message) for w in caught if issubclass(w.category, BiopythonParserWarning)]
    return record, [message for message in said if "location" in message]


def _outside(feature: Any, length: int) -> str | None:
    for part in feature.location.parts:
        if part.ref is None and not 0 <= int(part.start) < int(part.end) <= length:
            return (
                f"expected {feature.type} within 1 to {length}. Got {int(part.start) + 1} to {int(part.end)}"
            )
    return None


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
