"""The scanner gives the results of its tokenizer, for any earlier text and any start."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.text import scanner_kernels
from elman.data.text.scanner import Scanner, thread_scanner
from elman.data.text.tokenizer import Tokenizer

PIECES = (
    *("Mr.", "J.", "R.", "U.S.", "a.m.", "don't", "Tom's", "tea-tray", "3,000.50", "15%", "#now", "@tom"),
    *(
        "x@y.org",
        "https://a.b/c?d=e,",
        "...",
        "!!",
        "“Why?”",
        "她說：「好。」",
        "我在2023年",
        "(a)",
        ":)",
        "\u0301",
    ),
    *("e\u0301te\u0301", "\ud800", "\U0001f600", "_", "-", "'", "K" * 250, "1", ".", "A"),
    *(
        '"Yes,"',
        "(so)",
        "Mr.\u201d",
        "etc.)",
        "(etc.",
        "a.",
        "I.",
        "end.\u201d",
        "so;:",
        "Os\u00adlo",
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",
        "no!!",
        "'tis",
        "\u2018so\u2019",
    ),
    *("\u200b", "\u200d", "\ufeff", "\u200f", "\ufe0f"),
    *(" ", "  ", "\n", "\n\n", "\r\n", "\t", "\u3000", "\x85", "\x1c"),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=40).map("".join)
RULES = (
    Tokenizer(),
    Tokenizer(inner="-", number="", clitics=False, abbreviations=("Mr", "etc"), symbols=(":)", "'-")),
    Tokenizer(symbols=(". .", "( a")),
    Tokenizer(inner=",'\u2019", head='("', symbols=(").", "?!")),
    Tokenizer(symbols=("et",)),
    Tokenizer(unit="char"),
)
KEPT = [Scanner(rule, chunks=8) for rule in RULES]


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.integers(0, 30), st.sampled_from(range(len(RULES))), st.booleans())
def test_tokens_and_sentences_are_those_of_the_tokenizer(text, begin, which, wrapped):
    begin = min(begin, len(text))
    expected = list(RULES[which].sentences(text, wrapped, begin))
    bounds, starts, ends = KEPT[which].sentences(text, wrapped, begin)
    assert starts.tolist() == [a for sentence in expected for a in sentence[2]]
    assert ends.tolist() == [b for sentence in expected for b in sentence[3]]
    assert np.diff(bounds).tolist() == [len(sentence[2]) for sentence in expected]


ENDS = st.text(
    st.sampled_from(".!?\u2026 \n\r\t\"'\u2019)\u300d\u3002\uff01aAI1_\u0301\u00e9\ud800"), max_size=60
)
SPELT = st.lists(
    st.sampled_from([". ", ".\n", "Mr.", "J.", "etc.", '." ', ". ' ", "Yes", " he"]), max_size=30
)


@settings(max_examples=600, deadline=None)
@given(ENDS | SPELT.map("".join), st.integers(0, 9), st.booleans())
def test_sentence_ends_equal_the_tokenizers(text, begin, wrapped):
    begin = min(begin, len(text))
    found = KEPT[0]._cuts(
        text, np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32), wrapped, begin
    )
    assert found.tolist() == RULES[0].cuts(text, wrapped, begin)


def test_white_space_equals_pythons():
    spaces = [code for code in range(0x110000) if chr(code).isspace()]
    assert [code for code in range(0x110000) if scanner_kernels.is_space(code)] == spaces


def test_a_long_sentence_is_split_as_by_the_tokenizer():
    text = "word " * 2500
    bounds, _, _ = Scanner(Tokenizer()).sentences(text, wrapped=True)
    assert bounds.tolist() == [0, 1000, 2000, 2500]


def test_the_table_has_a_fixed_size():
    scanner = Scanner(Tokenizer(), chunks=100)
    before = scanner._table.nbytes
    text = " ".join(f"word{n}," for n in range(5000))
    starts, _ = scanner.tokenize(text)
    assert len(starts) == 10_000
    assert scanner._table.known <= 100
    assert len(scanner._begins) <= 200
    assert scanner._table.nbytes == before


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_white_space_alone_has_no_token(text):
    bounds, starts, ends = Scanner(Tokenizer()).sentences(text)
    assert (bounds.tolist(), starts.tolist(), ends.tolist()) == ([0], [], [])


def test_a_thread_reuses_its_scanner_for_one_tokenizer():
    assert thread_scanner(Tokenizer()) is thread_scanner(Tokenizer())
    assert thread_scanner(Tokenizer(unit="char")).tokenizer.unit == "char"
