"""Rows of a table in batches, as tagging reads them: a column of text, one of ids, columns that pass through.

A format gives the types of its columns, slices of its rows and, of a slice, batches of rows; see
`data.formats.registry.TableFormat`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.errors import BadInput
from elman.data.formats.common.records import Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.text.invisible import is_blank
from elman.data.text.scanner import Scanner

BATCH = 1 << 20  # bytes of rows read at a time, about


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


@dataclass(frozen=True)
class RowBatch:
    """Consecutive rows of a table.

    frame: (n) rows of the wanted columns; lines: (n,) number of each row, or of its first line, from 1;
    byte_offsets, raw: (n,) place and bytes of each, of a format whose rows have them, else None.
    """

    frame: pl.DataFrame
    lines: Sequence[int]
    byte_offsets: Sequence[int] | None = None
    raw: Sequence[bytes] | None = None


def check_columns(schema: pl.Schema, columns: Columns, path: Path) -> pl.Schema:
    """Types of the passthrough columns.

    Raises:
        BadInput: a column is missing, or the text column does not hold text.
    """
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


def split_runs(groups: Iterable[tuple[int, float, Mapping[str, Any]]], size: SliceSize) -> list[Slice]:
    """Runs of rows of about the given size in bytes.

    Args:
        groups: of each group of rows as the file holds them: rows, bytes, and what reading from it needs.
        size: of slices.

    Returns:
        slices, counted in rows; state: bytes, their size, and what the group needs in which a slice begins.
    """
    slices: list[Slice] = []
    begin, held, row = 0, 0.0, 0
    first: Mapping[str, Any] = {}
    for rows, total, state in groups:
        left, row_bytes = rows, max(total / max(rows, 1), 1.0)
        while left:
            if not held:
                first = state
            some = min(left, max(int((size(len(slices)) - held) / row_bytes), 1))
            held, row, left = held + some * row_bytes, row + some, left - some
            if held + row_bytes > size(len(slices)):
                slices.append(Slice(begin, row, {"bytes": int(held), **first}))
                begin, held = row, 0.0
    if row > begin or not slices:
        slices.append(Slice(begin, row, {"bytes": int(held), **first}))
    return slices


def rows_at_a_time(slice_: Slice) -> int:
    """Rows of about `BATCH` bytes, by the average of a slice of `split_runs`."""
    row_bytes: int = max(slice_.state["bytes"] // max(slice_.end - slice_.begin, 1), 1)
    return max(BATCH // row_bytes, 1)


def documents(
    batches: Iterable[RowBatch | Quarantined], source: str, columns: Columns, scanner: Scanner
) -> Iterator[Flat | Quarantined | pl.DataFrame]:
    """Documents of the rows of a table.

    Yields:
        for each batch a frame of `line` (see `RowBatch`) and the passthrough columns, if there are any; then
        its documents, and quarantined rows that have no text.
    """
    for batch in batches:
        if isinstance(batch, Quarantined):
            yield batch
            continue
        frame = batch.frame
        if columns.keep:
            yield frame.select(pl.Series("line", batch.lines, dtype=pl.Int64), *columns.keep)
        texts = frame[columns.text].cast(pl.String).to_list()
        ids = frame[columns.id].cast(pl.String).to_list() if columns.id else [None] * frame.height
        for n, (line, text, id) in enumerate(zip(batch.lines, texts, ids, strict=True)):
            offset = batch.byte_offsets[n] if batch.byte_offsets else 0
            if text is None or is_blank(text):
                raw = batch.raw[n] if batch.raw else str("" if id is None else id).encode()
                got = "null" if text is None else "no visible character"
                detail = f"expected text in {columns.text}. Got {got}"
                place = Place(source, line, offset, raw)
                yield place.quarantine("no-text", detail, "Fill it, or leave the row out.")
                continue
            name = f"{source}#{line}" if id is None else id
            yield Flat(name, source, 0, text, *scanner.sentences(text), offset, line)
