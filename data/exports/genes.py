"""Tagged DNA as GFF3 (1-based, both ends included), BED (0-based half-open), places in codons, and proteins.

An interval is one line or entry: of type CDS, or of type protein_match, named by its family. One that runs
over the origin of a circle ends beyond it in GFF3, as that format has it, and is two lines in BED, which
knows no circles.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl

from elman.data.formats.slices import Met
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.contigs import Feature, over_origin

_SAFE = "!$*+.:^_|?@-"  # with letters and digits, what GFF3 allows in column 1 unescaped
_WIDTH = 60  # letters in a line
_PAINTED = _WIDTH << 14  # bases whose places are held


def split_at_origin(frame: pl.DataFrame, lengths: Mapping[str, int]) -> pl.DataFrame:
    """Rows of schema.INTERVALS with an `id` of each and the parts of those that run over an origin.

    Args:
        frame: the rows.
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
    """Lines of a GFF3 file. One that runs over the origin of a circle ends beyond it, as the format has it.

    Args:
        contigs: gives rows of schema.TAGGED_CONTIGS, with intervals or without, each time it is called.
        frames: rows of schema.INTERVALS, those of a contig together.
        code: the genetic code, if it is to be named.
    """
    yield "##gff-version 3\n"
    met = Met()
    for contig, length in _rows(contigs(), "contig", "length"):
        if met.is_new(contig):  # of several sources, the first counts
            yield f"##sequence-region {_seqid(contig)} 1 {length}\n"
    for contig, length, circular in _rows(contigs(), "contig", "length", "circular"):
        if circular:
            about = f"ID={escaped(contig)};Is_circular=true"
            yield f"{_seqid(contig)}\telman\tregion\t1\t{length}\t.\t+\t.\t{about}\n"
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
            about = ";".join(f"{key}={_attribute(key, value)}" for key, value in attributes.items())
            score = "." if row["probability"] is None else f"{row['probability']:.4f}"
            phase = "." if row["phase"] is None or label != CDS else row["phase"]
            place = f"{row['start'] + 1}\t{row['end']}\t{score}\t{row['strand']}\t{phase}"
            yield f"{_seqid(row['contig'])}\telman\t{_type(label)}\t{place}\t{about}\n"


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
    """Lines of a FASTA-like file with two entries a contig, one a strand, each as long as the contig.

    A base that codes has its place in its codon, 0, 1 or 2 from the gene's 5' end on, any other a dot; where
    genes of a strand overlap, the more probable one counts.

    Args:
        pairs: as of `bed_lines`.
    """
    for contigs, frame in pairs:
        genes = frame.filter(pl.col("label") == CDS).sort("probability", maintain_order=True)
        found = genes.partition_by("contig", as_dict=True)
        for contig, length in contigs.select("contig", "length").iter_rows():
            rows = found.get((contig,), genes.clear()).iter_rows(named=True)
            parts = [part for row in rows for part in _parts(row, length)]
            for strand in "+-":
                yield f">{contig} {strand}\n"
                yield from _codons([part for part in parts if part.strand == strand], length)


def _codons(parts: Sequence[Feature], length: int) -> Iterator[str]:
    """Lines of one strand of a contig; parts that come later count."""
    begins, ends = (np.array([getattr(part, name) for part in parts], np.int64) for name in ("start", "end"))
    for low in range(0, length, _PAINTED):
        high = min(low + _PAINTED, length)
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
    """Lines of a FASTA file of proteins; a protein has the ID that its interval has in GFF3.

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
    """Names intervals by their labels, in order: genes and matches are counted each on their own."""
    counts = Counter[str]()

    def id_of(label: str) -> str:
        kind = "cds" if label == CDS else "match"
        counts[kind] += 1
        return f"{kind}{counts[kind]}"

    return id_of


def _type(label: str) -> str:
    """A type of the Sequence Ontology."""
    return CDS if label == CDS else "protein_match"


def _parts(row: Mapping[str, object], length: int) -> list[Feature]:
    """An interval's own place, or its two parts."""
    start, end, strand, label, phase = (row[key] for key in ("start", "end", "strand", "label", "phase"))
    feature = Feature(start, end, strand, label, phase or 0, "")  # type: ignore[arg-type]
    return over_origin(feature, length) if feature.end > length else [feature]


def escaped(value: str) -> str:
    """A value for column 9: controls, % ; = & and , as %XX; anything else stays."""
    return re.sub(r"[\x00-\x1f\x7f%;=&,]", lambda found: f"%{ord(found[0]):02X}", str(value))


def _attribute(key: str, value: str) -> str:
    """A value for column 9; a range is a list of two, whose comma stays."""
    return value if key.endswith("_range") else escaped(value)


def _seqid(contig: str) -> str:
    return quote(contig, safe=_SAFE)
