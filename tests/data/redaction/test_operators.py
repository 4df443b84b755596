"""Redaction takes the named entities out and nothing else; pseudonyms are stable under one key."""

import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.errors import BadInput, UsageError
from elman.data.redaction.operators import KEYED, OPERATORS, Redactor, fingerprint, read_key
from elman.data.redaction.overlaps import Span

KEY = b"0123456789abcdef"
TEXT = "Sam Li and Tom date on Tuesday."
SPANS = [Span(0, 6, "PER"), Span(11, 14, "PER"), Span(23, 30, "TIME")]


def redactor(operator: str, **options) -> Redactor:
    return Redactor(operator, **{"key": KEY if operator in KEYED else b"", **options})


def test_replace_writes_the_type():
    assert redactor("replace").redact(TEXT, SPANS)[0] == "<PER> and <PER> date on <TIME>."


def test_mask_keeps_all_offsets_and_writes_an_asterisk_for_each_code_point():
    text, replaced = redactor("mask").redact(TEXT, SPANS)
    assert text == "****** and *** date on *******."
    assert [(r.start, r.end) for r in replaced] == [(s.start, s.end) for s in SPANS]
    assert redactor("mask").redact("e\u0301\U0001f600!", [Span(0, 3, "X")])[0] == "***!"


def test_hash_is_the_hmac_of_the_string():
    text, _ = redactor("hash").redact("Tom met", [Span(0, 3, "PER")])
    assert text == hmac.new(KEY, b"Tom", hashlib.sha256).hexdigest() + " met"


def test_pseudonym_is_the_type_and_ten_digits_of_the_hash():
    text, _ = redactor("pseudonym").redact("Tom met", [Span(0, 3, "PER")])
    assert re.fullmatch("PER_[0-9a-f]{10} met", text)
    assert text[4:14] == redactor("hash").redact("Tom met", [Span(0, 3, "PER")])[0][:10]


def test_only_the_types_asked_for_are_taken_out():
    text, _ = redactor("replace", types=("TIME",)).redact(TEXT, SPANS)
    assert text == "Sam Li and Tom date on <TIME>."


def test_of_overlapping_entities_no_character_stays():
    spans = [Span(0, 10, "ORG"), Span(4, 14, "MAIL", 2)]
    assert redactor("replace").redact(TEXT, spans)[0] == "<MAIL> date on Tuesday."
    assert redactor("replace", types=("MAIL",)).redact(TEXT, spans)[0] == "Sam <MAIL> date on Tuesday."


@pytest.mark.parametrize("operator", KEYED)
def test_equal_strings_have_equal_stand_ins_under_one_key_alone(operator):
    def stand_in(name: str, key: bytes = KEY) -> str:
        return Redactor(operator, key=key).redact(name, [Span(0, len(name), "PER")])[0]

    assert stand_in("Zoé Li") == stand_in("Zoe\u0301\r\nLi")
    assert stand_in("Sam Li") != stand_in("Sam Lu")
    assert stand_in("Sam Li") != stand_in("Sam Li", key=b"another key of 16")


# Astral, combining, zero-width and control characters, both line ends.
CHARACTERS = st.text(
    st.sampled_from("aB \r\n\t\u0301\u200d\u00ad\U0001f600\U00020000<>*'\x00é中"), max_size=30
)


@given(CHARACTERS, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6), st.data())
def test_what_is_not_an_entity_stays_as_it_is(text, places, data):
    spans = [Span(min(a, b, len(text)), min(max(a, b), len(text)), "X") for a, b in places]
    operator = data.draw(st.sampled_from(OPERATORS))
    redacted, replaced = redactor(operator).redact(text, spans)
    at, there = 0, 0
    for (start, end, *_), begin, stop in replaced:
        assert redacted[there:begin] == text[at:start]
        at, there = end, stop
    assert redacted[there:] == text[at:]
    taken = {at for span in spans for at in range(span.start, span.end)}
    assert taken == {at for span, _, _ in replaced for at in range(span.start, span.end)}


def test_a_key_stands_in_no_config_and_no_repr():
    one = redactor("hash", types=("PER", "LOC"))
    assert one.config == {"operator": "hash", "types": ["LOC", "PER"], "key": fingerprint(KEY)}
    assert KEY.decode() not in f"{one!r} {one.config}"
    assert KEY.hex() not in f"{one!r} {one.config}"
    assert Redactor.from_job(one.to_job()) == one


@pytest.mark.parametrize("operator", KEYED)
def test_a_keyed_operator_without_a_key_is_a_usage_error(operator):
    with pytest.raises(UsageError, match="--redact-key-file"):
        Redactor(operator)


def test_a_key_that_is_not_used_is_a_usage_error():
    with pytest.raises(UsageError, match="hash or pseudonym only"):
        Redactor("mask", key=KEY)


def test_a_short_or_missing_key_is_refused_with_how_to_make_one(tmp_path):
    path = tmp_path / "key"
    with pytest.raises(BadInput, match=r"key: expected a file.*openssl"):
        read_key(path)
    path.write_bytes(b"short\n")
    with pytest.raises(BadInput, match=r"16 bytes or more. Got 5.*openssl"):
        read_key(path)
    path.write_bytes(KEY + b"\r\n")
    assert read_key(path) == KEY
