"""Export to BED of 6 columns (0-based half-open)."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from elman.data.exports.dna.intervals import split
from elman.data.exports.expressions import to_utf8
from elman.data.exports.registry import Chunk, Export, Tables, register

_WHITE_SPACE = r"[\s\x1c-\x1f]"  # that of Python


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """Lines of a BED file; the score is the probability in thousandths.

    An interval that crosses the origin of a circular contig is two lines, as BED has no circular contigs.

    Args:
        tables: contigs (schema.TAGGED_CONTIGS) and data (schema.INTERVALS).
        config: of the tagged dataset, unused.
    """
    chance = pl.col("probability").cast(pl.Float64).clip(0, 1)
    score = (chance * 1000).round(mode="half_to_even").fill_null(0).cast(pl.Int64)
    name, chrom = (pl.col(column).str.replace_all(_WHITE_SPACE, "_") for column in ("label", "contig"))
    tab, end = pl.lit("\t"), pl.lit("\n")
    line = pl.concat_str(
        chrom, tab, "start", tab, "end", tab, name, tab, score.cast(pl.String), tab, "strand", end
    )
    for contigs, intervals in tables("contigs", "data"):
        lengths = dict(contigs.select("contig", "length").iter_rows())
        yield to_utf8(split(intervals, lengths).select(line=line).to_series())


register(
    Export(
        name="bed",
        family="dna",
        tables=("contigs", "data"),
        description="BED of 6 columns, 0-based half-open",
        write=write,
        by_source=True,
    )
)
