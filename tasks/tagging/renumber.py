"""Renumbers the sentences of documents over shards, and tells repeated document ids apart.

A document of plain text is split into slices that are tagged independently: their sentences are numbered
on from those before. Documents of a source with the same id get the line of the later ones in their name,
whatever slice they are in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from elman.data.store.dataset import Shard
from elman.data.store.writer import Staging
from elman.tasks.tagging.origin import ShardOrigin

MAX_IDS = 1 << 22  # compared at a time


@dataclass(frozen=True)
class RenumberJob:
    """One attempt at renumbering a staged shard.

    Attributes:
        shard: as staged.
        base: sentences of its first document in the slices before.
        delta: how many of them its sentence numbers do not count yet.
        names: new name by document id.
    """

    shard: Shard
    base: int
    delta: int
    names: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        job = {"base": self.base, "delta": self.delta, "names": self.names}
        return {"renumber": self.shard.to_json(), **job}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "RenumberJob":
        """Return the job that `to_json` gave."""
        shard = Shard.from_json(value["renumber"])
        return cls(shard, value["base"], value["delta"], value["names"])


def renumber(staging: Staging, job: RenumberJob) -> Shard:
    """Stage a shard again, with sentence numbers and document names that depend on the shards before it."""
    tables = {}
    for table in job.shard.files:
        scan = staging.scan(job.shard, table)
        assert scan is not None
        tables[table] = renumbered(scan.collect(), job.delta, job.names).rechunk()
    origin = replace(ShardOrigin.from_json(job.shard.source), base=job.base, names=len(job.names))
    return staging.replace(job.shard, tables, origin.to_json())


def renumbered(frame: pl.DataFrame, base: int, names: Mapping[str, str]) -> pl.DataFrame:
    """Return a table with `base` added to sentence numbers, and documents under new names."""
    if base and "sentence" in frame.columns:
        frame = frame.with_columns((pl.col("sentence") + base).cast(pl.Int32))
    if names and "document" in frame.columns:
        frame = frame.with_columns(pl.col("document").replace(dict(names)))
    return frame


def repeated_ids(
    staging: Staging, shards: Sequence[Shard], at_once: int = MAX_IDS
) -> dict[int, dict[str, str]]:
    """Find documents whose id an earlier shard of the same source has.

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
        repeated = pl.Series(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))
        if not len(repeated):
            continue
        seen: set[str] = set()
        for number, frame in _documents(staging, shards, part, parts):
            candidates = frame.filter(pl.col("hash").is_in(repeated.implode()))
            for name, line in candidates.select("document", "line").iter_rows():
                if name in seen:
                    out.setdefault(number, {})[name] = f"{name}~{line}"
                seen.add(name)
    return out


def _documents(
    staging: Staging, shards: Sequence[Shard], part: int, parts: int
) -> Iterator[tuple[int, pl.DataFrame]]:
    for number, shard in enumerate(shards):
        scan = staging.scan(shard, "documents")
        if scan is not None:
            frame = scan.select("document", "line", hash=pl.col("document").hash()).collect()
            yield number, frame.filter(pl.col("hash") % parts == part)
