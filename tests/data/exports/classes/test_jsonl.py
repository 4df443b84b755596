"""Classes as JSON lines: documents with their text, contigs without; no label where it is left out."""

import json

import polars as pl

from elman.data.exports import registry
from elman.data.store import schema

NONE = pl.DataFrame()


def lines(classes, documents=NONE, texts=NONE, contigs=NONE):
    def tables(*names, optional=()):
        yield pl.DataFrame(classes, schema=schema.CLASSIFIED, orient="row"), documents, texts, contigs

    out = b"".join(map(bytes, registry.find("jsonl", "classes").write(tables, {})))
    return [json.loads(line) for line in out.decode().splitlines()]


def test_a_document_is_a_line_with_its_text():
    documents = pl.DataFrame(
        [("s", "d", 1, 1, 2), ("s", "e", 2, 1, 1)], schema=schema.TAGGED_DOCUMENTS, orient="row"
    )
    texts = pl.DataFrame(
        [("s", "d", 0, 'a "b"'), ("s", "e", 0, "c")], schema=schema.DOCUMENT_TEXTS, orient="row"
    )
    assert lines([("s", "d", "x", 0.5, "m")], documents, texts) == [
        {"id": "d", "source": "s", "text": 'a "b"', "label": "x", "probability": 0.5},
        {"id": "e", "source": "s", "text": "c"},
    ]


def test_a_contig_is_a_line_without_text():
    contigs = pl.DataFrame([("s", "c", 9, False)], schema=schema.TAGGED_CONTIGS, orient="row")
    assert lines([("s", "c", "x", 1.0, "m")], contigs=contigs) == [
        {"id": "c", "source": "s", "label": "x", "probability": 1.0}
    ]
