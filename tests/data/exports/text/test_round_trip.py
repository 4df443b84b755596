"""Documents written in a text format are read again with the same text, ids and spans."""

import io
import json
import zipfile

import polars as pl
import pytest
from hypothesis import example, given, settings

from elman.data.exports import registry
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document
from elman.data.formats.registry import Head, detect, format_of
from elman.data.store import schema
from elman.data.text.tags import spans
from tests.data.exports.text.round_trip import ODD, in_one_shard, shards, tagged_sentences

FORMATS = ["jsonl", "doccano", "spacy", "label-studio"]


def spans_of(record):
    """Spans of a document that was read."""
    assert isinstance(record, Document), record
    return [
        (sentence.token_start[first], sentence.token_end[last - 1], kind)
        for sentence in record.sentences
        for first, last, kind in spans(sentence.tags)
    ]


def mentions(text, found):
    """Texts of spans without white space, and their types."""
    return [("".join(text[a:b].split()), kind) for a, b, kind in found]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(shards())
@example(in_one_shard(ODD))
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
@example(in_one_shard(ODD))
def test_rows_of_csv_are_read_again(reference, given_):
    named, parts = given_
    data = reference.written(registry.find("csv"), reference.tables_of(*parts)).encode()
    options = Options(text_column="text", labels_column="spans", id_column="id")
    records = list(format_of("delimited").read(lambda: io.BytesIO(data), "f", options))
    assert [(r.id, r.text, spans_of(r)) for r in records] == [(name, *rest) for name, rest in named]


@settings(max_examples=40, deadline=None)
@given(shards())
@example(in_one_shard(ODD))
def test_texts_of_brat_are_read_again_with_their_annotations(reference, given_):
    named, parts = given_
    chunks = registry.find("brat").write(reference.tables_of(*parts), {})
    archive = zipfile.ZipFile(io.BytesIO(b"".join(map(bytes, chunks))))
    names = {entry["id"]: name for name, entry in json.loads(archive.read("documents.json")).items()}
    for document, (text, found) in named:
        name = names[document]
        labels = name[: -len("txt")] + "ann"
        options = Options(sidecars=((labels, lambda labels=labels: io.BytesIO(archive.read(labels))),))
        (record,) = format_of("brat").read(lambda name=name: io.BytesIO(archive.read(name)), name, options)
        expected = [(a, b, kind.replace(" ", "_")) for a, b, kind in found]  # its types have no white space
        if text.startswith("\ufeff"):  # reads as the mark of an encoding, which is no part of the text
            assert record.text == text[1:]
            assert mentions(record.text, spans_of(record)) == mentions(text, expected)
        else:
            assert (record.text, spans_of(record)) == (text, expected)


@settings(max_examples=40, deadline=None)
@given(shards())
@example(in_one_shard(ODD))
def test_rows_of_conll_are_read_again(reference, given_):
    named, _ = given_
    documents = {name: tagged_sentences(*rest) for name, rest in named}
    rows = [
        ("a.txt", name, number, 0, 1, token, tag, 0.5, "m")
        for name, sentences in documents.items()
        for number, sentence in enumerate(sentences)
        for token, tag in sentence
    ]
    shard = {"tokens": pl.DataFrame(rows, schema=schema.TOKENS, orient="row")}
    data = reference.written(registry.find("conll"), reference.tables_of(shard)).encode()
    if not named:
        assert not data
        return
    format_ = detect(Head(registry.find("conll").file(), data, whole=True))
    records = list(format_.read(lambda: io.BytesIO(data), "f", Options()))
    found = [
        [
            [
                (sentence.text[a - sentence.start : b - sentence.start], tag)
                for a, b, tag in zip(sentence.token_start, sentence.token_end, sentence.tags, strict=True)
            ]
            for sentence in record.sentences
        ]
        for record in records
    ]
    assert found == list(documents.values())
