"""A table that grows frame by frame: in memory up to a limit, in temporary files beyond it."""

import tempfile
from pathlib import Path

import polars as pl

MEMORY_LIMIT = 1 << 24  # bytes of a table kept in memory


class GrowingTable:
    """Rows in the order they were added.

    Args:
        folder: where a temporary folder is made for what is more than `limit`, removed with this object; None
            to keep any number of rows in memory.
        limit: bytes.
    """

    def __init__(self, folder: Path | None = None, limit: int = MEMORY_LIMIT) -> None:
        self._folder, self._limit = folder, limit
        self._frames: list[pl.DataFrame] = []
        self._size = 0
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self._paths: list[Path] = []
        self.height = self.parts = 0  # rows, and frames they came in

    @classmethod
    def of(cls, frame: pl.DataFrame) -> "GrowingTable":
        """The rows of a frame, in memory."""
        table = cls()
        table.add(frame)
        return table

    def add(self, frame: pl.DataFrame) -> None:
        """Append rows; all frames have the same columns."""
        self._frames.append(frame)
        self._size += int(frame.estimated_size())
        self.height += frame.height
        self.parts += 1
        if self._folder is not None and self._size > self._limit:
            self._write(self._folder)

    def _write(self, folder: Path) -> None:
        if self._files is None:
            self._files = tempfile.TemporaryDirectory(prefix="rows-", dir=folder)
        self._paths.append(Path(self._files.name) / f"{len(self._paths):06}.parquet")
        pl.concat(self._frames).write_parquet(self._paths[-1], compression="zstd")
        self._frames, self._size = [], 0

    @property
    def in_memory(self) -> bool:
        """True if no row was written to a file."""
        return not self._paths

    def frame(self) -> pl.DataFrame:
        """All rows, of one frame at least, in memory."""
        return pl.concat(self._frames) if self.in_memory else self.scan().collect()

    def scan(self) -> pl.LazyFrame:
        """All rows, of one frame at least; usable while this object lives."""
        return pl.concat([*map(pl.scan_parquet, self._paths), *(frame.lazy() for frame in self._frames)])
