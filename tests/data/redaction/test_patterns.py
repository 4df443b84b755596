"""Patterns find entities of a checkable form at their exact offsets, and nothing whose checksum is wrong."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.errors import UsageError
from elman.data.redaction.patterns import PATTERNS, Patterns

ALL = Patterns(tuple(PATTERNS))


def found(text: str, patterns: Patterns = ALL) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in patterns.find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to anna.b+x@mail.example.org.", [("MAIL", "anna.b+x@mail.example.org")]),
        ("(ö.müller@bücher.example)", [("MAIL", "ö.müller@bücher.example")]),
        ("<a@example.org>,b@example.org", [("MAIL", "a@example.org"), ("MAIL", "b@example.org")]),
        ("See https://example.org/a_(b)?q=1, please.", [("URL", "https://example.org/a_(b)?q=1")]),
        ("(see www.example.org)", [("URL", "www.example.org")]),
        ("\u300chttps://example.org/\u300d\u3002", [("URL", "https://example.org/")]),
        ("Card 4111 1111 1111 1111 is used.", [("CARD", "4111 1111 1111 1111")]),
        ("3782-822463-10005", [("CARD", "3782-822463-10005")]),
        ("IBAN GB82 WEST 1234 5698 7654 32 today", [("IBAN", "GB82 WEST 1234 5698 7654 32")]),
        ("AB12 GB82 WEST 1234 5698 7654 32", [("IBAN", "GB82 WEST 1234 5698 7654 32")]),
        ("DE89370400440532013000", [("IBAN", "DE89370400440532013000")]),
        ("Call +44 20 7946 0958 now", [("PHONE", "+44 20 7946 0958")]),
        ("https://user@example.org/x", [("URL", "https://user@example.org/x")]),
    ],
)
def test_entities_are_found_with_exact_offsets(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # Luhn digit wrong
        "0000 0000 0000 0000",
        "GB82 WEST 1234 5698 7654 33",  # IBAN check digits wrong
        "on 2026-11-30 at 12:30",
        "10.0.0.1 and 3,000,000",
        "a@b",
        "http:// and www. alone",
        "",
    ],
)
def test_nothing_is_found_where_a_checksum_or_form_is_wrong(text):
    assert found(text) == []


def test_a_region_lets_national_telephone_numbers_count():
    text = "Ring 020 7946 0958 tonight, or 030 901820."
    assert found(text, Patterns(("phone",))) == []
    assert found(text, Patterns(("phone",), ("GB",))) == [("PHONE", "020 7946 0958")]
    both = Patterns(("phone",), ("GB", "DE"))
    assert found(text, both) == [("PHONE", "020 7946 0958"), ("PHONE", "030 901820")]
    assert Patterns.from_json(both.to_json()) == both


def test_of_two_patterns_the_longer_match_counts():
    assert [span.type for span in ALL.find("https://example.org/?to=a@example.org")] == ["URL"]


@given(
    st.text(st.sampled_from(" \r\n.,\u0301\u200d\U0001f600中"), max_size=9),
    st.sampled_from(["", "\U00020000 "]),
)
def test_offsets_count_code_points_behind_astral_and_combining_characters(before, more):
    text = f"{before}{more} a@example.org."
    (span,) = ALL.find(text)
    assert text[span.start : span.end] == "a@example.org"


@pytest.mark.parametrize("unit", ["1 ", "a.", "a@", "GB82", "+1 ", "http://"])
def test_a_long_sentence_without_entities_takes_little_time(unit):
    begun = time.process_time()
    assert {kind for kind, _ in found(9000 * unit)} <= {"URL"}
    assert time.process_time() - begun < 2


def test_an_unknown_pattern_or_region_is_a_usage_error():
    with pytest.raises(UsageError, match="card, iban, mail, phone, url"):
        Patterns(("post",))
    with pytest.raises(UsageError, match="Got Britain"):
        Patterns(("phone",), ("Britain",))
    with pytest.raises(UsageError, match="beside --patterns phone"):
        Patterns(("mail",), ("GB",))
