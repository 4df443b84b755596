"""Export to Label Studio: tasks with predictions, which people accept or mend.

Format: https://labelstud.io/guide/predictions. A JSON array of tasks for a labelling interface with
`<Labels name="label" toName="text">` and `<Text name="text" value="$text">`. Offsets count code points. Each
region has its probability as `score`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from elman.data.exports.expressions import json_escaped, json_numbers, json_strings
from elman.data.exports.registry import Chunk, Export, Tables, register
from elman.data.exports.text import documents


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """Array of tasks `{"data": {"id", "source", "text"}, "predictions": [{"model_version", "result"}]}`.

    Args:
        tables: see `documents.write_documents`.
        config: of the tagged dataset; its `model` is the version of the predictions.
    """
    model = json.dumps(config.get("model", "elman"), ensure_ascii=False)
    middle = f'}}, "predictions": [{{"model_version": {model}, "result": ['
    return documents.write_documents(tables, replace(_LAYOUT, middle=middle))


def _spans(entities: pl.DataFrame) -> pl.Series:
    """Regions; their ids are unique in a task, as spans do not overlap."""
    span = pl.concat_str(
        pl.lit('{"id": "'), "start", pl.lit("-"), "end",
        pl.lit('", "from_name": "label", "to_name": "text", "type": "labels", "score": '),
        json_numbers(entities["probability"].cast(pl.Float64).round(6)),
        pl.lit(', "value": {"start": '), "start", pl.lit(', "end": '), "end",
        pl.lit(', "text": '), json_strings(entities["text"]),
        pl.lit(', "labels": ['), json_strings(entities["type"]), pl.lit("]}}"),
    )  # fmt: skip
    return entities.select(span=span).to_series()


_LAYOUT = documents.Layout(
    head=documents.json_head('{"data": {"id": '),
    text=(', "text": "', '"'),
    escaped=json_escaped,
    middle="",
    spans=_spans,
    separator=", ",
    tail="]}]}",
    between=",\n",
    first="[\n",
    last="\n]\n",
)


register(
    Export(
        name="label-studio",
        suffix="label-studio.json",
        family="text",
        tables=documents.TABLES,
        description="tasks for Label Studio, entities as predictions with scores",
        write=write,
    )
)
