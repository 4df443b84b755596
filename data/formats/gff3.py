"""GFF3 annotation of contigs. bcbio-gff parses the lines; they are fed to it one by one.

Given a whole file, that parser stops at the first bad line without saying which, and holds all records at
once. Fed single lines, a bad one costs only itself, its place is known, and only labelled features are kept.
Lines that it reads as GFF2 are refused; a `##FASTA` section ends the annotation and is left in the stream.
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from elman.data.formats.records import Quarantined
from elman.data.genome.annotation_rules import CODING, AnnotationRule, labels_for
from elman.data.genome.contigs import PSEUDOGENE, RAW_LIMIT, Feature, is_pseudo

_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled feature and the line it came from."""

    feature: Feature
    source: str
    line: int
    byte_offset: int
    raw: bytes


@dataclass
class Annotation:
    """What one GFF3 file says.

    rows: features by contig, in the order of the file, end not yet checked against the contig.
    contigs: every contig named, in order.
    circular: contigs whose region says so.
    fasta: byte offset and line of what follows `##FASTA`, or None.
    """

    rows: dict[str, list[Row]] = field(default_factory=dict)
    contigs: dict[str, None] = field(default_factory=dict)
    circular: set[str] = field(default_factory=set)
    quarantined: list[Quarantined] = field(default_factory=list)
    fasta: tuple[int, int] | None = None


def read_gff3(stream: BinaryIO, source: str, rules: Sequence[AnnotationRule] = CODING) -> Annotation:
    """Read an annotation up to its end or its `##FASTA` line, and somewhat beyond that.

    A feature marked as a pseudogene, itself or by its parent, is labelled "pseudogene" instead.
    """
    out = Annotation()
    family = _Family()
    for line, byte_offset, raw in _lines(stream, source, out):
        if raw.startswith(b"##FASTA") or raw.startswith(b">"):
            here = raw.startswith(b"##FASTA")
            out.fasta = (byte_offset + len(raw), line + 1) if here else (byte_offset, line)
            break
        if raw.startswith(b"##sequence-region"):
            words = raw.decode("utf-8", "replace").split()
            out.contigs.update(dict.fromkeys(words[1:2]))
        if raw.startswith(b"#") or not raw.strip():
            continue
        try:
            parsed = _parse(raw)
            _take(parsed, out, Row(_PLACEHOLDER, source, line, byte_offset, raw), rules, family)
        except _BadLine as error:
            out.quarantined.append(_refuse((source, line, byte_offset, raw), *error.args))
    for (contig, number), parent in family.parents.items():
        if parent in family.dead:
            row = out.rows[contig][number]
            f = row.feature
            pseudo = Feature(f.start, f.end, f.strand, PSEUDOGENE, f.phase, f.id)
            out.rows[contig][number] = Row(pseudo, row.source, row.line, row.byte_offset, row.raw)
    return out


_PLACEHOLDER = Feature(0, 0, "+", "", 0, "")


@dataclass
class _Family:
    """Parents by contig and number of the row, and the ids of pseudogenes."""

    parents: dict[tuple[str, int], str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)


class _BadLine(Exception):
    """Reason, detail, what to do."""


def _lines(stream: BinaryIO, source: str, out: Annotation) -> Iterator[tuple[int, int, bytes]]:
    """Line number, byte offset and bytes of each line; a broken or over-long one is refused.

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
        except (EOFError, OSError, zlib.error) as error:
            todo = "Fetch the file again; what it held after this place is missing."
            detail = f"expected the file to go on. Got {error}"
            out.quarantined.append(_refuse((source, line, byte_offset, b""), "truncated", detail, todo))
            return
        ended = not block
        for piece in block.splitlines(keepends=True) if b"\r" in block else [block]:
            size += len(piece)
            if len(held) < RAW_LIMIT:
                held += piece
            if not size or not (ended or piece.endswith((b"\n", b"\r"))):
                continue
            if size > RAW_LIMIT:
                todo = "Give one feature a line, each line ended."
                detail = f"expected lines of at most {RAW_LIMIT} bytes. Got {size}"
                place = source, line, byte_offset, bytes(held[:RAW_LIMIT])
                out.quarantined.append(_refuse(place, "line-too-long", detail, todo))
            else:
                yield line, byte_offset, bytes(held)
            line, byte_offset = line + 1, byte_offset + size
            held, size = bytearray(), 0


def _parse(raw: bytes) -> dict[str, Any]:
    """One line, parsed by bcbio-gff: rec_id, type, location (0-based half-open), quals; and its columns."""
    from BCBio import GFF

    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _BadLine(
            "invalid-utf8", f"expected UTF-8. Got {error.reason}", "Save the file as UTF-8."
        ) from None
    columns = text.rstrip("\r\n").split("\t")
    if len(columns) != 9:
        raise _BadLine(
            "wrong-columns",
            f"expected 9 columns, tab between. Got {len(columns)}",
            "Write the nine columns of GFF3, with . where a value is absent.",
        )
    if not (columns[3].isdecimal() and columns[4].isdecimal()):
        raise _BadLine(
            "bad-location",
            f"expected whole numbers as start and end. Got {columns[3]!r} and {columns[4]!r}",
            "Write start and end as numbers from 1, both included.",
        )
    try:
        parsed: dict[str, Any] = next(GFF.parse_simple(io.StringIO(text)))
    except (AssertionError, ValueError, IndexError, KeyError, StopIteration):
        parsed = {"is_gff2": True}
    if parsed["is_gff2"] and columns[8].strip() not in ("", "."):
        raise _BadLine(
            "bad-attributes",
            f"expected KEY=VALUE pairs with ; between. Got {columns[8][:80]!r}",
            "Write column 9 as GFF3 does; inside a value ; = & , are %3B %3D %26 %2C.",
        )
    parsed["columns"] = columns
    return parsed


def _take(
    parsed: dict[str, Any],
    out: Annotation,
    row: Row,
    rules: Sequence[AnnotationRule],
    family: _Family,
) -> None:
    """Keep a parsed line if it is labelled, and what it says about its children."""
    contig, type_, attributes = parsed["rec_id"], parsed["type"], parsed["quals"]
    if not contig:
        raise _BadLine("no-contig", "expected a contig in column 1. Got .", "Name the contig.")
    out.contigs[contig] = None
    if "true" in attributes.get("Is_circular", ()):
        out.circular.add(contig)
    if type_ == PSEUDOGENE or (type_ == "gene" and is_pseudo(attributes)):
        family.dead.update(attributes.get("ID", ()))
    labels = labels_for(rules, type_, attributes)
    if not labels:
        return
    start, end = parsed["location"]
    if not 0 <= start < end:
        raise _BadLine(
            "bad-location",
            f"expected 1 <= start <= end. Got {start + 1} to {end}",
            "GFF3 counts from 1, both ends included, and start is the smaller on either strand.",
        )
    strand = parsed["columns"][6]
    if strand not in ("+", "-"):
        raise _BadLine(
            "no-strand", f"expected + or - for a {type_}. Got {strand!r}", "Say which strand it lies on."
        )
    phase = parsed["columns"][7]
    if phase not in (".", "0", "1", "2"):
        raise _BadLine("bad-phase", f"expected phase 0, 1, 2 or . Got {phase!r}", "Correct column 8.")
    rows = out.rows.setdefault(contig, [])
    id_ = next(iter(attributes.get("ID", ())), f"line{row.line}")
    phase_number = 0 if phase == "." else int(phase)
    for label in labels:
        for parent in attributes.get("Parent", ())[:1]:
            family.parents[contig, len(rows)] = parent
        feature = Feature(start, end, strand, label, phase_number, id_)
        rows.append(Row(feature, row.source, row.line, row.byte_offset, row.raw))


def _refuse(place: tuple[str, int, int, bytes], reason: str, detail: str, todo: str) -> Quarantined:
    """A refused line; place is its source, number, byte offset and bytes."""
    source, line, byte_offset, raw = place
    return Quarantined(source, line, byte_offset, reason, detail, todo, raw[:RAW_LIMIT])
