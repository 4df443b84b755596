"""Table of sentence hashes, spilled to disk beyond a size and queried in buckets: memory is bounded."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from elman.data.quality.findings import EXAMPLES

MOST_ROWS = 2_000_000  # in memory at a time, some 200 bytes each
SHOWN = 80  # characters of a sentence kept for examples


class SentenceTable:
    """One row a sentence.

    Columns: split, source, document, text (its first characters), tokens, labelled, and three 64-bit hashes:
    exact (of the text), near (of its letters in lower case, runs of all else as one space), labels (of the
    tags).
    """

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []
        self._rows = self._spilled = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def add(self, frame: pl.DataFrame, tokens: np.ndarray) -> None:
        """Add sentences, rows of schema.TEXT, with their numbers of tokens (n,)."""
        text = pl.col("text")
        self._frames.append(
            frame.select(
                "split",
                "source",
                "document",
                text.str.slice(0, SHOWN),
                tokens=pl.Series(tokens, dtype=pl.Int32),
                labelled=pl.col("tags").is_not_null(),
                exact=text.hash(1),
                near=text.str.to_lowercase().str.replace_all(r"\P{L}+", " ").hash(2),
                labels=pl.col("tags").list.join(" ").hash(3),
            )
        )
        self._rows += frame.height
        if self._rows > MOST_ROWS:
            self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="elman-check-")
        path = Path(self._folder.name) / f"{self._spilled:08}.parquet"
        pl.concat(self._frames).write_parquet(path)
        self._spilled += self._rows
        self._frames, self._rows = [], 0

    def _buckets(self, key: str) -> Iterator[pl.DataFrame]:
        """All rows in buckets of about MOST_ROWS; rows with equal `key` are in one bucket."""
        parts = [frame.lazy() for frame in self._frames]
        if self._folder is not None:
            parts.insert(0, pl.scan_parquet(Path(self._folder.name) / "*.parquet"))
        if not parts:
            return
        count = -(-(self._spilled + self._rows) // MOST_ROWS)
        for bucket in range(count):
            rows = pl.concat(parts)
            if count > 1:
                rows = rows.filter(pl.col(key) % count == bucket)
            yield rows.collect()

    def select(self, key: str, query: Callable[[pl.DataFrame], pl.DataFrame]) -> tuple[int, pl.DataFrame]:
        """Run a query over rows grouped by a hash.

        Args:
            key: "exact" or "near"; rows of equal hash are seen together.
            query: of a frame of this table's columns; gives some of its rows.

        Returns:
            how many rows it gives in all, and the first EXAMPLES of them.
        """
        total, first = 0, list[pl.DataFrame]()
        for rows in self._buckets(key):
            matches = query(rows)
            total += matches.height
            first.append(matches.head(EXAMPLES))
        return total, pl.concat(first).head(EXAMPLES) if first else pl.DataFrame()
