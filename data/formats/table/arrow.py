"""Arrow IPC: tables as files (Feather of version 2) and as streams (of Hugging Face datasets).

Format: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc.
Batches are read one after the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import polars as pl

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.formats.registry import Head, Opener, TableFormat, register
from elman.data.formats.table.arrow_rows import class_names, frames_of_batch, rows_of_batch
from elman.data.formats.table.batches import Columns, RowBatch, split_runs
from elman.data.formats.table.table_rows import LONG_CELL, ROW_REASONS, Row, missing_columns, read_rows

_FILE = b"ARROW1"
_STREAM = b"\xff\xff\xff\xff"


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read the rows of a file; see `data.formats.registry.TextReader`."""
    yield from read_rows(partial(_rows, opener, source), source, options)


def _rows(opener: Opener, source: str, wanted: Sequence[str]) -> Iterator[Row | Quarantined]:
    with _opened(opener, wanted) as table:
        missing_columns(wanted, table.schema.names, source)
        names, first = class_names(table.schema), 0
        for batch, _ in table.batches({}):
            yield from rows_of_batch(batch, source, first, names)
            first += batch.num_rows


def schema(opener: Opener, columns: Columns) -> pl.Schema:
    """Types of the columns; see `data.formats.readers.TableSchema`.

    Raises:
        BadInput: the file is damaged.
    """
    with _opened(opener, columns.names) as table:
        frame = pl.from_arrow(table.schema.empty_table())
        assert isinstance(frame, pl.DataFrame)
        return frame.schema


def split_table(opener: Opener, columns: Columns, size: SliceSize) -> list[Slice]:
    """Runs of rows; see `data.formats.readers.TableSplitter`.

    state: first, the number of rows before the record batch in which a slice begins; of a file number, that
    of this batch; of a stream at, its byte, where it can be read without the batches before it.

    Raises:
        BadInput: the file is damaged.
    """

    def groups(table: "_Table") -> Iterator[tuple[int, float, dict[str, int]]]:
        first = 0
        for batch, place in table.batches({}):
            yield batch.num_rows, float(batch.nbytes), {"first": first, **place}
            first += batch.num_rows

    with _opened(opener, columns.names) as table:
        return split_runs(groups(table), size)


def batches(opener: Opener, source: str, columns: Columns, slice_: Slice) -> Iterator[RowBatch | Quarantined]:
    """Rows of a slice; see `data.formats.readers.BatchReader`.

    Raises:
        BadInput: the file is damaged.
    """
    if slice_.begin == slice_.end:
        return
    with _opened(opener, columns.names) as table:
        at = slice_.state["first"] if {"number", "at"} & slice_.state.keys() else 0
        for batch, _ in table.batches(slice_.state):
            yield from frames_of_batch(batch, source, at, slice_)
            at += batch.num_rows
            if at >= slice_.end:
                return


@dataclass
class _Table:
    """An open file or stream; `reader` reads the wanted columns of it, `schema` has all."""

    stream: BinaryIO
    reader: Any
    schema: Any
    wanted: list[str]
    is_file: bool

    def batches(self, state: Mapping[str, int]) -> Iterator[tuple[Any, dict[str, int]]]:
        """Record batches with their places, from a place in the state of a slice or from the beginning."""
        if self.is_file:
            for number in range(state.get("number", 0), self.reader.num_record_batches):
                yield self._checked(self.reader.get_batch(number)), {"number": number}
            return
        # The reader takes the bytes of one message after the other, and dictionaries before the first batch.
        alone = self.stream.seekable() and not any(map(_has_dictionary, self.schema.types))
        if "at" in state:
            self.stream.seek(state["at"])
        while True:
            place = {"at": self.stream.tell()} if alone else {}
            try:
                batch = self.reader.read_next_batch()
            except StopIteration:
                return
            yield self._checked(batch), place

    def _checked(self, batch: Any) -> Any:
        chosen = batch.select([name for name in self.wanted if name in self.schema.names])
        chosen.validate(full=True)  # offsets of a damaged file would lead out of its memory
        return chosen


def _has_dictionary(type_: Any) -> bool:
    import pyarrow as pa

    inner = [type_.field(number).type for number in range(type_.num_fields)]
    return pa.types.is_dictionary(type_) or any(map(_has_dictionary, inner))


@contextmanager
def _opened(opener: Opener, wanted: Sequence[str]) -> Iterator[_Table]:
    """A file or stream whose damage is an error of its own."""
    import pyarrow as pa

    with opener() as stream:
        is_file = stream.read(len(_FILE)) == _FILE
    open_ = pa.ipc.open_file if is_file else pa.ipc.open_stream
    try:
        with opener() as stream, open_(pa.PythonFile(stream, "r")) as reader:
            yield _Table(stream, reader, reader.schema, list(wanted), is_file)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise BadInput("a whole Arrow file", got=str(error), todo="Fetch it again.") from None


def _matches(head: Head) -> bool:
    """Return True for the mark of a file, or that of a stream and the size, below 64 KiB, of its schema."""
    return head.raw.startswith(_FILE) or (head.raw.startswith(_STREAM) and head.raw[6:8] == b"\0\0")


register(
    TableFormat(
        name="arrow",
        rank=11,
        matches=_matches,
        read=read,
        schema=schema,
        split_table=split_table,
        batches=batches,
        row_slices=True,
        binary=True,
        title="Arrow IPC",
        record="a row",
        notes="files (Feather) and streams, as Parquet; tagged too",
        reasons={**ROW_REASONS, **LONG_CELL},
    )
)
