"""GFF3 annotation of contigs, read line by line, so that a bad line costs only itself and its place is known.

Only labelled features are stored. Contig names and attribute values are percent-decoded. Attributes in the
form of GFF2 are quarantined; a `##FASTA` section ends the annotation and is left in the stream. A line
without tabs has its columns between white space; strands may be written 1 and -1. GTF is refused.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO
from urllib.parse import unquote

from elman.data.formats.common.annotations import REASONS, Annotation, Row
from elman.data.formats.common.records import BadRecord, Place
from elman.data.formats.common.streams import BOM, BROKEN
from elman.data.formats.registry import AnnotationFormat, Head, register
from elman.data.genome.annotation_rules import CDS, CODING, AnnotationRule, labels_for
from elman.data.genome.contigs import PSEUDOGENE, RAW_LIMIT, Feature, is_pseudo

_BLOCK = 1 << 18
_KEY = re.compile(r"\w+=")
_GTF = re.compile(r'\w+ +("[^"]*"|[^\s;="]+) *(;|$)')
_CONVERT = "Convert it to GFF3, with `gffread -E FILE -o FILE.gff3` say."
_MOST_DIGITS = 19  # of a place, which fits into 64 bits then
_UNKNOWN_PHASE = -1  # until `_count_phases`


def read_gff3(stream: BinaryIO, source: str, rules: Sequence[AnnotationRule] = CODING) -> Annotation:
    """Read an annotation to its end or its `##FASTA` line; the stream then stands at or after that line.

    A feature marked as a pseudogene, itself or by its parent, is labelled "pseudogene" instead.
    """
    out = Annotation()
    family = _Family()
    for place in _lines(stream, source, out):
        assert place.line is not None
        raw = place.raw if place.byte_offset else place.raw.removeprefix(BOM)
        if raw.startswith(b"##FASTA"):
            out.fasta = (place.byte_offset + len(place.raw), place.line + 1)
            break
        if raw.startswith(b">"):
            out.fasta = (place.byte_offset, place.line)
            break
        if raw.startswith(b"##sequence-region"):
            words = raw.decode("utf-8", "replace").split()
            out.contigs.update(dict.fromkeys(map(unquote, words[1:2])))
        if raw.startswith(b"#") or not raw.strip():
            continue
        try:
            _add(_parse(raw), place, out, rules, family)
        except BadRecord as error:
            out.quarantined.append(place.refuse(error))
            _add_unreadable(raw, out, rules)
    _count_phases(out, family)
    if family.genes and not any(out.rows.values()) and CDS in {rule.label for rule in rules}:
        out.genes_without_cds = True
    for (contig, number), parent in family.parents.items():
        if parent in family.pseudogenes:
            row = out.rows[contig][number]
            out.rows[contig][number] = replace(row, feature=replace(row.feature, label=PSEUDOGENE))
    return out


@dataclass
class _Family:
    """Relations of features.

    parents: by contig and number of the row; pseudogenes: ids; no_id: rows without an ID of their own; genes:
    features of type gene.
    """

    parents: dict[tuple[str, int], str] = field(default_factory=dict)
    pseudogenes: set[str] = field(default_factory=set)
    no_id: set[tuple[str, int]] = field(default_factory=set)
    genes: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """Columns of one line; start 0-based, end exclusive."""

    contig: str
    type: str
    start: int
    end: int
    strand: str
    phase: str
    attributes: dict[str, list[str]]


def _lines(stream: BinaryIO, source: str, out: Annotation) -> Iterator[Place]:
    """Lines with their places; a damaged or over-long one is quarantined.

    Lines end as in FASTA, and are read in blocks likewise.
    """
    line, byte_offset = 1, 0
    held, size = bytearray(), 0
    ended = False
    while not ended:
        try:
            block = stream.readline(_BLOCK)
            if block.endswith(b"\r"):
                block += stream.readline(1)
        except BROKEN as error:
            todo = "Fetch the file again; what it held after this place is missing."
            detail = f"expected the file to go on. Got {error}"
            place = Place(source, line, byte_offset, b"")
            out.quarantined.append(place.quarantine("truncated", detail, todo))
            return
        ended = not block
        for part in block.splitlines(keepends=True) if b"\r" in block else [block]:
            size += len(part)
            if len(held) < RAW_LIMIT:
                held += part
            if not size or not (ended or part.endswith((b"\n", b"\r"))):
                continue
            place = Place(source, line, byte_offset, bytes(held[:RAW_LIMIT]))
            if size > RAW_LIMIT:
                todo = "Give one feature a line, each line ended."
                detail = f"expected lines of at most {RAW_LIMIT} bytes. Got {size}"
                out.quarantined.append(place.quarantine("line-too-long", detail, todo))
            else:
                yield place
            line, byte_offset = line + 1, byte_offset + size
            held, size = bytearray(), 0


_TERMS = {  # accessions and other spellings of terms of the Sequence Ontology, http://www.sequenceontology.org
    "cds": CDS,
    "so:0000316": CDS,
    "so:0000704": "gene",
    "so:0000336": PSEUDOGENE,
}


def _parse(raw: bytes) -> _Line:
    """Parse one line.

    Raises:
        BadRecord: it has not nine columns, no whole numbers as start and end, or attributes of another form.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"expected UTF-8. Got {error.reason}"
        raise BadRecord("invalid-utf8", detail, "Save the file as UTF-8.") from None
    columns = _columns(text.rstrip("\r\n"))
    while len(columns) > 9 and not columns[-1].strip():
        columns.pop()
    if len(columns) != 9:
        raise BadRecord(
            "wrong-columns",
            f"expected 9 columns, tab between. Got {len(columns)}",
            "Write the nine columns of GFF3 with tabs between, and . where a value is absent.",
        )
    contig, origin, type_, start, end, score, strand, phase, ninth = columns
    if not all(number.isdecimal() and len(number) < _MOST_DIGITS for number in (start, end)):
        raise BadRecord(
            "bad-location",
            f"expected whole numbers as start and end. Got {start!r} and {end!r}",
            "Write start and end as numbers from 1, both included.",
        )
    attributes = _attributes(ninth.strip())
    for key, value in (("source", origin), ("score", score), ("phase", phase)):
        if value not in ("", "."):
            attributes.setdefault(key, []).append(value)
    if set(attributes.get("ID", ())[:1]) & set(attributes.get("Parent", ())):  # its own parent
        del attributes["ID"]
    name = "" if contig.strip() == "." else unquote(contig.lstrip())  # `%2E` is a contig called `.`
    type_ = _TERMS.get(type_.lower(), type_)
    return _Line(name, type_, int(start) - 1, int(end), _strand(strand), phase.strip(), attributes)


def _columns(line: str) -> list[str]:
    """Columns of a line: between tabs or, of a line without any whose places show it, between white space."""
    spaced = line.split(maxsplit=8) if "\t" not in line else []
    return (
        spaced if len(spaced) == 9 and spaced[3].isdecimal() and spaced[4].isdecimal() else line.split("\t")
    )


def _strand(written: str) -> str:
    """The strand, written + and - or 1 and -1."""
    written = written.strip()
    return {"1": "+", "+1": "+", "-1": "-"}.get(written, written)


def _add_unreadable(raw: bytes, out: Annotation, rules: Sequence[AnnotationRule]) -> None:
    """Note the stretch of a quarantined line that would be labelled: it does not count as non-coding."""
    columns = _columns(raw.decode("utf-8", "replace"))
    if len(columns) < 5 or _TERMS.get(columns[2].lower(), columns[2]) not in {
        t for r in rules for t in r.types
    }:
        return
    places = [int(number) for number in columns[3:5] if number.isdecimal() and len(number) < _MOST_DIGITS]
    if places:
        contig = unquote(columns[0].lstrip())
        out.unreadable.setdefault(contig, []).append((min(places) - 1, max(places)))


def _attributes(column: str) -> dict[str, list[str]]:
    """Values of each attribute of column 9; ["true"] for a key without a value.

    Raises:
        BadRecord: the column does not begin with KEY=.
    """
    if column in ("", "."):
        return {}
    if not _KEY.match(column):
        if _GTF.match(column):
            detail = f"expected KEY=VALUE pairs with ; between. Got those of GTF or GFF2: {column[:80]!r}"
            raise BadRecord("bad-attributes", detail, _CONVERT)
        raise BadRecord(
            "bad-attributes",
            f"expected KEY=VALUE pairs with ; between. Got {column[:80]!r}",
            "Write column 9 as GFF3 does; inside a value ; = & , are %3B %3D %26 %2C.",
        )
    pairs: list[list[str]] = []
    for part in map(str.strip, column.split(";")):
        key, equals, value = part.partition("=")
        if not equals and part.endswith('"') and pairs and pairs[-1][1].startswith('"'):
            pairs[-1][1] += f"; {part}"  # a ; inside a quoted value
        elif part:
            pairs.append([key, value])
    attributes: dict[str, list[str]] = {}
    for key, value in pairs:
        quoted = len(value) > 1 and value[0] == value[-1] == '"'
        content = value[1:-1] if quoted else value
        values = [content or "true"] if quoted or not value else [some for some in value.split(",") if some]
        attributes.setdefault(key, []).extend(map(unquote, values))
    return attributes


def _add(
    line: _Line, place: Place, out: Annotation, rules: Sequence[AnnotationRule], family: _Family
) -> None:
    """Add a line's feature if it has a label, and record what it says of its children.

    Raises:
        BadRecord: a labelled feature that cannot be placed.
    """
    if not line.contig:
        raise BadRecord("no-contig", "expected a contig in column 1. Got .", "Name the contig.")
    out.contigs[line.contig] = None
    if "true" in line.attributes.get("Is_circular", ()):
        out.circular.add(line.contig)
    if line.type == PSEUDOGENE or (line.type == "gene" and is_pseudo(line.attributes)):
        family.pseudogenes.update(line.attributes.get("ID", ()))
    family.genes += line.type == "gene"
    labels = labels_for(rules, line.type, line.attributes)
    if not labels:
        return
    if not 0 <= line.start < line.end:
        raise BadRecord(
            "bad-location",
            f"expected 1 <= start <= end. Got {line.start + 1} to {line.end}",
            "GFF3 counts from 1, both ends included, and start is the smaller on either strand.",
        )
    if line.strand not in ("+", "-"):
        detail = f"expected + or - for a {line.type}. Got {line.strand!r}"
        raise BadRecord("no-strand", detail, "Say which strand it lies on.")
    if line.phase not in (".", "0", "1", "2"):
        detail = f"expected phase 0, 1, 2 or . Got {line.phase!r}"
        raise BadRecord("bad-phase", detail, "Correct column 8.")
    rows = out.rows.setdefault(line.contig, [])
    id_ = next(iter(line.attributes.get("ID", ())), f"line{place.line}")
    phase = _UNKNOWN_PHASE if line.phase == "." else int(line.phase)
    for label in labels:
        if "ID" not in line.attributes:
            family.no_id.add((line.contig, len(rows)))
        for parent in line.attributes.get("Parent", ())[:1]:
            family.parents[line.contig, len(rows)] = parent
        rows.append(Row(Feature(line.start, line.end, line.strand, label, phase, id_), place))


def _count_phases(out: Annotation, family: _Family) -> None:
    """Give parts without a phase the one that follows from the parts before them in transcription order.

    Parts share their ID, or their parent where they have none (Sequence Ontology, GFF3 1.26, column 8).
    """
    for contig, rows in out.rows.items():
        parts: dict[tuple[str, str], list[int]] = {}
        for number, row in enumerate(rows):
            place = contig, number
            own = family.parents.get(place) if place in family.no_id else None
            parts.setdefault((row.feature.label, own or row.feature.id), []).append(number)
        for numbers in parts.values():
            done = 0
            for number in sorted(numbers, key=lambda n: _transcription_order(rows[n].feature)):
                feature = rows[number].feature
                if feature.phase == _UNKNOWN_PHASE:
                    rows[number] = replace(rows[number], feature=replace(feature, phase=-done % 3))
                done += feature.end - feature.start


def _transcription_order(feature: Feature) -> int:
    return feature.start if feature.strand == "+" else -feature.end


def _matches(head: Head) -> bool:
    if head.first.startswith("##gff-version"):
        return True
    rows = _rows(head)
    return bool(rows) and all(
        len(row) == 9 and row[3].isdigit() and row[4].isdigit() and _strand(row[6]) in "+-.?" for row in rows
    )


def _rows(head: Head) -> list[list[str]]:
    """Columns of the first lines of features."""
    return [_columns(line) for line in head.lines if not line.startswith("#")][:20]


def _unfit(head: Head) -> str | None:
    rows = _rows(head)
    if rows and all(len(row) == 9 and _GTF.match(row[8]) for row in rows):
        return f"GTF or GFF2, whose coding sequences may lack their stop codons. {_CONVERT}"
    return None


register(
    AnnotationFormat(
        name="gff3",
        rank=30,
        matches=_matches,
        unfit=_unfit,
        read=read_gff3,
        title="GFF3",
        record="a feature",
        notes="annotation of FASTA with the same file stem or contig names, or of its section `##FASTA`; "
        "a line without tabs has its columns between white space; strands may be 1 and -1; GTF is refused",
        hint="GFF3",
        reasons={
            **REASONS,
            "bad-phase": "a labelled feature with a phase other than 0, 1, 2 or .",
            "bad-attributes": "attributes that are not KEY=VALUE pairs",
        },
    )
)
