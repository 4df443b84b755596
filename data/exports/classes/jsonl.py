"""Export of classes to JSON lines, one document or contig per line; `elman ingest` reads those with text."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from elman.data.exports.expressions import json_numbers, json_strings
from elman.data.exports.registry import Chunk, Export, Tables, register
from elman.data.exports.text import documents
from elman.data.exports.text.jsonl import LAYOUT


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """JSON lines `{"id", "source", "text", "label", "probability"}`; of DNA without text.

    A document below `--min-probability` has no label.

    Args:
        tables: see `documents.write_documents`; of contigs data (schema.CLASSIFIED) alone.
        config: of the tagged dataset, unused.
    """
    return documents.write_documents(_with_documents(tables), _LAYOUT)


def _with_documents(tables: Tables) -> Tables:
    """Tables in which contigs are documents."""

    def with_documents(*names: str, optional: tuple[str, ...] = ()) -> Iterator[tuple[pl.DataFrame, ...]]:
        for data, own, texts, contigs in tables("data", optional=("documents", "texts", "contigs")):
            rows = contigs.rename({"contig": "document"}) if contigs.width else own
            yield data, rows, texts

    return with_documents


def _class(classes: pl.DataFrame) -> pl.Series:
    label, chance = json_strings(classes["label"]), classes["probability"].cast(pl.Float64).round(6)
    value = pl.concat_str(pl.lit(', "label": '), label, pl.lit(', "probability": '), json_numbers(chance))
    return pl.select(value).to_series()


_LAYOUT = replace(LAYOUT, middle="", spans=_class, separator="", tail="}\n")


register(
    Export(
        name="jsonl",
        family="classes",
        tables=documents.TABLES,
        description="JSON lines, one document or contig per line: text, label, probability; `elman ingest` "
        "reads those of text",
        write=write,
    )
)
