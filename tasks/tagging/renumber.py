"""What of a shard depends on those before it is put right once they are known.

A document of plain text is cut into slices that are tagged apart: their sentences are counted on. Documents
of a source that have the same id are told apart by the line of the later ones, whatever slice they are in.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from elman.data.store.dataset import Shard
from elman.data.store.writer import Staging

AT_ONCE = 1 << 22  # ids compared at a time


def settle(staging: Staging, job: Mapping[str, Any]) -> Shard:
    """Stage a shard anew with what its job says of those before it.

    Args:
        staging: where it is staged.
        job: settle, the shard; base, sentences before it, and delta, how many of them are not counted in it;
            names, what documents are to be called.
    """
    shard = Shard.from_json(job["settle"])
    tables = {}
    for table in shard.files:
        scan = staging.scan(shard, table)
        assert scan is not None
        tables[table] = settled(scan.collect(), job["delta"], job["names"]).rechunk()
    about = {**shard.source, "base": job["base"], "names": len(job["names"])}
    return staging.replace(shard, tables, about)


def settled(frame: pl.DataFrame, base: int, names: Mapping[str, str]) -> pl.DataFrame:
    """A table with sentences counted on from `base`, and documents under their other names."""
    if base and "sentence" in frame.columns:
        frame = frame.with_columns((pl.col("sentence") + base).cast(pl.Int32))
    if names and "document" in frame.columns:
        frame = frame.with_columns(pl.col("document").replace(dict(names)))
    return frame


def renamed(staging: Staging, shards: Sequence[Shard], at_once: int = AT_ONCE) -> dict[int, dict[str, str]]:
    """Documents whose id an earlier shard of the same source has.

    Args:
        staging: where the shards are staged.
        shards: of one source, in order.
        at_once: ids compared at a time, which bounds memory.

    Returns:
        by number of the shard: id -> ID~LINE.
    """
    total = sum(shard.files["documents"].rows for shard in shards if "documents" in shard.files)
    parts = -(-total // at_once)
    out: dict[int, dict[str, str]] = {}
    for part in range(parts):
        hashes = [frame["hash"].to_numpy() for _, frame in _documents(staging, shards, part, parts)]
        ordered = np.sort(np.concatenate(hashes))
        twice = pl.Series(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))
        if not len(twice):
            continue
        met: set[str] = set()
        for number, frame in _documents(staging, shards, part, parts):
            here = frame.filter(pl.col("hash").is_in(twice.implode()))
            for name, line in here.select("document", "line").iter_rows():
                if name in met:
                    out.setdefault(number, {})[name] = f"{name}~{line}"
                met.add(name)
    return out


def _documents(
    staging: Staging, shards: Sequence[Shard], part: int, parts: int
) -> Iterator[tuple[int, pl.DataFrame]]:
    for number, shard in enumerate(shards):
        scan = staging.scan(shard, "documents")
        if scan is not None:
            frame = scan.select("document", "line", hash=pl.col("document").hash()).collect()
            yield number, frame.filter(pl.col("hash") % parts == part)
