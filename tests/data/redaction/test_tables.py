"""Tables of redaction: what a pattern found stands beside the model's entities, texts come out in order."""

import polars as pl

from elman.data.redaction.operators import Redactor
from elman.data.redaction.tables import Redaction, join_patterns
from elman.data.store import schema


def entities(*rows: tuple[str, int, int, int, str, str]) -> pl.DataFrame:
    """Rows of (document, sentence, start, end, type, model)."""
    full = [("s", d, n, start, end, "x", kind, 0.5, model) for d, n, start, end, kind, model in rows]
    return pl.DataFrame(full, schema=schema.ENTITIES, orient="row")


def documents(*names: str) -> pl.DataFrame:
    rows = [("s", name, 1, 1, 1) for name in names]
    return pl.DataFrame(rows, schema=schema.TAGGED_DOCUMENTS, orient="row")


def places(frame: pl.DataFrame) -> list[tuple]:
    return frame.select("document", "start", "end", "type").rows()


def test_entities_of_both_stand_in_the_order_of_the_text():
    model = entities(("b", 0, 0, 3, "PER", "m"), ("b", 1, 20, 24, "LOC", "m"), ("a", 0, 5, 9, "PER", "m"))
    found = entities(("b", 0, 8, 12, "MAIL", "pattern:mail"), ("a", 0, 0, 4, "URL", "pattern:url"))
    joined = join_patterns(model, found, documents("b", "a"))
    wanted = [
        ("b", 0, 3, "PER"),
        ("b", 8, 12, "MAIL"),
        ("b", 20, 24, "LOC"),
        ("a", 0, 4, "URL"),
        ("a", 5, 9, "PER"),
    ]
    assert places(joined) == wanted
    assert joined.schema == schema.ENTITIES


def test_what_overlaps_a_pattern_is_left_out_of_the_entities_and_yet_taken_out_of_the_text():
    model = entities(("a", 0, 0, 10, "ORG", "m"), ("a", 1, 30, 34, "PER", "m"))
    found = entities(("a", 0, 5, 12, "MAIL", "pattern:mail"))
    joined = join_patterns(model, found, documents("a"))
    assert places(joined) == [("a", 5, 12, "MAIL"), ("a", 30, 34, "PER")]
    redaction = Redaction(Redactor("replace"))
    redaction.add_text("s", "a", 0, "0123456789abcdefghijklmnopqrstABCD.")
    redaction.add_entities(model, found)
    tables = redaction.tables(documents("a"), joined)
    assert tables["redacted"]["text"].to_list() == ["<MAIL>cdefghijklmnopqrst<PER>."]
    assert tables["data"]["text"].to_list() == ["<MAIL>", "<PER>"]
    assert tables["redactions"].select("start", "end", "redacted_start", "redacted_end").rows() == [
        (0, 12, 0, 6),
        (30, 34, 24, 29),
    ]


def test_an_entity_that_stays_shows_what_stands_there_now():
    found = entities(("a", 0, 2, 4, "MAIL", "pattern:mail"), ("a", 0, 0, 6, "PER", "m"))
    redaction = Redaction(Redactor("replace", ("MAIL",)))
    redaction.add_text("s", "a", 0, "012345.")
    redaction.add_entities(found)
    tables = redaction.tables(documents("a"), found)
    assert tables["redacted"]["text"].to_list() == ["01<MAIL>45."]
    assert tables["data"]["text"].to_list() == ["<MAIL>", "01<MAIL>45"]


def test_parts_of_a_text_are_joined_with_line_ends_for_what_lies_between():
    redaction = Redaction(Redactor("mask"))
    redaction.add_text("s", "a", 10, "Ann left.")
    redaction.add_text("s", "a", 21, "Bob came.")
    redaction.add_entities(entities(("a", 1, 21, 24, "PER", "m")))
    tables = redaction.tables(documents("a"), entities(("a", 1, 21, 24, "PER", "m")))
    assert tables["redacted"].select("start", "text").rows() == [(10, "Ann left.\n\n*** came.")]
    assert tables["redactions"].select("text_start", "redacted_start").rows() == [(10, 11)]


def test_what_was_quarantined_is_taken_out_whatever_types_are_asked_for():
    redaction = Redaction(Redactor("mask", ("PER",)))
    redaction.skip("s", "a", 4, 8)
    redaction.add_text("s", "a", 0, "One.Two.Six.")
    redaction.add_text("s", "all of it", 0, "Two.")
    redaction.skip("s", "all of it", 0, 4)
    redaction.add_entities(entities())
    tables = redaction.tables(documents("a"), entities())
    assert tables["redacted"].select("document", "text").rows() == [("a", "One.<QUARANTINED>Six.")]
    assert tables["redactions"].select("type", "probability", "model").rows() == [("QUARANTINED", None, None)]
