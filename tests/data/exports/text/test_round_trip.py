"""Documents written in a text format are read again with the same text, ids and spans."""

import io

import pytest
from hypothesis import given, settings

from elman.data.exports import registry
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document
from elman.data.formats.registry import Head, detect, format_of
from elman.data.text.tags import spans
from tests.data.exports.text.round_trip import shards

FORMATS = ["jsonl", "doccano", "spacy", "label-studio"]


def spans_of(record):
    """Spans of a document that was read."""
    assert isinstance(record, Document), record
    return [
        (sentence.token_start[first], sentence.token_end[last - 1], kind)
        for sentence in record.sentences
        for first, last, kind in spans(sentence.tags)
    ]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(shards())
def test_what_is_written_is_read_again(reference, name, given_):
    named, parts = given_
    export = registry.find(name)
    data = reference.written(export, reference.tables_of(*parts), model="m").encode()
    if not named:
        assert len(data) < 10
        return
    format_ = detect(Head(export.file(), data, whole=True))
    records = list(format_.read(lambda: io.BytesIO(data), "f", Options()))
    assert [(r.id, r.text, spans_of(r)) for r in records] == [(name, *rest) for name, rest in named]


@settings(max_examples=40, deadline=None)
@given(shards())
def test_rows_of_csv_are_read_again(reference, given_):
    named, parts = given_
    data = reference.written(registry.find("csv"), reference.tables_of(*parts)).encode()
    options = Options(text_column="text", labels_column="spans", id_column="id")
    records = list(format_of("delimited").read(lambda: io.BytesIO(data), "f", options))
    assert [(r.id, r.text, spans_of(r)) for r in records] == [(name, *rest) for name, rest in named]
