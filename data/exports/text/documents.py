"""Documents with their spans, a record a document: what the formats of annotation tools have in common.

A record is HEAD TEXT MIDDLE SPANS TAIL. The text of a document that goes on over several shards is written as
it comes, while its spans wait in a temporary file, so that memory does not grow with the document.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

import polars as pl

from elman.data.exports.expressions import json_strings, to_utf8
from elman.data.exports.registry import Chunk, Tables

TABLES = ("documents", "data", "texts")
_KEY = ("source", "document")
_IN_MEMORY = 1 << 22  # bytes of the spans of one document
_COPIED = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Layout of the records of a format.

    Attributes:
        head: expression of what comes before the text, of columns `source` and `document`.
        text: before and after the text; left out with it where shards have no texts.
        escaped: the text as it is written, of a String column.
        middle: between text and spans.
        spans: each span as it is written, of rows of schema.ENTITIES.
        separator: between two spans.
        tail: after the spans.
        between: between two records.
        first, last: of the file.
    """

    head: Callable[[pl.DataFrame], pl.Series]
    text: tuple[str, str]
    escaped: Callable[[pl.Series], pl.Series]
    middle: str
    spans: Callable[[pl.DataFrame], pl.Series]
    separator: str
    tail: str
    between: str = ""
    first: str = ""
    last: str = ""


def write_documents(tables: Tables, layout: Layout) -> Iterator[Chunk]:
    """Yield the records of all documents in order.

    Args:
        tables: data (schema.ENTITIES), documents (schema.TAGGED_DOCUMENTS) and texts (schema.DOCUMENT_TEXTS);
            a document may continue in the next shard. Texts may be missing.
        layout: of the format.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spans:
        yield layout.first.encode()
        yield from _records(tables, layout, _Begun(layout, spans))
        yield layout.last.encode()


def _records(tables: Tables, layout: Layout, begun: "_Begun") -> Iterator[Chunk]:
    for entities, documents, texts in tables("data", optional=("documents", "texts")):
        rows = _rows(layout, documents, entities, texts)
        if len(rows) and begun.key == rows.select(_KEY).row(0):
            yield from begun.more(rows.row(0, named=True))
            rows = rows[1:]
        if len(rows):
            if begun.key is not None:
                yield from begun.end()
                yield layout.between.encode()
            if len(rows) > 1:
                yield to_utf8(_whole(layout, rows[:-1]))
            yield from begun.begin(rows[-1:])
    if begun.key is not None:
        yield from begun.end()


class _Begun:
    """The record of the last document, which may continue in the next shard; its spans wait in a file."""

    def __init__(self, layout: Layout, spans: IO[bytes]) -> None:
        self.layout, self._spans = layout, spans
        self.key: tuple[str, str] | None = None
        self._characters: int | None = None  # of the text so far; None without text

    def begin(self, row: pl.DataFrame) -> Iterator[Chunk]:
        """Begin the record of one document."""
        self.key = row.select(_KEY).row(0)
        self._spans.seek(0)
        self._spans.truncate()
        self._characters = None
        yield to_utf8(self.layout.head(row))
        yield from self.more(row.row(0, named=True))

    def more(self, row: dict[str, str | int | None]) -> Iterator[Chunk]:
        """Add text and spans."""
        if isinstance(row["text"], str) and isinstance(row["start"], int):
            if self._characters is None:
                yield self.layout.text[0].encode()
                self._characters = row["start"]
            gap = pl.Series(["\n" * (row["start"] - self._characters)])  # of a corpus, between its shards
            yield to_utf8(self.layout.escaped(gap))
            yield row["text"].encode()
            assert isinstance(row["characters"], int)
            self._characters = row["start"] + row["characters"]
        if row["spans"]:
            separator = self.layout.separator if self._spans.tell() else ""
            self._spans.write(f"{separator}{row['spans']}".encode())

    def end(self) -> Iterator[Chunk]:
        """End the record."""
        if self._characters is not None:
            yield self.layout.text[1].encode()
        yield self.layout.middle.encode()
        self._spans.seek(0)
        while some := self._spans.read(_COPIED):
            yield some
        yield self.layout.tail.encode()


def _whole(layout: Layout, rows: pl.DataFrame) -> pl.Series:
    """Whole records, each with what stands between it and the next."""
    before, after = map(pl.lit, layout.text)
    text = pl.concat_str(before, "text", after).fill_null("") if "text" in rows.columns else pl.lit("")
    end = pl.lit(layout.tail + layout.between)
    return rows.select(
        record=pl.concat_str(layout.head(rows), text, pl.lit(layout.middle), "spans", end)
    ).to_series()


def _rows(
    layout: Layout, documents: pl.DataFrame, entities: pl.DataFrame, texts: pl.DataFrame
) -> pl.DataFrame:
    """A row a document, in order: source, document, start and characters of its text, text and spans."""
    if not documents.width and not texts.width:
        return pl.DataFrame()
    spans = (
        entities.select(*_KEY, spans=layout.spans(entities))
        .group_by(_KEY, maintain_order=True)
        .agg(pl.col("spans").str.join(layout.separator))
    )
    if texts.width:
        escaped = layout.escaped(texts["text"])
        rows = texts.with_columns(characters=pl.col("text").str.len_chars(), text=escaped)
    else:
        nothing = {"start": pl.Int64, "text": pl.String, "characters": pl.UInt32}
        rows = documents.select(*_KEY, *(pl.lit(None, kind).alias(name) for name, kind in nothing.items()))
    run = pl.struct(_KEY).rle_id()
    if len(rows) and rows.select(run.max() + 1).item() < len(rows):  # neighbours of one name are one record
        grouped = rows.group_by(run.alias("run"), maintain_order=True)
        text = pl.when(pl.col("text").null_count() == 0).then(pl.col("text").str.join(""))
        first = (pl.col(name).first() for name in (*_KEY, "start"))
        rows = grouped.agg(*first, text.alias("text"), pl.col("characters").sum()).drop("run")
    rows = rows.join(spans, on=_KEY, how="left", maintain_order="left")
    return rows.with_columns(pl.col("spans").fill_null(""))


def json_head(before: str = '{"id": ') -> Callable[[pl.DataFrame], pl.Series]:
    """Return a head of JSON: what stands before the id of a document, the id, its source."""

    def head(rows: pl.DataFrame) -> pl.Series:
        id_, source = json_strings(rows["document"]), json_strings(rows["source"])
        return pl.select(pl.concat_str(pl.lit(before), id_, pl.lit(', "source": '), source)).to_series()

    return head
