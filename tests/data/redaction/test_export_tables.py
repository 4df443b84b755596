"""Exports of redacted text have the spans of the redacted document, however it was divided over shards."""

import json

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elman.data.exports import registry
from elman.data.redaction.export_tables import redacted_tables
from elman.data.redaction.operators import Redactor
from elman.data.redaction.overlaps import Span
from elman.data.store import schema
from tests.data.exports.text.round_trip import NAME, ODD, document

REDACTORS = [
    Redactor("replace", ("PER", "a b")),
    Redactor("mask"),
    Redactor("pseudonym", ("LOC",), b"0123456789abcdef"),
]


@st.composite
def divided(draw):
    """Documents, and the same over shards: pieces of document, start, text and spans, none of them cut."""
    named = draw(st.lists(st.tuples(NAME, document()), max_size=4, unique_by=lambda one: one[0]))
    parts = [[]]
    for name, (text, found) in named:
        at = 0
        between = [n for n in range(1, len(text)) if not any(a < n < b for a, b, _ in found)]
        for cut in sorted(draw(st.sets(st.sampled_from(between), max_size=3))) if between else ():
            parts[-1].append((name, at, text[at:cut], [span for span in found if at <= span[0] < cut]))
            parts.append([])
            at = cut
        parts[-1].append((name, at, text[at:], [span for span in found if span[0] >= at]))
        parts += [[]] if draw(st.booleans()) else []
    return named, parts


def redacted_shard(part, redactor):
    """Frames of a shard as redaction stages them, from its pieces."""
    texts, replacements, entities = [], [], []
    for name, start, text, found in part:
        own = [Span(a - start, b - start, kind) for a, b, kind in found]
        new, replaced = redactor.redact(text, own)
        texts.append(("a", name, None, start, new))
        for span in own:
            place = (span.start + start, span.end + start, text[span.start : span.end], span.type)
            entities.append(("a", name, 0, *place, 0.5, "m"))
        for span, begin, end in replaced:
            place = (span.start + start, span.end + start, start, begin, end)
            replacements.append(("a", name, *place, span.type, redactor.operator, 0.5, "m"))
    out = {"data": pl.DataFrame(entities, schema=schema.ENTITIES, orient="row")}
    if texts:
        out["redacted"] = pl.DataFrame(texts, schema=schema.REDACTED, orient="row")
    if replacements:
        out["redactions"] = pl.DataFrame(replacements, schema=schema.REDACTIONS, orient="row")
    return out


def tables_of(*shards):
    def tables(*names, optional=()):
        for shard in shards:
            yield tuple(shard.get(name, pl.DataFrame()) for name in (*names, *optional))

    return tables


def written(name, shards):
    return b"".join(map(bytes, registry.find(name).write(redacted_tables(tables_of(*shards)), {}))).decode()


def whole(text, found, redactor):
    """A document redacted at once: its text, and start, end, text and type of its spans."""
    new, replaced = redactor.redact(text, [Span(*span) for span in found])
    spans = [(start, end, span.type) for span, start, end in replaced]
    for start, end, kind in found:
        if redactor.types and kind not in redactor.types:
            before = [one for one in replaced if one.span.end <= start]
            shift = sum(one.end - one.start - (one.span.end - one.span.start) for one in before)
            spans.append((start + shift, end + shift, kind))
    return new, [(a, b, new[a:b], kind) for a, b, kind in sorted(spans)]


@settings(max_examples=40, deadline=None)
@given(divided(), st.sampled_from(REDACTORS))
@example((ODD, [[(name, 0, *rest) for name, rest in ODD]]), REDACTORS[0])
def test_spans_and_texts_are_those_of_the_whole_document(given_, redactor):
    named, parts = given_
    text = written("jsonl", [redacted_shard(part, redactor) for part in parts])
    found = [
        (
            line["id"],
            (line["text"], [(s["start"], s["end"], s["text"], s["label"]) for s in line["spans"]]),
        )
        for line in map(json.loads, text.split("\n")[:-1])
    ]
    assert found == [(name, whole(*rest, redactor)) for name, rest in named]


def row(start, end, kind, model="m"):
    return ("a", "d", 0, start, end, "x" * (end - start), kind, 0.5, model)


def test_line_ends_of_a_corpus_stand_between_its_shards_and_quarantine_is_no_span():
    taken = (
        (0, 3, 0, 0, 5, "PER", "replace", 0.5, "m"),
        (4, 7, 0, 6, 19, "QUARANTINED", "replace", None, None),
    )
    first = {
        "data": pl.DataFrame([row(0, 3, "PER")], schema=schema.ENTITIES, orient="row"),
        "redacted": pl.DataFrame(
            [("a", "d", 1, 0, "<PER> <QUARANTINED>")], schema=schema.REDACTED, orient="row"
        ),
        "redactions": pl.DataFrame(
            [("a", "d", *one) for one in taken], schema=schema.REDACTIONS, orient="row"
        ),
    }
    second = {
        "data": pl.DataFrame([row(12, 16, "LOC")], schema=schema.ENTITIES, orient="row"),
        "redacted": pl.DataFrame([("a", "d", 1, 9, "in Oslo")], schema=schema.REDACTED, orient="row"),
    }
    (line,) = map(json.loads, written("jsonl", [first, second]).splitlines())
    assert line["text"] == "<PER> <QUARANTINED>\n\nin Oslo"
    assert [(s["start"], s["end"], s["label"]) for s in line["spans"]] == [(0, 5, "PER"), (24, 28, "LOC")]


def test_an_entity_that_overlaps_what_was_taken_out_is_left_out():
    shard = {
        "data": pl.DataFrame(
            [row(0, 5, "URL", "pattern:url"), row(6, 8, "LOC")], schema=schema.ENTITIES, orient="row"
        ),
        "redacted": pl.DataFrame([("a", "d", 1, 0, "aa*** xx.")], schema=schema.REDACTED, orient="row"),
        "redactions": pl.DataFrame(
            [("a", "d", 2, 5, 0, 2, 5, "PER", "mask", 0.5, "m")], schema=schema.REDACTIONS, orient="row"
        ),
    }
    (line,) = map(json.loads, written("spacy", [shard]).splitlines())
    assert line["entities"] == [[2, 5, "PER"], [6, 8, "LOC"]]


def test_a_format_without_texts_has_the_rows_as_they_are():
    data = pl.DataFrame([row(3, 6, "PER")], schema=schema.ENTITIES, orient="row")
    assert [found for (found,) in redacted_tables(tables_of({"data": data}))("data")] == [data]
