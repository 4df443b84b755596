"""Parquet as a source: a row is a document, named columns hold its text, its id and its labels.

Passthrough columns come out as they are. Slices are runs of rows; pages are read one after the other, so that
memory does not grow with the file or its row groups.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.formats.registry import Opener, TableFormat, register
from elman.data.formats.table.arrow_rows import class_names, rows_of_batch
from elman.data.formats.table.table_rows import ROW_REASONS, Row, missing_columns, read_rows
from elman.data.text.invisible import is_blank
from elman.data.text.scanner import Scanner

_BATCH = 1 << 20  # bytes of rows read at a time, by the file's average
_ROWS = 256  # read at a time with their labels


@dataclass(frozen=True)
class Columns:
    """Names of columns: text; id, or None if rows have none; keep, the passthrough columns."""

    text: str
    id: str | None = None
    keep: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """All columns, without duplicates."""
        return list(dict.fromkeys([self.text, *([self.id] if self.id else []), *self.keep]))


def check(path: Path, columns: Columns) -> pl.Schema:
    """Types of the passthrough columns.

    Raises:
        BadInput: the file is damaged, a column is missing, or the text column does not hold text.
    """
    try:
        schema = pl.read_parquet_schema(path)
    except pl.exceptions.PolarsError as error:
        raise _damaged(path, error) from None
    missing = [name for name in columns.names if name not in schema]
    if missing:
        raise BadInput(
            f"the columns {', '.join(columns.names)}",
            got=f"{', '.join(schema)}",
            todo="Name columns the file has, with --text-column, --id-column and --keep.",
            source=path,
        )
    if schema[columns.text] not in (pl.String, pl.Categorical, pl.Enum):
        raise BadInput(
            f"text in the column {columns.text}",
            got=str(schema[columns.text]),
            todo="Name another with --text-column.",
            source=path,
        )
    return pl.Schema({name: schema[name] for name in columns.keep})


def split(path: Path, columns: Columns, size: SliceSize) -> list[Slice]:
    """Runs of rows of about the given size in bytes; state: bytes, their size.

    Raises:
        BadInput: the file is damaged.
    """
    slices: list[Slice] = []
    begin, held = 0, 0.0
    row = 0
    with _opened(path) as file:
        for number in range(file.metadata.num_row_groups):
            group = file.metadata.row_group(number)
            rows, left = group.num_rows, group.num_rows
            row_bytes = max(_bytes(group, columns) / max(rows, 1), 1.0)
            while left:
                some = min(left, max(int((size(len(slices)) - held) / row_bytes), 1))
                held, row, left = held + some * row_bytes, row + some, left - some
                if held + row_bytes > size(len(slices)):
                    slices.append(Slice(begin, row, {"bytes": int(held)}))
                    begin, held = row, 0.0
    if row > begin or not slices:
        slices.append(Slice(begin, row, {"bytes": int(held)}))
    return slices


def read(
    path: Path, source: str, columns: Columns, slice_: Slice, scanner: Scanner
) -> Iterator[Flat | Quarantined | pl.DataFrame]:
    """Read the rows of a slice.

    Yields:
        for each batch of rows a frame of `line` (the row, from 1) and the passthrough columns, if there are
        any; then its documents, and quarantined rows that have no text.

    Raises:
        BadInput: the file is damaged.
    """
    try:
        for first, frame in _batches(path, columns, slice_):
            if columns.keep:
                yield frame.select(
                    pl.int_range(first + 1, first + 1 + frame.height, dtype=pl.Int64).alias("line"),
                    *columns.keep,
                )
            ids = frame[columns.id].cast(pl.String).to_list() if columns.id else [None] * frame.height
            for number, (text, id) in enumerate(
                zip(frame[columns.text].cast(pl.String).to_list(), ids, strict=True), first + 1
            ):
                if text is None or is_blank(text):
                    got = "null" if text is None else "no visible character"
                    detail = f"expected text in {columns.text}. Got {got}"
                    place = Place(source, number, 0, str("" if id is None else id).encode())
                    yield place.quarantine("no-text", detail, "Fill it, or leave the row out.")
                    continue
                name = f"{source}#{number}" if id is None else id
                yield Flat(name, source, 0, text, *scanner.sentences(text), 0, number)
    except pl.exceptions.PolarsError as error:
        raise _damaged(path, error) from None


def read_labelled(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read the rows of a file with their labels; see `data.formats.registry.TextReader`."""
    yield from read_rows(partial(_rows, opener, source), source, options)


def _rows(opener: Opener, source: str, wanted: Sequence[str]) -> Iterator[Row | Quarantined]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with opener() as stream:
            file = parquet.ParquetFile(stream, buffer_size=_BATCH, pre_buffer=False)
            missing_columns(wanted, file.schema_arrow.names, source)
            names, first = class_names(file.schema_arrow), 0
            for batch in file.iter_batches(_ROWS, columns=list(wanted)):
                yield from rows_of_batch(batch, source, first, names)
                first += batch.num_rows
    except pa.ArrowException as error:
        raise _damaged(Path(source), error) from None


def _batches(path: Path, columns: Columns, slice_: Slice) -> Iterator[tuple[int, pl.DataFrame]]:
    """Frames of the rows of a slice, each with the number of its first row, from 0."""
    with _opened(path) as file:
        groups: list[int] = []
        before = row = 0
        for number in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(number).num_rows
            if row < slice_.end and row + rows > slice_.begin:
                if not groups:
                    before = row
                groups.append(number)
            row += rows
        row_bytes = max(slice_.state["bytes"] // max(slice_.end - slice_.begin, 1), 1)
        at = before
        for batch in file.iter_batches(max(_BATCH // row_bytes, 1), groups, columns=columns.names):
            low, high = max(slice_.begin - at, 0), min(slice_.end - at, batch.num_rows)
            if low < high:
                frame = pl.from_arrow(batch.slice(low, high - low))
                assert isinstance(frame, pl.DataFrame)
                yield at + low, frame
            at += batch.num_rows
            if at >= slice_.end:
                return


class _opened:  # noqa: N801 (reads as a function)
    """A Parquet file whose errors name it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Any:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            self.file = parquet.ParquetFile(self.path, buffer_size=_BATCH, pre_buffer=False)
        except pa.ArrowException as error:
            raise _damaged(self.path, error) from None
        return self.file

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        import pyarrow as pa

        self.file.close()
        if isinstance(error, pa.ArrowException) or (isinstance(error, OSError) and error.errno is None):
            raise _damaged(self.path, error) from None


def _bytes(group: Any, columns: Columns) -> int:
    """Uncompressed bytes of the columns in a row group."""
    wanted = set(columns.names)
    parts = (group.column(number) for number in range(group.num_columns))
    return sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in wanted)


def _damaged(path: Path, error: Exception) -> BadInput:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return BadInput("a whole Parquet file", got=first, todo="Fetch it again.", source=path)


def same_types(schemas: Sequence[tuple[Path, pl.Schema]]) -> None:
    """Check that the passthrough columns have the same types in all files.

    Raises:
        BadInput: one differs from the first.
    """
    for path, schema in schemas[1:]:
        if schema != schemas[0][1]:
            got, wanted = dict(schema), dict(schemas[0][1])
            todo = "Tag them in separate runs, or keep only columns of the same type."
            raise BadInput(
                f"kept columns {wanted} as in {schemas[0][0]}", got=str(got), todo=todo, source=path
            )


register(
    TableFormat(
        name="parquet",
        rank=10,
        matches=lambda head: head.raw.startswith(b"PAR1"),
        read=read_labelled,
        binary=True,
        title="Parquet",
        record="a row",
        notes="`--text-column` names the column of text (strings, also in a dictionary; or lists of tokens), "
        "`--id-column` that of ids, `--labels-column` that of spans or tags; names of numbered tags are "
        "those in Hugging Face's metadata; tagged too",
        reasons=ROW_REASONS,
    )
)
