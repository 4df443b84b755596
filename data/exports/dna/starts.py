"""Export of the candidate starts of genes: tab-separated columns, one candidate per line."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from elman.data.exports.expressions import to_utf8
from elman.data.exports.registry import Chunk, Export, Tables, register
from elman.data.store import schema

_COLUMNS = [name for name in schema.STARTS if name not in ("source", "model")]


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """A head line, then a line per candidate start; places are 0-based half-open, as in BED.

    Args:
        tables: starts (schema.STARTS), in order.
        config: of the tagged dataset, unused.
    """
    yield ("\t".join(_COLUMNS) + "\n").encode()
    scores = [pl.col(name).round(3) for name, kind in schema.STARTS.items() if kind == pl.Float32]
    text = pl.concat_str(pl.col(_COLUMNS).cast(pl.String).fill_null("."), separator="\t")
    for (starts,) in tables("starts"):
        yield to_utf8(starts.with_columns(scores).select(line=text + "\n").to_series())


register(
    Export(
        name="starts",
        family="dna",
        tables=("starts",),
        description="every candidate start of a gene with the parts of its score, tab-separated",
        write=write,
        by_source=True,
        suffix="starts.tsv",
    )
)
