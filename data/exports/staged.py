"""Staged tables of a tagged dataset, shard by shard, as export formats read them."""

from collections.abc import Iterator, Sequence

import polars as pl

from elman.data.exports.registry import Tables
from elman.data.store.dataset import Shard
from elman.data.store.writer import Staging


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
    """Staged tables of the shards, as export formats read them; of one source if it is named."""

    def frame(shard: Shard, name: str) -> pl.DataFrame:
        scan = staging.scan(shard, name)
        if scan is None:
            return pl.DataFrame()
        return (scan if source is None else scan.filter(pl.col("source") == source)).collect()

    def tables(*names: str, optional: tuple[str, ...] = ()) -> Iterator[tuple[pl.DataFrame, ...]]:
        for shard in shards:
            if all(name in shard.files for name in names):
                yield tuple(frame(shard, name) for name in (*names, *optional))

    return tables
