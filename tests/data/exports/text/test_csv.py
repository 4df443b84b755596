"""CSV is RFC 4180: documents come back exactly, and what looks like a formula is none for a spreadsheet."""

import csv
import io
import json

import polars as pl

from elman.data.exports import registry
from elman.data.store import schema

ODD = '=a,"b"\r\nc'


def frames(document, text, spans):
    rows = [("s", document, 0, a, b, text[a:b], kind, 0.25, "m") for a, b, kind in spans]
    return {
        "data": pl.DataFrame(rows, schema=schema.ENTITIES, orient="row"),
        "texts": pl.DataFrame([("s", document, 0, text)], schema=schema.DOCUMENT_TEXTS, orient="row"),
    }


def rows_of(content):
    return list(csv.reader(io.StringIO(content, newline=""), strict=True))


def test_a_document_is_a_row_with_its_spans_as_json(reference):
    tables = reference.tables_of(frames(ODD, ODD, [(0, 2, "X"), (3, 6, 'a"b')]), frames("d2", "Ann", []))
    head, first, second = rows_of(reference.written(registry.find("csv"), tables))
    assert head == ["id", "source", "text", "spans"]
    assert first[:3] == [ODD, "s", ODD]
    assert [(s["start"], s["end"], s["label"]) for s in json.loads(first[3])] == [(0, 2, "X"), (3, 6, 'a"b')]
    assert second == ["d2", "s", "Ann", "[]"]


def test_an_entity_is_a_row_and_no_formula(reference):
    tables = reference.tables_of(frames("-d", ODD, [(0, 2, "@X"), (3, 6, "PER")]))
    head, first, second = rows_of(reference.written(registry.find("csv-entities"), tables))
    assert head == ["source", "document", "start", "end", "label", "text", "probability"]
    assert first == ["s", "'-d", "0", "2", "'@X", "'=a", "0.250000"]
    assert second == ["s", "'-d", "3", "6", "PER", '"b"', "0.250000"]
