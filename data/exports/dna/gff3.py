"""Export to GFF3 (1-based, inclusive).

An interval is one line: of type CDS, or of type protein_match, named by its family. An interval that crosses
the origin of a circular contig ends beyond the contig, as the format defines it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import polars as pl

from elman.data.exports.dna.intervals import Identifiers
from elman.data.exports.expressions import four_decimals, mapped, to_utf8
from elman.data.exports.registry import Chunk, Export, Tables, register
from elman.data.formats.common.slices import SeenIds
from elman.data.genome.annotation_rules import CDS

_SAFE = "!$*+.:^_|?@-"  # with letters and digits, the characters of column 1 that GFF3 leaves unescaped


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """Lines of a GFF3 file.

    Args:
        tables: contigs (schema.TAGGED_CONTIGS) and data (schema.INTERVALS); intervals of a contig stand
            together.
        config: of the tagged dataset; its `genetic_code`, if any, is an attribute of genes.
    """
    yield b"##gff-version 3\n"
    seen = SeenIds()
    for (contigs,) in tables("contigs"):
        for contig, length in contigs.select("contig", "length").iter_rows():
            if seen.is_new(contig):  # of several sources, the first counts
                yield f"##sequence-region {_seqid(contig)} 1 {length}\n".encode()
    for (contigs,) in tables("contigs"):
        for contig, length in contigs.filter("circular").select("contig", "length").iter_rows():
            attributes = f"ID={escaped(contig)};Is_circular=true"
            yield f"{_seqid(contig)}\telman\tregion\t1\t{length}\t.\t+\t.\t{attributes}\n".encode()
    identifiers = Identifiers()
    for (intervals,) in tables("data"):
        yield to_utf8(_lines(intervals, identifiers.of(intervals["label"]), config.get("genetic_code")))


def _lines(intervals: pl.DataFrame, ids: pl.Series, code: int | None) -> pl.Series:
    gene, partial = pl.col("label") == CDS, pl.col("partial")
    start, end = (pl.col("start") + 1).cast(pl.String), pl.col("end").cast(pl.String)

    def given(condition: pl.Expr, *text: pl.Expr | str | pl.Series) -> pl.Expr:
        parts = [pl.lit(part) if isinstance(part, str) else part for part in text]
        return pl.when(condition).then(pl.concat_str(*parts)).otherwise(pl.lit(""))

    attributes = pl.concat_str(
        pl.lit("ID="), ids,
        given(~gene, ";Name=", mapped(intervals["label"], escaped)),
        given(partial > 0, ";partial=true"),  # as NCBI writes it
        given(partial & 1 > 0, ";start_range=.,", start),
        given(partial & 2 > 0, ";end_range=", end, ",."),
        given(gene & pl.lit(code is not None), f";transl_table={code}"),
        given(pl.col("model").is_not_null(), ";model=", mapped(intervals["model"], escaped)),
    )  # fmt: skip
    kind = pl.when(gene).then(pl.lit(CDS)).otherwise(pl.lit("protein_match"))  # Sequence Ontology
    phase = pl.when(gene).then(pl.col("phase").cast(pl.String)).fill_null(".")
    score, tab = four_decimals(pl.col("probability")), pl.lit("\t")
    line = pl.concat_str(
        mapped(intervals["contig"], _seqid), pl.lit("\telman\t"), kind, tab, start, tab, end, tab,
        score, tab, "strand", tab, phase, tab, attributes, pl.lit("\n"),
    )  # fmt: skip
    return intervals.select(line=line).to_series()


def escaped(value: str) -> str:
    """Escape a value for column 9: control characters, % ; = & and , as %XX."""
    return re.sub(r"[\x00-\x1f\x7f%;=&,]", lambda match: f"%{ord(match[0]):02X}", value)


def _seqid(contig: str) -> str:
    return "%2E" if contig == "." else quote(contig, safe=_SAFE)  # a lone dot means none


register(
    Export(
        name="gff3",
        family="dna",
        tables=("contigs", "data"),
        description="GFF3, 1-based inclusive, one line per gene or family",
        write=write,
        by_source=True,
    )
)
