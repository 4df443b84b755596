"""Table of sentence hashes, spilled to disk beyond a size and queried in buckets: memory is bounded."""

import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from elman.data.quality.findings import EXAMPLES
from elman.data.store.schema import SPLITS

MOST_ROWS = 1_000_000  # in memory at a time, some 40 bytes each
KEYS = ("exact", "near")
_ROW_GROUP = 1 << 14  # rows; sorted by key, so that a bucket reads few of them


class SentenceTable:
    """One row a sentence.

    Columns: row, its number in the corpus; split; tokens; labelled; and three 64-bit hashes: exact (of the
    text), near (of its letters in lower case, runs of all else as one space), labels (of the tags).
    """

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []
        self.rows = 0  # added
        self._spilled = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def add(self, frame: pl.DataFrame, tokens: np.ndarray) -> None:
        """Add sentences, rows of schema.TEXT, with their numbers of tokens (n,)."""
        text = pl.col("text")
        self._frames.append(
            frame.select(
                pl.int_range(self.rows, self.rows + frame.height, dtype=pl.UInt32).alias("row"),
                pl.col("split").cast(pl.Enum(SPLITS)),
                tokens=pl.Series(tokens, dtype=pl.Int32),
                labelled=pl.col("tags").is_not_null(),
                exact=text.hash(1),
                near=text.str.to_lowercase().str.replace_all(r"\P{L}+", " ").hash(2),
                labels=pl.col("tags").list.join(" ").hash(3),
            )
        )
        self.rows += frame.height
        if self.rows - self._spilled > MOST_ROWS:
            self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="elman-check-")
        rows = pl.concat(self._frames)
        for key in KEYS:
            path = Path(self._folder.name) / f"{key}-{self._spilled:012}.parquet"
            rows.sort(key).write_parquet(path, row_group_size=_ROW_GROUP)
        self._spilled, self._frames = self.rows, []

    def _buckets(self, key: str) -> Iterator[pl.DataFrame]:
        """All rows in buckets of about MOST_ROWS; rows with equal `key` are in one bucket."""
        parts = [frame.lazy() for frame in self._frames]
        if self._folder is not None:
            parts.insert(0, pl.scan_parquet(Path(self._folder.name) / f"{key}-*.parquet"))
        count = -(-self.rows // MOST_ROWS)
        edges = [(number << 64) // max(count, 1) for number in range(count + 1)]
        for low, high in pairwise(edges):
            rows = pl.concat(parts)
            if count > 1:
                inside = pl.col(key).is_between(pl.lit(low, pl.UInt64), pl.lit(high - 1, pl.UInt64))
                rows = rows.filter(inside)
            yield rows.collect().sort("row")

    def select(self, key: str, query: Callable[[pl.DataFrame], pl.DataFrame]) -> tuple[int, list[int]]:
        """Run a query over rows grouped by a hash.

        Args:
            key: one of KEYS; rows of equal hash are seen together, in their order.
            query: of a frame of this table's columns; gives some of its rows.

        Returns:
            how many rows it gives in all, and the numbers of the first EXAMPLES of them.
        """
        total, first = 0, list[int]()
        for rows in self._buckets(key):
            matches = query(rows)
            total += matches.height
            first = sorted([*first, *matches["row"].sort().head(EXAMPLES)])[:EXAMPLES]
        return total, first
