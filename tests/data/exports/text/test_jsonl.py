"""JSON lines equal those of a row-by-row writer, whatever the text and however documents span shards."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.exports import registry
from elman.data.store import schema

EXPORT = registry.find("jsonl")
TEXT = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from('"\\/\n\t\x00\x7f€')), max_size=5
)
PROBABILITY = st.one_of(st.none(), st.floats(0, 1, width=32), st.sampled_from([0.0, 1.0, 1e-5, 1.5e-6, 1e-4]))
ENTITY = st.tuples(st.sampled_from("ab"), st.integers(0, 3), TEXT, TEXT, PROBABILITY)


def shard(documents, entities):
    """Frames of one shard from document names and (source, document, text, type, probability)."""
    rows = [(s, f"d{d}", 0, 7, 9, text, kind, p, "m") for s, d, text, kind, p in entities]
    return {
        "documents": pl.DataFrame(
            [(s, f"d{d}", None, 1, 2) for s, d in documents], schema=schema.TAGGED_DOCUMENTS, orient="row"
        ),
        "data": pl.DataFrame(rows, schema=schema.ENTITIES, orient="row"),
    }


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=4, unique=True),
            st.lists(ENTITY, max_size=6),
        ),
        max_size=4,
    )
)
def test_lines_equal_the_row_by_row_writer(reference, shards):
    tables = reference.tables_of(*(shard(*some) for some in shards))
    assert reference.written(EXPORT, tables) == "".join(reference.jsonl(tables))


def test_the_text_stands_before_the_spans_and_is_left_out_where_shards_have_none(reference):
    texts = pl.DataFrame([("a", "d0", 0, 'A "b"\n')], schema=schema.DOCUMENT_TEXTS, orient="row")
    old, new = shard([("a", 1)], []), {**shard([("a", 0)], []), "texts": texts}
    first, second = reference.written(EXPORT, reference.tables_of(new, old)).splitlines()
    assert list(json.loads(first).items())[2] == ("text", 'A "b"\n')
    assert second == '{"id": "d1", "source": "a", "spans": []}'


@pytest.mark.parametrize("name", ['say "a"\\', "\x1f\n", "東京"])
def test_names_and_text_are_escaped_as_json(reference, name):
    frames = {
        "documents": pl.DataFrame([(name, name, 1, 1, 1)], schema=schema.TAGGED_DOCUMENTS, orient="row"),
        "data": pl.DataFrame(
            [(name, name, 0, 0, 1, name, name, 0.25, "m")], schema=schema.ENTITIES, orient="row"
        ),
    }
    line = json.loads(reference.written(EXPORT, reference.tables_of(frames)))
    span = {"start": 0, "end": 1, "label": name, "text": name, "probability": 0.25}
    assert line == {"id": name, "source": name, "spans": [span]}


def test_no_shard_gives_an_empty_file(reference):
    assert reference.written(EXPORT, reference.tables_of()) == ""
