"""CSV and TSV: tables as text, whose first row names the columns (RFC 4180).

Fields are separated by comma, tab, semicolon or bar, whichever the first row is divided by into the columns
that the user names; they may be quoted, and then hold line ends. Lines before the first row that are blank,
begin with `#` or name the separator (`sep=;`, as Excel writes) are passed over, as is white space around
names of columns, and empty fields behind the last column. A row of another number of fields, without its
closing quote, or with quotes escaped by a backslash, is quarantined.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO

import polars as pl

from elman.data.errors import BadInput
from elman.data.formats.common import lines
from elman.data.formats.common.lines import Digest, LinePart, universal_lines, universal_parts
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.formats.common.streams import BOM
from elman.data.formats.registry import Head, Opener, TableFormat, register
from elman.data.formats.table.batches import BATCH, Columns, RowBatch
from elman.data.formats.table.table_rows import ROW_REASONS, Row, missing_columns, read_rows

DELIMITERS = (",", "\t", ";", "|")
_PASSED_OVER = re.compile(r"\s*(#.*|sep=.?\s*|\"sep=.?\"\s*)?$")
_SHOWN = 1 << 16  # bytes of a bad row that go to quarantine
_SHOWN_NAMES, _SHOWN_NAME = 50, 100  # columns, and characters of a name, in a message


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read the rows of a file; see `data.formats.registry.TextReader`."""
    yield from read_rows(partial(_rows, opener, source), source, options)


class _TooLong(Exception):
    """A row of more than `LONGEST_RECORD` bytes."""


class _Feed:
    """Lines for the parser as text, bytes that are no UTF-8 escaped; `raw` holds those of the current row.

    line, offset: place of the current row: number of its first line, from 1, and byte.
    """

    def __init__(self, parts: Iterator[bytes], source: str, line: int = 1, offset: int = 0) -> None:
        self.parts, self.source = parts, source
        self.raw: list[bytes] = []
        self.size = 0
        self.line, self.offset = line, offset
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        for raw in self.parts:
            self.raw.append(raw)
            self.size += len(raw)
            if isinstance(raw, LinePart) or self.size > lines.LONGEST_RECORD:
                raise _TooLong
            content = raw.removeprefix(BOM) if self.offset == 0 and len(self.raw) == 1 else raw
            yield content.decode("utf-8", "surrogateescape")
        self.ended = True

    def pass_over(self, count: int) -> None:
        """Go on behind the next lines."""
        for _, raw in zip(range(count), self.parts, strict=False):
            self.line, self.offset = self.line + 1, self.offset + len(raw)

    def parser(self, delimiter: str) -> Iterator[list[str]]:
        """A parser of the rows from the current one on."""
        csv.field_size_limit(lines.LONGEST_RECORD)
        return csv.reader(iter(self), delimiter=delimiter)

    def take(self) -> Place:
        """The place of the current row; the next one begins after it."""
        place = Place(self.source, self.line, self.offset, b"".join(self.raw)[:_SHOWN])
        self.skip()
        return place

    def skip(self) -> None:
        """Go on to the next row."""
        self.line, self.offset = self.line + len(self.raw), self.offset + self.size
        self.raw, self.size = [], 0

    def take_long(self) -> Quarantined:
        """The current row, which is too long; it ends with a line before whose end all quotes are closed."""
        place = Place(self.source, self.line, self.offset, b"")
        digest, last = Digest(self.raw), self.raw[-1]
        quotes, ends = sum(part.count(b'"') for part in self.raw), sum(map(_ended, self.raw))
        while quotes % 2 or not _ended(last):
            last = next(self.parts, b"")
            if not last:
                break
            digest.update(last)
            quotes, ends = quotes + last.count(b'"'), ends + _ended(last)
        self.line, self.offset = self.line + ends, self.offset + digest.size
        self.raw, self.size = [], 0
        limit = f"a row of at most {lines.LONGEST_RECORD} bytes"
        return digest.record().refuse(place, limit, "Divide the row, or close its quote.")


def _is_open(raw: list[bytes], delimiter: str) -> bool:
    """Return True if a quote is open at the end of a row, so that it would go on in a line that follows."""
    text = [line.decode("utf-8", "surrogateescape") for line in raw]
    return sum(1 for _ in csv.reader([*text, "next"], delimiter=delimiter)) < 2


def _ended(part: bytes) -> bool:
    return part.endswith((b"\n", b"\r"))


class _Table:
    """A table open at its first row, behind the names of its columns.

    Raises:
        BadInput: it lacks a column that is wanted; the first of these tells the separator.
    """

    def __init__(self, opener: Opener, stream: BinaryIO, source: str, wanted: Sequence[str]) -> None:
        before, first = 0, ""
        with opener() as beginning:
            for raw in universal_lines(beginning):
                first = raw.removeprefix(BOM).decode("utf-8", "replace")
                if not _is_passed_over(first, wanted[0]):
                    break
                before += 1
        self.delimiter = _delimiter(first, wanted[0]) or ","
        self.feed = _Feed(universal_parts(stream), source)
        self.feed.pass_over(before)
        try:
            header = next(self.feed.parser(self.delimiter), [])
        except _TooLong:
            todo = "Close the quote in the first row."
            raise BadInput("names of columns in the first row", got="a long row", todo=todo) from None
        self.header = header if {*wanted} <= {*header} else [name.strip() for name in header]
        missing_columns(wanted, self.header, source)
        self.feed.skip()
        self.at = [self.header.index(name) for name in wanted]


def _rows(opener: Opener, source: str, wanted: Sequence[str]) -> Iterator[Row | Quarantined]:
    with opener() as stream:
        table = _Table(opener, stream, source, wanted)
        at = dict(zip(wanted, table.at, strict=True))
        yield from _parsed(table.feed, table.delimiter, at, len(table.header))


def _parsed(feed: _Feed, delimiter: str, at: dict[str, int], columns: int) -> Iterator[Row | Quarantined]:
    """Rows of a feed; `at` is the place of each wanted column among all of them."""
    parser = feed.parser(delimiter)
    while True:
        try:
            values = next(parser)
        except StopIteration:
            return
        except _TooLong:
            yield feed.take_long()
            parser = feed.parser(delimiter)
            continue
        except csv.Error as error:
            yield feed.take().quarantine("invalid-row", f"expected a row. Got {error}", "Mend the row.")
            continue
        broken = _broken_quotes(feed, delimiter)
        place = feed.take()
        if broken:
            yield place.quarantine("invalid-row", *broken)
        elif values:
            yield _row(place, values, at, columns)


def _broken_quotes(feed: _Feed, delimiter: str) -> tuple[str, str] | None:
    """Detail and advice of a row whose quotes the parser accepts and should not, or None."""
    if feed.ended and _is_open(feed.raw, delimiter):
        return "expected a closing quote. Got the end of the file", "Close it."
    if any(b'\\"' in line for line in feed.raw):
        text = [line.decode("utf-8", "surrogateescape") for line in feed.raw]
        try:
            next(csv.reader(text, delimiter=delimiter, strict=True), None)
        except csv.Error:
            return 'expected quotes inside of a field twice, "". Got \\"', "Write them twice."
    return None


def _row(place: Place, values: list[str], at: dict[str, int], columns: int) -> Row | Quarantined:
    if len(values) != columns and (len(values) < columns or any(values[columns:])):
        detail = f"expected {columns} fields as in the first row. Got {len(values)}"
        return place.quarantine("wrong-columns", detail, "Quote fields that hold the separator.")
    found = {name: values[column] for name, column in at.items()}
    if any("\udc80" <= c <= "\udcff" for value in found.values() for c in value):
        return place.quarantine("invalid-utf8", "expected UTF-8. Got other bytes", "Save the file as UTF-8.")
    return Row(place, {**found})


def schema(opener: Opener, columns: Columns) -> pl.Schema:
    """Names of the columns, all of strings; see `data.formats.readers.TableSchema`."""
    with opener() as stream:
        names = _Table(opener, stream, "", [columns.text]).header
    return pl.Schema(dict.fromkeys(names, pl.String))


def split_table(opener: Opener, columns: Columns, size: SliceSize) -> list[Slice]:
    """Slices that end after a row, as the parser finds it; see `data.formats.readers.TableSplitter`.

    state: line, the number of lines before; separator; fields, of a row; at, those of the wanted columns.
    """
    slices: list[Slice] = []
    with opener() as stream:
        table = _Table(opener, stream, "", columns.names)
        feed, of_rows = (
            table.feed,
            {"separator": table.delimiter, "fields": len(table.header), "at": table.at},
        )
        begin, line = feed.offset, feed.line
        parser = feed.parser(table.delimiter)
        while True:
            try:
                next(parser)
            except StopIteration:
                break
            except _TooLong:
                feed.take_long()
                parser = feed.parser(table.delimiter)
            except csv.Error:
                pass  # quarantined when it is read
            feed.skip()
            if feed.offset - begin >= size(len(slices)):
                slices.append(Slice(begin, feed.offset, {"line": line - 1, **of_rows}))
                begin, line = feed.offset, feed.line
    if feed.offset > begin or not slices:
        slices.append(Slice(begin, feed.offset, {"line": line - 1, **of_rows}))
    return slices


def batches(opener: Opener, source: str, columns: Columns, slice_: Slice) -> Iterator[RowBatch | Quarantined]:
    """Rows of a slice; see `data.formats.readers.BatchReader`."""
    state, held, size = slice_.state, list[Row](), 0
    at = dict(zip(columns.names, state["at"], strict=True))
    with opener() as stream:
        feed = _Feed(universal_parts(stream), source, state["line"] + 1, slice_.begin)
        for row in _parsed(feed, state["separator"], at, state["fields"]):
            if isinstance(row, Row):
                held.append(row)
                size += len(row.place.raw)
            if held and (size > BATCH or isinstance(row, Quarantined)):
                yield _batch(held, columns)
                held, size = [], 0
            if isinstance(row, Quarantined):
                yield row
    if held:
        yield _batch(held, columns)


def _batch(rows: list[Row], columns: Columns) -> RowBatch:
    frame = pl.DataFrame(
        {name: [row.values[name] for row in rows] for name in columns.names},
        schema=dict.fromkeys(columns.names, pl.String),
    )
    places = [row.place for row in rows]
    return RowBatch(
        frame,
        [place.line or 0 for place in places],
        [place.byte_offset for place in places],
        [place.raw for place in places],
    )


def _names(first: str, delimiter: str) -> list[str]:
    """Names of columns in the first row."""
    return next(csv.reader([first], delimiter=delimiter), [])


def _delimiter(first: str, column: str) -> str | None:
    """The separator that divides the first row into fields of which one is the column, or None."""
    rows = [(delimiter, _names(first, delimiter)) for delimiter in DELIMITERS]
    exact = (delimiter for delimiter, names in rows if column in names)
    bare = (delimiter for delimiter, names in rows if column in (name.strip() for name in names))
    return next(exact, None) or next(bare, None)


def _is_passed_over(line: str, column: str) -> bool:
    """Return True for a line before the first row: a comment, unless it names the column, or a separator."""
    return _PASSED_OVER.match(line) is not None and _delimiter(line, column) is None


def _has_column(head: Head, name: str) -> bool:
    first = next((line for line in head.lines if not _is_passed_over(line, name)), "")
    return not head.raw.count(0) and _delimiter(first, name) is not None


def _columns_by_name(head: Head) -> list[str]:
    """Names in the first row of a file called .csv or .tsv, by the separator that gives the most."""
    if not head.name.endswith((".csv", ".tsv")):
        return []
    first = next((line for line in head.lines if not _PASSED_OVER.match(line)), "")
    rows = (_names(first, delimiter) for delimiter in DELIMITERS)
    return [name[:_SHOWN_NAME] for name in max(rows, key=len)][:_SHOWN_NAMES]


register(
    TableFormat(
        name="delimited",
        rank=70,
        matches=lambda head: False,  # any text may be one: a named column tells
        has_column=_has_column,
        columns_by_name=_columns_by_name,
        read=read,
        schema=schema,
        split_table=split_table,
        batches=batches,
        passes=2,
        title="CSV and TSV",
        record="a row",
        notes="with `--text-column`, and perhaps `--labels-column` (spans as JSON) and `--id-column`, by "
        "their names in the first row; separated by comma, tab, semicolon or bar; quoted fields may hold "
        "line ends; tagged too",
        reasons={
            "invalid-row": "a row that cannot be divided into fields",
            "too-long": f"a row of more than {lines.LONGEST_RECORD >> 20} MiB",
            **ROW_REASONS,
            "wrong-columns": "another number of fields than in the first row, or of tags than of tokens",
        },
    )
)
