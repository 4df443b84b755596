"""BRAT's archive has the text and annotations of each document under a safe name of its own."""

import io
import json
import zipfile

import polars as pl
from hypothesis import given, settings

from elman.data.exports import registry
from elman.data.store import schema
from tests.data.exports.text.round_trip import shards

EXPORT = registry.find("brat")


def archive_of(reference, *parts):
    data = b"".join(bytes(chunk) for chunk in EXPORT.write(reference.tables_of(*parts), {}))
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return {name: archive.read(name).decode() for name in archive.namelist()}


def frames(source, document, start, text, spans=()):
    rows = [(source, document, 0, a, b, own, kind, 0.25, "m") for a, b, own, kind in spans]
    return {
        "data": pl.DataFrame(rows, schema=schema.ENTITIES, orient="row"),
        "texts": pl.DataFrame([(source, document, start, text)], schema=schema.DOCUMENT_TEXTS, orient="row"),
    }


def test_a_document_over_several_shards_is_numbered_on(reference):
    first = frames("a.txt", "a.txt", 0, "Ann met ", [(0, 3, "Ann", "PER")])
    second = frames("a.txt", "a.txt", 8, "Bob\nLee.", [(8, 15, "Bob\nLee", "PER X")])
    members = archive_of(reference, first, second)
    assert members["a.txt"] == "Ann met Bob\nLee."
    assert members["a.ann"].splitlines()[::2] == ["T1\tPER 0 3\tAnn", "T2\tPER_X 8 11;12 15\tBob Lee"]
    assert members["a.ann"].splitlines()[1] == "#1\tAnnotatorNotes T1\tprobability 0.2500"
    assert members["annotation.conf"].startswith("[entities]\nPER\nPER_X\n")


def test_names_are_safe_stable_and_known(reference):
    odd = [
        ("a.txt", "a.txt"),
        ("x/../y.txt", "x/../y.txt"),
        ("a.jsonl", "../../etc"),
        ("b.jsonl", "../../etc"),
    ]
    members = archive_of(reference, *(frames(*one, 0, "Text.") for one in odd))
    names = json.loads(members["documents.json"])
    assert [(entry["source"], entry["id"]) for entry in names.values()] == odd
    assert next(iter(names)) == "a.txt"
    assert all("/" not in name and ".." not in name for name in members)
    assert {*names, *(name[:-3] + "ann" for name in names)} == members.keys() - {
        "documents.json",
        "annotation.conf",
    }
    (alone,) = json.loads(archive_of(reference, frames(*odd[-1], 0, "Text."))["documents.json"])
    assert alone == list(names)[-1]


def test_no_document_gives_an_archive_without_texts(reference):
    assert json.loads(archive_of(reference)["documents.json"]) == {}


@settings(max_examples=40, deadline=None)
@given(shards())
def test_offsets_of_fragments_point_into_the_text(reference, given_):
    named, parts = given_
    members = archive_of(reference, *parts)
    names = {entry["id"]: name[:-4] for name, entry in json.loads(members["documents.json"]).items()}
    for document, (text, found) in named:
        assert members[f"{names[document]}.txt"] == text
        lines = [
            line.split("\t") for line in members[f"{names[document]}.ann"].split("\n") if line[:1] == "T"
        ]
        read = []
        for _, place, mention in lines:
            kind, where = place.split(" ", 1)
            pieces = [tuple(map(int, piece.split())) for piece in where.split(";")]
            assert "".join(" ".join(text[a:b] for a, b in pieces).split()) == "".join(mention.split())
            read.append((pieces[0][0], pieces[-1][1], kind))
        assert read == [(a, b, kind.replace(" ", "_")) for a, b, kind in found]
