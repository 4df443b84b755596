"""Invisible characters are those of Unicode, and stay with the character before them."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.formats.common.records import Sentence, by_character
from elman.data.text.invisible import (
    INVISIBLE,
    PICTOGRAPHIC,
    is_blank,
    last_visible,
    margin_of,
    places_of,
    ranges,
    visible,
)
from elman.data.text.scanner import Scanner
from elman.data.text.tokenizer import Tokenizer

UNITS = ("word", "char")


def tokens(text: str, unit: str = "word") -> list[str]:
    tokenizer = Tokenizer(unit=unit)
    starts, ends = tokenizer.tokenize(text)
    fast = Scanner(tokenizer).tokenize(text)
    assert [found.tolist() for found in fast] == [starts, ends]
    return [text[a:b] for a, b in zip(starts, ends, strict=True)]


@pytest.mark.parametrize(
    ("characters", "unicode"),
    [
        (
            INVISIBLE,
            r"[\p{wb=Format}[\p{Default_Ignorable_Code_Point}&&[\p{wb=Extend}\p{wb=ZWJ}]]]",
        ),
        (PICTOGRAPHIC, r"\p{Extended_Pictographic}"),
    ],
)
def test_the_ranges_are_those_of_unicode(characters, unicode):
    """Against the tables of Rust's regular expressions, as Polars has them."""
    every = pl.Series([chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000])
    expected = every.filter(every.str.contains(f"^{unicode}$")).to_list()
    assert [chr(code) for low, high in ranges(characters) for code in range(low, high + 1)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He left Os\u00adlo.", "He|left|Os\u00adlo|."),
        ("Os\u200clo Os\u200dlo Os\u2060lo Os\ufefflo", "Os\u200clo|Os\u200dlo|Os\u2060lo|Os\ufefflo"),
        ("don\u00ad't M\u00adr. 3\u2060,\u2060000", "do|n\u00ad't|M\u00adr.|3\u2060,\u2060000"),
        ("\u05e9\u05dc\u05d5\u05dd\u200f. \u200eOslo\u200e", "\u05e9\u05dc\u05d5\u05dd\u200f|.|Oslo\u200e"),
        ("\ufeffOslo \u2060 \u00ad", "Oslo"),
        ("Os\u200blo \u200b", "Os|lo"),
        ("葛\U000e0100城", "葛\U000e0100|城"),
        ("I \u2764\ufe0f it", "I|\u2764\ufe0f|it"),
        ("\U0001f469\u200d\U0001f4bb ok", "\U0001f469\u200d\U0001f4bb|ok"),
        ("\U0001f469\U0001f3fd\u200d\U0001f4bb", "\U0001f469\U0001f3fd\u200d\U0001f4bb"),
        (
            "x \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "x|\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("see https://a.b/\u00adc, then", "see|https://a.b/\u00adc|,|then"),
    ],
)
def test_invisible_characters_stay_with_the_token_before_them(text, expected):
    assert tokens(text) == expected.split("|")


def test_in_character_unit_they_stay_with_their_character():
    assert tokens("\ufeff我\u00ad有\u200b\u200d 2\ufe0f\u20e3", "char") == [
        "我\u00ad",
        "有",
        "2\ufe0f",
        "\u20e3",
    ]


def test_a_sentence_ends_after_marks_of_direction():
    text = "He left.\u200f She\u200e stayed.\u200e\n\u200b\nThey\u00ad met."
    cut = [text[a:b] for a, b, _, _ in Tokenizer().sentences(text, wrapped=True)]
    assert cut == ["He left.\u200f", "She\u200e stayed.\u200e", "They\u00ad met."]


MARKS = st.sampled_from([chr(low) for low, _ in ranges(INVISIBLE)])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([*"abAB1 .,'-\n字", "Mr.", "n't"]), MARKS | st.just("")), max_size=40),
    st.sampled_from(UNITS),
)
def test_tokens_are_those_of_the_text_without_invisible_characters(pairs, unit):
    text = "".join(piece + mark for piece, mark in pairs)
    plain = "".join(piece for piece, _ in pairs)
    assert [visible(token) for token in tokens(text, unit)] == tokens(plain, unit)


def test_a_text_of_invisible_characters_is_blank():
    assert all(map(is_blank, ("", " ", "\u00ad", " \ufeff\u200b\n\u2060 ")))
    assert not any(map(is_blank, ("a", "\u00adb", "\u0301", "\u0600")))


def test_positions_map_back_to_the_whole_text():
    assert places_of("caf\u00e9") is None
    assert places_of("a\u00adb\u200bc") == [0, 2, 3, 4, 5]
    assert last_visible("ab\u00ad\u00ad c", 4) == 1
    assert margin_of("abcdef", 3) == 3
    assert margin_of("ab\u00ad\u00ad\u00adcd", 3) >= 6
    assert margin_of("a\u00ad" * 3, 4) > 6


def test_tokens_given_are_split_into_characters_likewise():
    sentence = Sentence(0, 4, "我\u00ad有 ", (0,), (3,), ("B-A",))
    split = by_character(sentence)
    assert (split.token_start, split.token_end, split.tags) == ((0, 2), (2, 3), ("B-A", "I-A"))
