"""Arrow IPC: tables as files (Feather of version 2) and as streams (of Hugging Face datasets).

Format: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc.
Batches are read one after the other.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.formats.registry import Head, Opener, TableFormat, register
from elman.data.formats.table.arrow_rows import class_names, rows_of_batch
from elman.data.formats.table.table_rows import ROW_REASONS, Row, missing_columns, read_rows

_FILE = b"ARROW1"
_STREAM = b"\xff\xff\xff\xff"


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read the rows of a file; see `data.formats.registry.TextReader`."""
    yield from read_rows(partial(_rows, opener, source), source, options)


def _rows(opener: Opener, source: str, wanted: Sequence[str]) -> Iterator[Row | Quarantined]:
    import pyarrow as pa

    with opener() as stream:
        is_file = stream.read(len(_FILE)) == _FILE
    try:
        with opener() as stream, _opened(stream, is_file) as reader:
            missing_columns(wanted, reader.schema.names, source)
            names = class_names(reader.schema)
            batches: Iterator[Any] = (
                (reader.get_batch(number) for number in range(reader.num_record_batches))
                if is_file
                else iter(reader)
            )
            first = 0
            for batch in batches:
                chosen = batch.select(list(wanted))
                chosen.validate(full=True)  # offsets of a damaged file would lead out of its memory
                yield from rows_of_batch(chosen, source, first, names)
                first += batch.num_rows
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise BadInput("a whole Arrow file", got=str(error), todo="Fetch it again.", source=source) from None


def _opened(stream: Any, is_file: bool) -> Any:
    import pyarrow as pa

    python_file = pa.PythonFile(stream, "r")
    return pa.ipc.open_file(python_file) if is_file else pa.ipc.open_stream(python_file)


def _matches(head: Head) -> bool:
    """Return True for the mark of a file, or that of a stream and the size, below 64 KiB, of its schema."""
    return head.raw.startswith(_FILE) or (head.raw.startswith(_STREAM) and head.raw[6:8] == b"\0\0")


register(
    TableFormat(
        name="arrow",
        rank=11,
        matches=_matches,
        read=read,
        binary=True,
        title="Arrow IPC",
        record="a row",
        notes="files (Feather) and streams, as Parquet",
        reasons=ROW_REASONS,
    )
)
