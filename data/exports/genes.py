"""Exports of tagged DNA: GFF3 (1-based, inclusive), BED (0-based half-open), codon positions, protein FASTA.

An interval is one line or entry: of type CDS, or of type protein_match, named by its family. An interval that
crosses the origin of a circular contig ends beyond the contig in GFF3, as that format defines it, and is two
lines in BED, which has no circular contigs.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl

from elman.data.formats.slices import SeenIds
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.contigs import Feature, over_origin

_SAFE = "!$*+.:^_|?@-"  # with letters and digits, what GFF3 allows in column 1 unescaped
_WIDTH = 60  # letters in a line
_STRETCH = _WIDTH << 14  # bases whose codon positions are in memory at a time


def split_at_origin(frame: pl.DataFrame, lengths: Mapping[str, int]) -> pl.DataFrame:
    """Add an `id` to each interval and split those that cross the origin of their contig.

    Args:
        frame: rows of schema.INTERVALS.
        lengths: bases of every contig.
    """
    out = frame.with_columns(id=pl.Series(map(_ids(), frame["label"]), dtype=pl.String))
    over = pl.Series([end > lengths[contig] for contig, end in frame.select("contig", "end").iter_rows()])
    if not over.any():
        return out
    parts = [
        {**row, "start": part.start, "end": part.end, "phase": part.phase}
        for row in out.iter_rows(named=True)
        for part in _parts(row, lengths[row["contig"]])
    ]
    return pl.DataFrame(parts, schema=out.schema)


def gff3_lines(
    contigs: Callable[[], Iterable[pl.DataFrame]], frames: Iterable[pl.DataFrame], code: int | None = None
) -> Iterator[str]:
    """Lines of a GFF3 file.

    Args:
        contigs: returns rows of schema.TAGGED_CONTIGS, with intervals or without, at each call.
        frames: rows of schema.INTERVALS, those of a contig together.
        code: the genetic code, to be written as an attribute of genes.
    """
    yield "##gff-version 3\n"
    seen = SeenIds()
    for contig, length in _rows(contigs(), "contig", "length"):
        if seen.is_new(contig):  # of several sources, the first counts
            yield f"##sequence-region {_seqid(contig)} 1 {length}\n"
    for contig, length, circular in _rows(contigs(), "contig", "length", "circular"):
        if circular:
            attribute = f"ID={escaped(contig)};Is_circular=true"
            yield f"{_seqid(contig)}\telman\tregion\t1\t{length}\t.\t+\t.\t{attribute}\n"
    id_of = _ids()
    for frame in frames:
        for row in frame.iter_rows(named=True):
            label = row["label"]
            attributes = {"ID": id_of(label)}
            if label != CDS:
                attributes["Name"] = label
            if row["partial"]:  # as NCBI writes it
                attributes["partial"] = "true"
            if row["partial"] & 1:
                attributes["start_range"] = f".,{row['start'] + 1}"
            if row["partial"] & 2:
                attributes["end_range"] = f"{row['end']},."
            if code is not None and label == CDS:
                attributes["transl_table"] = str(code)
            if row["model"] is not None:
                attributes["model"] = row["model"]
            column9 = ";".join(f"{key}={_attribute(key, value)}" for key, value in attributes.items())
            score = "." if row["probability"] is None else f"{row['probability']:.4f}"
            phase = "." if row["phase"] is None or label != CDS else row["phase"]
            place = f"{row['start'] + 1}\t{row['end']}\t{score}\t{row['strand']}\t{phase}"
            yield f"{_seqid(row['contig'])}\telman\t{_type(label)}\t{place}\t{column9}\n"


def _rows(frames: Iterable[pl.DataFrame], *columns: str) -> Iterator[tuple[Any, ...]]:
    for frame in frames:
        yield from frame.select(columns).iter_rows()


def bed_lines(pairs: Iterable[tuple[pl.DataFrame, pl.DataFrame]]) -> Iterator[str]:
    """Lines of a BED file of 6 columns; the score is the probability in thousandths.

    Args:
        pairs: rows of schema.TAGGED_CONTIGS, and those of schema.INTERVALS on them.
    """
    for contigs, frame in pairs:
        lengths = dict(contigs.select("contig", "length").iter_rows())
        for row in frame.iter_rows(named=True):
            chance = row["probability"]
            score = 0 if chance is None else round(1000 * min(max(chance, 0.0), 1.0))
            name, chrom = re.sub(r"\s", "_", row["label"]), re.sub(r"\s", "_", row["contig"])
            for part in _parts(row, lengths[row["contig"]]):
                yield f"{chrom}\t{part.start}\t{part.end}\t{name}\t{score}\t{part.strand}\n"


def codons_lines(pairs: Iterable[tuple[pl.DataFrame, pl.DataFrame]]) -> Iterator[str]:
    """Lines of a FASTA-like file with two entries per contig, one per strand, each as long as the contig.

    A coding base has its codon position, 0, 1 or 2 from the gene's 5' end on, any other base a dot; where
    genes of a strand overlap, the more probable one counts.

    Args:
        pairs: as for `bed_lines`.
    """
    for contigs, frame in pairs:
        genes = frame.filter(pl.col("label") == CDS).sort("probability", maintain_order=True)
        by_contig = genes.partition_by("contig", as_dict=True)
        for contig, length in contigs.select("contig", "length").iter_rows():
            rows = by_contig.get((contig,), genes.clear()).iter_rows(named=True)
            parts = [part for row in rows for part in _parts(row, length)]
            for strand in "+-":
                yield f">{contig} {strand}\n"
                yield from _codons([part for part in parts if part.strand == strand], length)


def _codons(parts: Sequence[Feature], length: int) -> Iterator[str]:
    """Lines of one strand of a contig; where parts overlap, the later one counts."""
    begins, ends = (np.array([getattr(part, name) for part in parts], np.int64) for name in ("start", "end"))
    for low in range(0, length, _STRETCH):
        high = min(low + _STRETCH, length)
        letters = np.full(high - low, ord("."), np.uint8)
        for number in np.flatnonzero((begins < high) & (ends > low)).tolist():
            part = parts[number]
            at = np.arange(max(part.start, low), min(part.end, high))
            far = at - part.start if part.strand == "+" else part.end - 1 - at
            letters[at - low] = ord("0") + (far - part.phase) % 3
        text = letters.tobytes().decode("ascii")
        for first in range(0, len(text), _WIDTH):
            yield text[first : first + _WIDTH] + "\n"


def faa_lines(frames: Iterable[pl.DataFrame]) -> Iterator[str]:
    """Lines of a FASTA file of proteins; a protein has the ID of its interval in GFF3.

    Args:
        frames: rows of schema.PROTEINS, in the order of the intervals.
    """
    id_of = _ids()
    for frame in frames:
        for row in frame.iter_rows(named=True):
            place = f"{row['contig']}:{row['start'] + 1}-{row['end']}({row['strand']})"
            partial = "true" if row["partial"] else "false"
            yield (f">{id_of(row['label'])} {place} partial={partial} probability={row['probability']:.4f}\n")
            protein = row["protein"]
            for at in range(0, len(protein), _WIDTH):
                yield protein[at : at + _WIDTH] + "\n"


def _ids() -> Callable[[str], str]:
    """Function from a label to the ID of the next interval: genes and matches are numbered separately."""
    counts = Counter[str]()

    def id_of(label: str) -> str:
        kind = "cds" if label == CDS else "match"
        counts[kind] += 1
        return f"{kind}{counts[kind]}"

    return id_of


def _type(label: str) -> str:
    """Sequence Ontology type of a label."""
    return CDS if label == CDS else "protein_match"


def _parts(row: Mapping[str, object], length: int) -> list[Feature]:
    """An interval, or its two parts if it crosses the origin."""
    start, end, strand, label, phase = (row[key] for key in ("start", "end", "strand", "label", "phase"))
    feature = Feature(start, end, strand, label, phase or 0, "")  # type: ignore[arg-type]
    return over_origin(feature, length) if feature.end > length else [feature]


def escaped(value: str) -> str:
    """Escape a value for column 9: control characters, % ; = & and , as %XX."""
    return re.sub(r"[\x00-\x1f\x7f%;=&,]", lambda match: f"%{ord(match[0]):02X}", str(value))


def _attribute(key: str, value: str) -> str:
    """Escape an attribute's value for column 9, but for the comma of a range, which is a list of two."""
    return value if key.endswith("_range") else escaped(value)


def _seqid(contig: str) -> str:
    return quote(contig, safe=_SAFE)
