"""Exports to JSON lines of texts with spans as lists of start, end and type, which differ by one key.

    doccano   `label`: its sequence labelling imports them; other keys than this and `text` become metadata of
              the document there (https://doccano.github.io/doccano/tutorial/#import-data, JSONL)
    spacy     `entities`: as `spacy.training` takes them (https://spacy.io/api/data-formats#dict-input):
              `Example.from_dict(nlp.make_doc(line["text"]), {"entities": line["entities"]})`

Offsets count code points, as in both tools. Probabilities are not part of the formats.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from elman.data.exports.expressions import json_escaped, json_strings
from elman.data.exports.registry import Chunk, Export, Tables, Writer, register
from elman.data.exports.text import documents


def writer(key: str) -> Writer:
    """Return a writer of JSON lines `{"id", "source", "text", KEY: [[start, end, type]]}`.

    It takes the tables of `documents.write_documents`, and no setting from the config of the tagged dataset.
    """
    layout = documents.Layout(
        head=documents.json_head(),
        text=(', "text": "', '"'),
        escaped=json_escaped,
        middle=f', "{key}": [',
        spans=_spans,
        separator=", ",
        tail="]}\n",
    )

    def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
        return documents.write_documents(tables, layout)

    return write


def _spans(entities: pl.DataFrame) -> pl.Series:
    parts = pl.lit("["), "start", pl.lit(", "), "end", pl.lit(", "), json_strings(entities["type"])
    return entities.select(span=pl.concat_str(*parts, pl.lit("]"))).to_series()


for _name, _tool, _key in (("doccano", "doccano", "label"), ("spacy", "spaCy", "entities")):
    register(
        Export(
            name=_name,
            suffix=f"{_name}.jsonl",
            family="text",
            tables=documents.TABLES,
            description=f"JSON lines for {_tool}, spans as lists of start, end and type under `{_key}`",
            write=writer(_key),
        )
    )
