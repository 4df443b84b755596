"""Exports to CSV (RFC 4180): documents with their spans, or entities for spreadsheets.

`csv` has a row a document, its spans as JSON in one cell, and every cell exactly as it is, so that programs
read back what was written. `csv-entities` has a row an entity, for people: a cell of text that a spreadsheet
would take for a formula begins with an apostrophe there.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from elman.data.exports.registry import Chunk, Export, Tables, register
from elman.data.exports.text import documents
from elman.data.exports.text.jsonl import LAYOUT

_FORMULA = r"^([=+\-@\t\r])"  # https://owasp.org/www-community/attacks/CSV_Injection
_COLUMNS = ("source", "document", "start", "end", "label", "text", "probability")


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """Rows `id,source,text,spans`, the spans as in JSON lines.

    Args:
        tables: see `documents.write_documents`.
        config: of the tagged dataset, unused.
    """
    return documents.write_documents(tables, _LAYOUT)


def write_entities(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """Rows `source,document,start,end,label,text,probability`.

    Args:
        tables: data (schema.ENTITIES), in order.
        config: of the tagged dataset, unused.
    """
    yield (",".join(_COLUMNS) + "\r\n").encode()
    safe = pl.col("source", "document", "type", "text").str.replace(_FORMULA, "'${1}")
    for (entities,) in tables("data"):
        out = io.BytesIO()
        rows = entities.with_columns(safe).rename({"type": "label"}).select(_COLUMNS)
        rows.write_csv(out, include_header=False, line_terminator="\r\n", float_precision=6)
        yield out.getvalue()


def _doubled(values: pl.Series) -> pl.Series:
    """Content of quoted cells: a quotation mark is written twice, all else stays."""
    return values.str.replace_all('"', '""', literal=True)


def _head(rows: pl.DataFrame) -> pl.Series:
    id_, source = _doubled(rows["document"]), _doubled(rows["source"])
    return pl.select(pl.format('"{}","{}",', id_, source)).to_series()


_LAYOUT = replace(
    LAYOUT,
    head=_head,
    text=('"', '"'),
    escaped=_doubled,
    middle=',"[',
    spans=lambda entities: _doubled(LAYOUT.spans(entities)),
    tail=']"\r\n',
    first="id,source,text,spans\r\n",
)


register(
    Export(
        name="csv",
        family="text",
        tables=documents.TABLES,
        description="CSV, one document per row: id, source, text, and spans as JSON",
        write=write,
    )
)
register(
    Export(
        name="csv-entities",
        suffix="entities.csv",
        family="text",
        tables=("data",),
        description="CSV for spreadsheets, one entity per row; what looks like a formula begins with `'`",
        write=write_entities,
    )
)
