"""Export to JSON lines: one line per document, with the character spans of its entities."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from elman.data.exports.expressions import json_numbers, json_strings, to_utf8
from elman.data.exports.registry import Chunk, Export, Tables, register

_KEY = ("source", "document")


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """JSON lines `{"id", "source", "spans": [{"start", "end", "label", "text", "probability"}]}`.

    Args:
        tables: documents (schema.TAGGED_DOCUMENTS) and data (schema.ENTITIES); a document may continue in the
            next shard.
        config: of the tagged dataset, unused.
    """
    open_line: tuple[str, str] | None = None  # its document
    has_spans = False
    for documents, entities in tables("documents", "data"):
        rows = _spans_of(documents.select(_KEY), entities)
        if not len(rows):
            continue
        if open_line == rows.row(0)[:2]:
            more = rows["spans"][0]
            yield f"{', ' if has_spans and more else ''}{more}".encode()
            has_spans = has_spans or bool(more)
            rows = rows[1:]
        if len(rows):
            yield b"]}\n" if open_line else b""
            id_, source = json_strings(rows["document"]), json_strings(rows["source"])
            lines = pl.concat_str(
                pl.lit('{"id": '), id_, pl.lit(', "source": '), source, pl.lit(', "spans": ['), rows["spans"]
            )
            ends = pl.when(pl.int_range(len(rows)) < len(rows) - 1).then(pl.lit("]}\n")).otherwise(pl.lit(""))
            yield to_utf8(rows.select(lines=pl.concat_str(lines, ends)).to_series())
            *_, last, spans = rows.row(-1)
            open_line, has_spans = (rows["source"][-1], last), bool(spans)
    yield b"]}\n" if open_line else b""


def _spans_of(documents: pl.DataFrame, entities: pl.DataFrame) -> pl.DataFrame:
    """Source, document and `spans`, the JSON objects of its entities, in the order of the documents."""
    number = pl.concat_str(
        pl.lit('{"start": '), "start", pl.lit(', "end": '), "end",
        pl.lit(', "label": '), json_strings(entities["type"]),
        pl.lit(', "text": '), json_strings(entities["text"]),
        pl.lit(', "probability": '), json_numbers(entities["probability"].cast(pl.Float64).round(6)),
        pl.lit("}"),
    )  # fmt: skip
    spans = (
        entities.select(*_KEY, spans=number)
        .group_by(_KEY, maintain_order=True)
        .agg(pl.col("spans").str.join(", "))
    )
    rows = documents.join(spans, on=_KEY, how="left", maintain_order="left").with_columns(
        pl.col("spans").fill_null("")
    )
    run = pl.struct(_KEY).rle_id()
    if len(rows) and rows.select(run.max() + 1).item() < len(rows):  # neighbours of one name are one line
        filled = pl.col("spans").filter(pl.col("spans") != "")
        grouped = rows.group_by(run.alias("run"), maintain_order=True)
        rows = grouped.agg(*(pl.col(name).first() for name in _KEY), filled.str.join(", ")).drop("run")
    return rows


register(
    Export(
        name="jsonl",
        family="text",
        tables=("documents", "data"),
        description="JSON lines, one document per line, entities by characters with probabilities",
        write=write,
    )
)
