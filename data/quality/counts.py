"""Counts of keys in bounded memory."""

import polars as pl

MOST_KEYS = 1_000_000  # counted exactly; beyond, the rarest are dropped
_PENDING = 200_000  # rows added before they are merged


class Counts:
    """Counts of distinct rows of some columns, and the first value of others.

    Args:
        keys: columns that are counted.
        kept: columns of which the first value is kept.
    """

    def __init__(self, keys: pl.Schema, kept: pl.Schema | None = None) -> None:
        self._keys, self._kept = list(keys), list(kept or ())
        self._known = pl.DataFrame(schema={**keys, **(kept or {}), "count": pl.Int64})
        self._added: list[pl.DataFrame] = []
        self._rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows of a frame, once each or by its column `count`."""
        count = pl.col("count").sum() if "count" in frame.columns else pl.len()
        new = frame.group_by(self._keys).agg(pl.col(self._kept).first(), count.cast(pl.Int64).alias("count"))
        self._added.append(new.select(self._known.columns))
        self._rows += new.height
        if self._rows > max(_PENDING, self._known.height // 2):
            self._merge()

    def _merge(self) -> None:
        joined = pl.concat([self._known, *self._added]).group_by(self._keys, maintain_order=True)
        total = joined.agg(pl.col(self._kept).first(), pl.col("count").sum())
        if total.height > MOST_KEYS:
            order = ["count", *self._keys]
            total = total.sort(order, descending=[True, *[False] * len(self._keys)]).head(MOST_KEYS // 2)
        self._known, self._added, self._rows = total.select(self._known.columns), [], 0

    def table(self) -> pl.DataFrame:
        """Keys, kept columns and `count`."""
        if self._added:
            self._merge()
        return self._known
