"""Reasons why a file is no corpus that its first bytes tell: other kinds of files, encodings, tables."""

import csv
import re

from elman.data.formats.common.tag_styles import is_tag
from elman.data.formats.registry import Head, TableFormat, all_formats
from elman.data.text.tags import OUTSIDE

_UNREADABLE = {  # how a file begins -> what it is
    b"7z\xbc\xaf\x27\x1c": "a 7z archive, which is to be unpacked first",
    b"Rar!\x1a\x07": "a rar archive, which is to be unpacked first",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a document of Excel or Word, to be saved as CSV or text first",
    b"%PDF-": "a PDF, whose text is to be extracted first",
    b"{\\rtf": "a document in RTF, to be saved as text first",
}
_ROWS = 200  # of a table that are looked at
_PROTEIN = re.compile(r"ID {3}\S.*\d AA\.\s*$")
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF32_MARKS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")


def unreadable(head: Head) -> str | None:
    """Reason why a file cannot be read at all, or None."""
    for begins, what in _UNREADABLE.items():
        if head.raw.startswith(begins):
            return what
    if _PROTEIN.match(head.first):
        return "entries of proteins (UniProt or EMBL, AA); give the DNA they were translated from"
    if any(format_.binary and format_.matches(head) for format_ in all_formats()):
        return None
    return "binary data" if head.raw.count(0) > len(head.raw) // 100 else None


def wide_encoding(raw: bytes) -> str | None:
    """Advice for text of two or four bytes a character that does not say so by a mark of UTF-16, or None.

    Such text of Western letters has a NUL in every place but one of two, or of four.
    """
    if raw.startswith(_UTF32_MARKS):
        return "text in UTF-32: give --encoding utf-32, or save it as UTF-8"
    some = raw[: len(raw) // 2 * 2][:4096]
    if len(some) < 4 or raw.startswith(UTF16_MARKS):
        return None
    even, odd = some[::2].count(0), some[1::2].count(0)
    if min(even, odd) or max(even, odd) < len(some) // 4:
        return None
    name = "utf-16-le" if odd else "utf-16-be"
    return f"text in UTF-16 without a byte order mark: give --encoding {name}, or save it as UTF-8"


def _has_tags(head: Head) -> bool:
    """Return True if a column of a table holds a tag in each row, and not O alone."""
    rows = [*csv.reader(head.lines[1:_ROWS])]
    columns = [*zip(*(row for row in rows if len(row) == len(rows[0])), strict=True)] if rows else []
    return any(all(map(is_tag, column)) and {*column} != {OUTSIDE} for column in columns)


def table_as_text(head: Head, text_column: str | None) -> str | None:
    """Reason why a file that its name tells as a table is not read as one; None for other files."""
    tables = (format_ for format_ in all_formats() if isinstance(format_, TableFormat))
    names = next((names for format_ in tables if (names := format_.columns_by_name(head))), ())
    if not names:
        return None
    if _has_tags(head):
        return (
            "a table of a token a row, with commas; save it with tabs between the columns and an empty line "
            "between sentences (CoNLL), and give --token-column and --tag-column"
        )
    columns = ", ".join(names)
    if text_column is None:
        return f"a table without a column of tags; --text-column tells that of texts, one of {columns}"
    return f"a table of the columns {columns}, without {text_column!r} that --text-column names"
