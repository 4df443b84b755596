"""Staged tables of a tagged dataset, as export formats read them."""

from collections.abc import Iterator, Sequence

import polars as pl

from elman.data.exports.registry import Tables
from elman.data.store.dataset import Shard
from elman.data.store.writer import ROW_GROUP, Staging

# Read alone these are read row by row, in parts: of a long contig they may be large.
_BY_ROW = ("data", "proteins", "starts")


def shards_by_source(staging: Staging, shards: Sequence[Shard]) -> dict[str, list[Shard]]:
    """Shards with contigs of each source, in order; a corpus is made of several sources."""
    found: dict[str, list[Shard]] = {}
    for shard in shards:
        scan = staging.scan(shard, "contigs")
        if scan is not None:
            for source in scan.select("source").collect()["source"].unique(maintain_order=True):
                found.setdefault(source, []).append(shard)
    return found


def staged_tables(staging: Staging, shards: Sequence[Shard], source: str | None = None) -> Tables:
    """Tables of the shards; of one source if it is named."""

    def frame(shard: Shard, name: str, begin: int = 0, rows: int | None = None) -> pl.DataFrame:
        scan = staging.scan(shard, name)
        if scan is None:
            return pl.DataFrame()
        frame = scan.slice(begin, rows).collect()
        return frame if source is None else frame.filter(pl.col("source") == source)

    def tables(*names: str, optional: tuple[str, ...] = ()) -> Iterator[tuple[pl.DataFrame, ...]]:
        for shard in shards:
            if not all(name in shard.files for name in names):
                continue
            if len(names) == 1 and not optional and names[0] in _BY_ROW:
                for begin in range(0, max(shard.files[names[0]].rows, 1), ROW_GROUP):
                    yield (frame(shard, names[0], begin, ROW_GROUP),)
            else:
                yield tuple(frame(shard, name) for name in (*names, *optional))

    return tables
