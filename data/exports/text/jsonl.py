"""Export to JSON lines: one line per document, with its text and the character spans of its entities."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from elman.data.exports.expressions import json_escaped, json_numbers, json_strings
from elman.data.exports.registry import Chunk, Export, Tables, register
from elman.data.exports.text import documents


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """JSON lines `{"id", "source", "text", "spans": [{"start", "end", "label", "text", "probability"}]}`.

    Documents of shards without texts, as earlier versions made them, have no `text`.

    Args:
        tables: see `documents.write_documents`.
        config: of the tagged dataset, unused.
    """
    return documents.write_documents(tables, LAYOUT)


def _spans(entities: pl.DataFrame) -> pl.Series:
    span = pl.concat_str(
        pl.lit('{"start": '), "start", pl.lit(', "end": '), "end",
        pl.lit(', "label": '), json_strings(entities["type"]),
        pl.lit(', "text": '), json_strings(entities["text"]),
        pl.lit(', "probability": '), json_numbers(entities["probability"].cast(pl.Float64).round(6)),
        pl.lit("}"),
    )  # fmt: skip
    return entities.select(span=span).to_series()


LAYOUT = documents.Layout(
    head=documents.json_head(),
    text=(', "text": "', '"'),
    escaped=json_escaped,
    middle=', "spans": [',
    spans=_spans,
    separator=", ",
    tail="]}\n",
)


register(
    Export(
        name="jsonl",
        family="text",
        tables=documents.TABLES,
        description="JSON lines, one document per line: text, and entities by characters with probabilities; "
        "`elman ingest` reads it",
        write=write,
    )
)
