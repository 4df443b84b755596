"""Rows of Arrow tables, as Parquet and Arrow IPC hold them."""

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from elman.data.formats.common.records import Place
from elman.data.formats.common.slices import Slice
from elman.data.formats.table.batches import RowBatch, rows_at_a_time
from elman.data.formats.table.table_rows import Row


def rows_of_batch(batch: Any, source: str, first: int, names: dict[str, list[str]]) -> Iterator[Row]:
    """Rows of a record batch; `first` is the number of its first row, from 0."""
    for number, values in enumerate(batch.to_pylist(), first + 1):
        raw = json.dumps(values, ensure_ascii=False, default=str).encode("utf-8", "replace")
        yield Row(Place(source, number, 0, raw), values, names)


def frames_of_batch(batch: Any, first: int, slice_: Slice) -> Iterator[RowBatch]:
    """The rows of a record batch that are of a slice, a few at a time; `first` is its first row, from 0."""
    rows = rows_at_a_time(slice_)
    end = min(slice_.end - first, batch.num_rows)
    for low in range(max(slice_.begin - first, 0), end, rows):
        some = batch.slice(low, min(rows, end - low))
        frame = pl.from_arrow(some)
        assert isinstance(frame, pl.DataFrame)
        yield RowBatch(frame, range(first + low + 1, first + low + 1 + frame.height))


def class_names(schema: Any) -> dict[str, list[str]]:
    """Names of tags by number, of each column for which Hugging Face's metadata has them (`ClassLabel`)."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    found = {}
    for column, feature in info.items():
        inner: Any = feature
        while isinstance(inner, dict) and "names" not in inner and "feature" in inner:
            inner = inner["feature"]
        names = inner.get("names") if isinstance(inner, dict) else None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            found[column] = names
    return found
