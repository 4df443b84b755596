"""CSV and TSV: tables as text, whose first row names the columns (RFC 4180).

Fields are separated by comma, tab, semicolon or bar, whichever the first row is divided by into the columns
that the user names; they may be quoted, and then hold line ends. A row of another number of fields, or
without its closing quote, is quarantined.
"""

import csv
from collections.abc import Iterator, Sequence
from functools import partial

from elman.data.errors import BadInput
from elman.data.formats.common.lines import universal_lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.formats.common.streams import BOM
from elman.data.formats.registry import Head, Opener, TableFormat, register
from elman.data.formats.table.table_rows import ROW_REASONS, Row, missing_columns, read_rows

DELIMITERS = (",", "\t", ";", "|")
LONGEST_ROW = 64 << 20  # bytes
_SHOWN = 1 << 16  # bytes of a bad row that go to quarantine


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read the rows of a file; see `data.formats.registry.TextReader`."""
    yield from read_rows(partial(_rows, opener, source), source, options)


class _Feed:
    """Lines for the parser as text, bytes that are no UTF-8 escaped; `raw` holds those of the current row."""

    def __init__(self, lines: Iterator[bytes], source: str) -> None:
        self.lines, self.source = lines, source
        self.raw: list[bytes] = []
        self.size = 0
        self.line, self.offset = 1, 0  # of the current row
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        for raw in self.lines:
            self.raw.append(raw)
            self.size += len(raw)
            if self.size > LONGEST_ROW:
                raise BadInput(
                    f"rows of at most {LONGEST_ROW >> 20} MiB",
                    got="more, perhaps by a quote that is not closed",
                    todo="Close it, or divide the row.",
                    source=self.source,
                    line=self.line,
                )
            content = raw.removeprefix(BOM) if self.offset == 0 and len(self.raw) == 1 else raw
            yield content.decode("utf-8", "surrogateescape")
        self.ended = True

    def take(self) -> Place:
        """The place of the current row; the next one begins after it."""
        raw = b"".join(self.raw)
        place = Place(self.source, self.line, self.offset, raw[:_SHOWN])
        self.line, self.offset = self.line + len(self.raw), self.offset + len(raw)
        self.raw, self.size = [], 0
        return place


def _rows(opener: Opener, source: str, wanted: Sequence[str]) -> Iterator[Row | Quarantined]:
    csv.field_size_limit(LONGEST_ROW)
    with opener() as stream:
        first = next(universal_lines(stream), b"").removeprefix(BOM).decode("utf-8", "replace")
    delimiter = _delimiter(first, wanted[0])
    with opener() as stream:
        feed = _Feed(universal_lines(stream), source)
        parser = csv.reader(iter(feed), delimiter=delimiter or ",")
        header = next(parser, [])
        missing_columns(wanted, header, source)
        feed.take()
        at = {name: header.index(name) for name in wanted}
        while True:
            try:
                values = next(parser)
            except StopIteration:
                return
            except csv.Error as error:
                yield feed.take().quarantine("invalid-row", f"expected a row. Got {error}", "Mend the row.")
                continue
            open_quote = feed.ended and len(feed.raw) > 1 and b"".join(feed.raw).count(b'"') % 2 == 1
            place = feed.take()
            if values:
                yield _row(place, values, at, len(header), open_quote)


def _row(
    place: Place, values: list[str], at: dict[str, int], columns: int, open_quote: bool
) -> Row | Quarantined:
    if open_quote:
        return place.quarantine(
            "invalid-row", "expected a closing quote. Got the end of the file", "Close it."
        )
    if len(values) != columns:
        detail = f"expected {columns} fields as in the first row. Got {len(values)}"
        return place.quarantine("wrong-columns", detail, "Quote fields that hold the separator.")
    found = {name: values[column] for name, column in at.items()}
    if any("\udc80" <= c <= "\udcff" for value in found.values() for c in value):
        return place.quarantine("invalid-utf8", "expected UTF-8. Got other bytes", "Save the file as UTF-8.")
    return Row(place, {**found})


def _delimiter(first: str, column: str) -> str | None:
    """The separator that divides the first row into fields of which one is the column, or None."""
    for delimiter in DELIMITERS:
        if column in next(csv.reader([first], delimiter=delimiter), []):
            return delimiter
    return None


def _has_column(head: Head, name: str) -> bool:
    return not head.raw.count(0) and _delimiter(head.first, name) is not None


register(
    TableFormat(
        name="delimited",
        rank=70,
        matches=lambda head: False,  # any text may be one: a named column tells
        has_column=_has_column,
        read=read,
        passes=2,
        title="CSV and TSV",
        record="a row",
        notes="with `--text-column`, and perhaps `--labels-column` (spans as JSON) and `--id-column`, by "
        "their names in the first row; separated by comma, tab, semicolon or bar; quoted fields may hold "
        "line ends",
        reasons={
            "invalid-row": "a row that cannot be divided into fields",
            **ROW_REASONS,
            "wrong-columns": "another number of fields than in the first row, or of tags than of tokens",
        },
    )
)
