"""Parquet as a source: a row is a document, named columns hold its text, its id and its labels.

Slices are runs of rows; pages are read one after the other, so that memory does not grow with the file or its
row groups. Format: https://parquet.apache.org/docs/file-format/.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import Any

import polars as pl

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.formats.registry import Opener, TableFormat, register
from elman.data.formats.table.arrow_rows import class_names, frames_of_batch, rows_of_batch
from elman.data.formats.table.batches import (
    BATCH,
    Columns,
    RowBatch,
    rows_at_a_time,
    split_runs,
)
from elman.data.formats.table.table_rows import LONG_CELL, ROW_REASONS, Row, missing_columns, read_rows

_ROWS, LARGEST = 256, 4 << 20  # rows, and their bytes by the average, read at a time with their labels


def schema(opener: Opener, columns: Columns) -> pl.Schema:
    """Types of the columns; see `data.formats.readers.TableSchema`.

    Raises:
        BadInput: the file is damaged.
    """
    try:
        with opener() as stream:
            return pl.Schema(pl.read_parquet_schema(stream))
    except pl.exceptions.PolarsError as error:
        raise _damaged(error) from None


def split_table(opener: Opener, columns: Columns, size: SliceSize) -> list[Slice]:
    """Runs of rows; see `data.formats.readers.TableSplitter`.

    Raises:
        BadInput: the file is damaged.
    """
    with _opened(opener) as file:
        groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
        return split_runs(((group.num_rows, _bytes(group, columns), {}) for group in groups), size)


def batches(opener: Opener, source: str, columns: Columns, slice_: Slice) -> Iterator[RowBatch | Quarantined]:
    """Rows of a slice; see `data.formats.readers.BatchReader`.

    Raises:
        BadInput: the file is damaged.
    """
    with _opened(opener) as file:
        groups: list[int] = []
        at = row = 0
        for number in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(number).num_rows
            if row < slice_.end and row + rows > slice_.begin:
                if not groups:
                    at = row
                groups.append(number)
            row += rows
        for batch in file.iter_batches(rows_at_a_time(slice_), groups, columns=columns.names):
            yield from frames_of_batch(batch, source, at, slice_)
            at += batch.num_rows
            if at >= slice_.end:
                return


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read the rows of a file with their labels; see `data.formats.registry.TextReader`."""
    yield from read_rows(partial(_rows, opener, source), source, options)


def _rows(opener: Opener, source: str, wanted: Sequence[str]) -> Iterator[Row | Quarantined]:
    with _opened(opener) as file:
        missing_columns(wanted, file.schema_arrow.names, source)
        names, first = class_names(file.schema_arrow), 0
        columns = Columns(wanted[0], keep=tuple(wanted[1:]))
        for rows, groups in groupby(
            range(file.metadata.num_row_groups),
            lambda number: _rows_at_a_time(file.metadata.row_group(number), columns),
        ):
            for batch in file.iter_batches(rows, list(groups), columns=list(wanted)):
                yield from rows_of_batch(batch, source, first, names)
                first += batch.num_rows


@contextmanager
def _opened(opener: Opener) -> Iterator[Any]:
    """A Parquet file whose damage is an error of its own."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with opener() as stream, parquet.ParquetFile(stream, buffer_size=BATCH, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, UnicodeDecodeError) as error:  # the latter in a name
        raise _damaged(error) from None


def _rows_at_a_time(group: Any, columns: Columns) -> int:
    """Rows of a row group that are read together: at most `_ROWS`, fewer where they are large."""
    row_bytes = _bytes(group, columns) / max(group.num_rows, 1)
    return max(min(_ROWS, int(LARGEST / max(row_bytes, 1))), 1)


def _bytes(group: Any, columns: Columns) -> int:
    """Uncompressed bytes of the columns in a row group."""
    wanted = set(columns.names)
    parts = (group.column(number) for number in range(group.num_columns))
    return sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in wanted)


def _damaged(error: Exception) -> BadInput:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return BadInput("a whole Parquet file", got=first, todo="Fetch it again.")


register(
    TableFormat(
        name="parquet",
        rank=10,
        matches=lambda head: head.raw.startswith(b"PAR1"),
        read=read,
        schema=schema,
        split_table=split_table,
        batches=batches,
        row_slices=True,
        binary=True,
        title="Parquet",
        record="a row",
        notes="`--text-column` names the column of text (strings, also in a dictionary; or lists of tokens), "
        "`--id-column` that of ids, `--labels-column` that of spans or tags; names of numbered tags are "
        "those in Hugging Face's metadata; tagged too",
        reasons={**ROW_REASONS, **LONG_CELL},
    )
)
