"""Export of classes to CSV (RFC 4180), one document or contig per row.

A name or label that a spreadsheet would take for a formula begins with an apostrophe there.
"""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from elman.data.exports.registry import Chunk, Export, Tables, register

FORMULA = r"^([=+\-@\t\r])"  # https://owasp.org/www-community/attacks/CSV_Injection
_COLUMNS = ("source", "document", "label", "probability")


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """Rows `source,document,label,probability`.

    Args:
        tables: data (schema.CLASSIFIED), in order.
        config: of the tagged dataset, unused.
    """
    yield (",".join(_COLUMNS) + "\r\n").encode()
    for (classes,) in tables("data"):
        out = io.BytesIO()
        safe = classes.with_columns(pl.col("source", "document", "label").str.replace(FORMULA, "'${1}"))
        rows = safe.select(_COLUMNS)
        rows.write_csv(out, include_header=False, line_terminator="\r\n", float_precision=6)
        yield out.getvalue()


register(
    Export(
        name="csv",
        family="classes",
        tables=("data",),
        description="CSV, one document or contig per row: source, document, label, probability",
        write=write,
    )
)
