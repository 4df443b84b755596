"""Export to protein FASTA: the translation of every gene."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from elman.data.exports.dna.intervals import WIDTH, Identifiers
from elman.data.exports.expressions import four_decimals, to_utf8
from elman.data.exports.registry import Chunk, Export, Tables, register


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """FASTA of proteins; a protein has the ID of its interval in GFF3.

    Args:
        tables: proteins (schema.PROTEINS), in the order of the intervals.
        config: of the tagged dataset, unused.
    """
    identifiers = Identifiers()
    place = pl.format("{}:{}-{}({})", "contig", pl.col("start") + 1, "end", "strand")
    partial = pl.when(pl.col("partial") > 0).then(pl.lit("true")).otherwise(pl.lit("false"))
    lines = pl.col("protein").str.replace_all(f"(.{{1,{WIDTH}}})", "${1}\n")
    for (proteins,) in tables("proteins"):
        ids = identifiers.of(proteins["label"])
        score = four_decimals(pl.col("probability"))
        head = pl.format(">{} {} partial={} probability={}\n", ids, place, partial, score)
        yield to_utf8(proteins.select(entry=pl.concat_str(head, lines)).to_series())


register(
    Export(
        name="faa",
        family="dna",
        tables=("proteins",),
        description="FASTA of proteins, one entry per gene",
        write=write,
        by_source=True,
    )
)
