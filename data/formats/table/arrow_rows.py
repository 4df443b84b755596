"""Rows of Arrow tables, as Parquet and Arrow IPC hold them."""

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from elman.data.formats.common import lines
from elman.data.formats.common.lines import Digest
from elman.data.formats.common.records import Place, Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.formats.table.batches import RowBatch, rows_at_a_time
from elman.data.formats.table.table_rows import Row

_LARGE = 4 << 20  # bytes of rows that are looked at one by one


def rows_of_batch(
    batch: Any, source: str, first: int, names: dict[str, list[str]]
) -> Iterator[Row | Quarantined]:
    """Rows of a record batch; `first` is the number of its first row, from 0."""
    for at, some in _parts(batch, source, first, batch.num_rows):
        if isinstance(some, Quarantined):
            yield some
            continue
        for number, values in enumerate(some.to_pylist(), at + 1):
            raw = json.dumps(values, ensure_ascii=False, default=str).encode("utf-8", "replace")
            yield Row(Place(source, number, 0, raw), values, names)


def frames_of_batch(batch: Any, source: str, first: int, slice_: Slice) -> Iterator[RowBatch | Quarantined]:
    """The rows of a record batch that are of a slice, a few at a time; `first` is its first row, from 0."""
    low, high = max(slice_.begin - first, 0), min(slice_.end - first, batch.num_rows)
    chosen = batch.slice(low, max(high - low, 0))
    for at, some in _parts(chosen, source, first + low, rows_at_a_time(slice_)):
        if isinstance(some, Quarantined):
            yield some
            continue
        frame = pl.from_arrow(some)
        assert isinstance(frame, pl.DataFrame)
        yield RowBatch(frame, range(at + 1, at + 1 + frame.height))


def _parts(batch: Any, source: str, first: int, rows: int) -> Iterator[tuple[int, Any]]:
    """Parts of a record batch of so many rows, and quarantined rows; each with its first row, from 0.

    Rows come one by one where some are large (a dictionary may repeat a large value in each) or no UTF-8.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    dictionaries = [column for column in batch.columns if pa.types.is_dictionary(column.type)]
    strings = [column.dictionary for column in dictionaries if _is_string(column.type.value_type)]
    valid = _is_valid(batch)
    longest = sum(pc.max(pc.binary_length(values)).as_py() or 0 for values in strings)
    for low in range(0, batch.num_rows, rows):
        some = batch.slice(low, rows)
        own = sum(column.nbytes for column in some.columns if not pa.types.is_dictionary(column.type))
        if own + longest * some.num_rows <= _LARGE and valid:
            yield first + low, some
            continue
        for at in range(first + low, first + low + some.num_rows):
            row = batch.slice(at - first, 1)
            yield (
                at,
                _too_long(row, source, at + 1) or (None if valid else _not_utf8(row, source, at + 1)) or row,
            )


def _too_long(row: Any, source: str, number: int) -> Quarantined | None:
    """The row, if it has a cell beyond the limit, as quarantined."""
    import pyarrow as pa

    for name, cell in zip(row.schema.names, row.columns, strict=True):
        value = cell.dictionary_decode() if pa.types.is_dictionary(cell.type) else cell
        if value.nbytes <= lines.LONGEST_RECORD:
            continue
        digest = Digest()
        for part in _bytes_of(value):
            digest.update(part)
        if digest.size > lines.LONGEST_RECORD:
            record = digest.record()
            detail = (
                f"expected cells of at most {lines.LONGEST_RECORD} bytes. Got {record.size} in {name} of "
                f"row {number}, sha256 {record.sha256}"
            )
            todo = "Divide the row, or give its text as a file of plain text, which may be of any length."
            return Place(source, number, 0, record.head).quarantine("too-long", detail, todo)
    return None


def _is_valid(rows: Any) -> bool:
    """Return True unless strings are no UTF-8, or offsets lead out of them."""
    import pyarrow as pa

    try:
        rows.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _not_utf8(row: Any, source: str, number: int) -> Quarantined | None:
    if _is_valid(row):
        return None
    detail = f"expected UTF-8. Got other bytes in row {number}"
    return Place(source, number, 0, b"").quarantine("invalid-utf8", detail, "Write its text as UTF-8.")


def _is_string(type_: Any) -> bool:
    import pyarrow as pa

    known = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_known(type_) for is_known in known)


def _bytes_of(cells: Any) -> Iterator[bytes | memoryview]:
    """The bytes of strings, and of those in lists and structures; of other values none."""
    import pyarrow as pa

    type_ = cells.type
    if _is_string(type_):
        yield from (memoryview(scalar.as_buffer()) for scalar in cells if scalar.is_valid)
    elif pa.types.is_struct(type_):
        for field in cells.flatten():
            yield from _bytes_of(field)
    elif pa.types.is_list(type_) or pa.types.is_large_list(type_):
        yield from _bytes_of(cells.flatten())


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
