"""Tagged DNA as GFF3 (1-based, both ends included) and BED (0-based half-open), a line an interval."""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

import polars as pl

_SAFE = "!$*+.:^_|?@-"  # with letters and digits, what GFF3 allows in column 1 unescaped


def gff3_lines(frames: Iterable[pl.DataFrame], lengths: Mapping[str, int]) -> Iterator[str]:
    """Lines of a GFF3 file.

    Args:
        frames: rows of schema.INTERVALS, those of a contig together.
        lengths: bases of every contig, with intervals or without.
    """
    yield "##gff-version 3\n"
    for contig, length in lengths.items():
        yield f"##sequence-region {_seqid(contig)} 1 {length}\n"
    number = 0
    columns = ("contig", "start", "end", "strand", "phase", "label", "probability", "model")
    for frame in frames:
        for contig, start, end, strand, phase, label, chance, model in frame.select(columns).iter_rows():
            number += 1
            attributes = {"ID": f"{label.lower()}{number}", "model": model}
            score = "." if chance is None else f"{chance:.4f}"
            yield (
                "\t".join(
                    (
                        _seqid(contig),
                        "elman",
                        _column(label),
                        str(start + 1),
                        str(end),
                        score,
                        strand,
                        "." if phase is None else str(phase),
                        ";".join(
                            f"{key}={escaped(value)}"
                            for key, value in attributes.items()
                            if value is not None
                        ),
                    )
                )
                + "\n"
            )


def bed_lines(frames: Iterable[pl.DataFrame]) -> Iterator[str]:
    """Lines of a BED file of 6 columns; the score is the probability in thousandths.

    Args:
        frames: rows of schema.INTERVALS.
    """
    columns = ("contig", "start", "end", "label", "probability", "strand")
    for frame in frames:
        for contig, start, end, label, chance, strand in frame.select(columns).iter_rows():
            score = 0 if chance is None else round(1000 * min(max(chance, 0.0), 1.0))
            name, chrom = re.sub(r"\s", "_", label), re.sub(r"\s", "_", contig)
            yield f"{chrom}\t{start}\t{end}\t{name}\t{score}\t{strand}\n"


def escaped(value: str) -> str:
    """A value for column 9: controls, % ; = & and , as %XX; anything else stays."""
    return re.sub(r"[\x00-\x1f\x7f%;=&,]", lambda found: f"%{ord(found[0]):02X}", str(value))


def _column(value: str) -> str:
    """A value for the other columns: controls and % as %XX."""
    return re.sub(r"[\x00-\x1f\x7f%]", lambda found: f"%{ord(found[0]):02X}", value)


def _seqid(contig: str) -> str:
    return quote(contig, safe=_SAFE)
