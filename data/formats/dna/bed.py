"""BED as the annotation of FASTA: which intervals are coding.

Format: https://samtools.github.io/hts-specs/BEDv1.pdf. A line of 6 to 9 columns is one coding part of phase
0, from its start to its end. Of a line of 12 columns the blocks within thickStart to thickEnd are the parts
of one coding sequence, whose first base in the direction of the strand begins a codon; where thickStart
equals thickEnd nothing is coding. Lines `track`, `browser` and `#` are passed over.
"""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from elman.data.formats.common.annotations import REASONS, Annotation, Row
from elman.data.formats.common.lines import LongLines
from elman.data.formats.common.records import BadRecord, Place
from elman.data.formats.common.streams import BOM
from elman.data.formats.registry import AnnotationFormat, Head, register
from elman.data.genome.annotation_rules import CDS, CODING, AnnotationRule, labels_for
from elman.data.genome.contigs import RAW_LIMIT, Feature

_SKIPPED = re.compile(rb"#|(track|browser)[ \t](?!\d+\t\d+\t)")  # a contig may be called track
_BLOCKS = 12  # columns of a line with blocks


def read_bed(stream: BinaryIO, source: str, rules: Sequence[AnnotationRule] = CODING) -> Annotation:
    """Read an annotation to its end; a bad line costs only itself."""
    out = Annotation()
    lines = LongLines(stream)
    for place in _places(lines, source):
        raw = place.raw if place.byte_offset else place.raw.removeprefix(BOM)
        if not raw.strip() or _SKIPPED.match(raw):
            continue
        try:
            _add(raw, place, out, rules)
        except BadRecord as error:
            out.quarantined.append(place.refuse(error))
    if lines.broken is not None:
        detail = f"expected the file to go on. Got {lines.broken}"
        todo = "Fetch the file again; what it held after this place is missing."
        place = Place(source, lines.line, lines.byte_offset, b"")
        out.quarantined.append(place.quarantine("truncated", detail, todo))
    return out


def _places(lines: LongLines, source: str) -> Iterator[Place]:
    """Lines with their places; of one that is too long the first `RAW_LIMIT` bytes and one more."""
    held, at, line = bytearray(), 0, 1
    for part, begins in lines:
        if begins:
            if held:
                yield Place(source, line, at, bytes(held))
            held, at, line = bytearray(), lines.byte_offset, lines.line
        if len(held) <= RAW_LIMIT:
            held += part[: RAW_LIMIT + 1 - len(held)]
    if held:
        yield Place(source, line, at, bytes(held))


def _add(raw: bytes, place: Place, out: Annotation, rules: Sequence[AnnotationRule]) -> None:
    """Add the coding parts of a line.

    Raises:
        BadRecord: it cannot be read.
    """
    if len(raw) > RAW_LIMIT:
        detail = f"expected lines of at most {RAW_LIMIT} bytes. Got more"
        raise BadRecord("line-too-long", detail, "Give one feature a line, each line ended.")
    columns = _columns(raw)
    contig, strand = columns[0], columns[5]
    if strand not in ("+", "-"):
        detail = f"expected + or - in column 6. Got {strand!r}"
        raise BadRecord("no-strand", detail, "Say which strand it lies on.")
    parts = _blocks(columns) if len(columns) >= _BLOCKS else [(int(columns[1]), int(columns[2]))]
    out.contigs[contig] = None
    name = columns[3] if columns[3] not in ("", ".") else f"line{place.line}"
    rows = out.rows.setdefault(contig, [])
    done = 0
    for start, end in parts if strand == "+" else reversed(parts):
        for label in labels_for(rules, CDS, {"Name": [name]}):
            # parts of one line are one gene, whatever other line has its name
            id_ = f"{name}:{place.line}"
            rows.append(Row(Feature(start, end, strand, label, -done % 3, id_), place))
        done += end - start


def _columns(raw: bytes) -> list[str]:
    """Columns of a line, by tabs or else white space.

    Raises:
        BadRecord: they are not those of BED.
    """
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        detail = f"expected UTF-8. Got {error.reason}"
        raise BadRecord("invalid-utf8", detail, "Save the file as UTF-8.") from None
    columns = text.split("\t") if "\t" in text else text.split()
    if len(columns) not in (6, 7, 8, 9) and len(columns) < _BLOCKS:
        todo = "Give BED of 6 columns (with the strand) or of 12 (with blocks)."
        raise BadRecord("wrong-columns", f"expected 6 to 9 columns, or 12. Got {len(columns)}", todo)
    if not columns[0].strip():
        raise BadRecord("no-contig", "expected a contig in column 1. Got none", "Name the contig.")
    if not (_whole(columns[1]) and _whole(columns[2]) and int(columns[1]) < int(columns[2])):
        detail = f"expected whole numbers, start below end. Got {columns[1]!r} and {columns[2]!r}"
        raise BadRecord("bad-location", detail, "BED counts from 0, the end excluded.")
    return columns


def _blocks(columns: Sequence[str]) -> list[tuple[int, int]]:
    """Coding parts of a line with blocks, in the order of the contig.

    Raises:
        BadRecord: the blocks are not those of BED.
    """
    sizes, starts = (column.rstrip(",").split(",") for column in columns[10:12])
    numbers = [*columns[6:8], columns[9], *sizes, *starts]
    if not all(map(_whole, numbers)) or not int(columns[9]) == len(sizes) == len(starts):
        detail = f"expected {columns[9]} sizes and starts of blocks. Got {columns[10]!r} and {columns[11]!r}"
        raise BadRecord("bad-location", detail, "Write columns 7 to 12 as BED does.")
    low, high, first = int(columns[6]), int(columns[7]), int(columns[1])
    blocks = [
        (max(first + int(start), low), min(first + int(start) + int(size), high))
        for start, size in zip(starts, sizes, strict=True)
    ]
    return sorted((start, end) for start, end in blocks if start < end)


def _whole(column: str) -> bool:
    return column.isascii() and column.isdecimal() and len(column) < 19  # of 64 bits


def _matches(head: Head) -> bool:
    lines = [line for line in head.lines if not _SKIPPED.match(line.encode())][:20]
    rows = [line.split("\t") if "\t" in line else line.split() for line in lines]
    if head.name.endswith(".bed"):
        return bool(rows) and all(len(row) > 2 and _whole(row[1]) and _whole(row[2]) for row in rows)
    return bool(rows) and all(
        len(row) > 5 and _whole(row[1]) and _whole(row[2]) and row[5] in ("+", "-", ".") for row in rows
    )


register(
    AnnotationFormat(
        name="bed",
        rank=31,
        matches=_matches,
        read=read_bed,
        title="BED",
        record="a feature",
        notes="annotation of FASTA as GFF3 is; of 6 columns each line is a coding part of phase 0, of 12 the "
        "blocks within thickStart to thickEnd are one coding sequence",
        hint="BED",
        reasons=REASONS,
    )
)
