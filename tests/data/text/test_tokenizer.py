"""Offsets point into the text; raw text is tokenized as the training corpus was."""

import gzip
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.formats.common.options import Options
from elman.data.formats.text.conll import read
from elman.data.text.invisible import is_blank
from elman.data.text.tokenizer import LONGEST_SENTENCE, Tokenizer, unit_of, wraps_lines


def cut(tokenizer, text):
    return [text[a:b] for a, b in zip(*tokenizer.tokenize(text), strict=True)]


def sentences(text, tokenizer=None):
    return [text[a:b] for a, b, _, _ in (tokenizer or Tokenizer()).sentences(text)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Sam Li and Tom date on Tuesday.", "Sam Li and Tom date on Tuesday ."),
        ("Mr. O'Brien didn't pay $3,000.50.", "Mr. O'Brien did n't pay $ 3,000.50 ."),
        ("\u201cWhy?\u201d she asked\u2014twice...", "\u201c Why ? \u201d she asked \u2014 twice ..."),
        ("At 9:15 a.m. the U.S. tea-tray fell!!", "At 9:15 a.m. the U.S. tea-tray fell !!"),
        ("See https://a.b/c?d=e, or ask x@y.org #now", "See https://a.b/c?d=e , or ask x@y.org #now"),
        ("Tom's dogs' (15%) caf\u00e9", "Tom 's dogs ' ( 15 % ) caf\u00e9"),
        ("na\u0131\u0308ve e\u0301te\u0301", "na\u0131\u0308ve e\u0301te\u0301"),
        ("我在2023年", "我 在 2023 年"),
    ],
)
def test_words_follow_the_stated_rule(text, tokens):
    assert cut(Tokenizer(), text) == tokens.split(" ")


def test_in_character_unit_every_visible_code_point_is_a_token():
    assert cut(Tokenizer(unit="char"), "我 有iPad 2台") == list("我有iPad2台")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He left. She stayed.", ["He left.", "She stayed."]),
        ("Dr. Osei met J. R. Adeyemi. They talked.", ["Dr. Osei met J. R. Adeyemi.", "They talked."]),
        ('"Go!" he said. "Now."', ['"Go!" he said.', '"Now."']),
        ("It cost 3.50 euros. Too much?", ["It cost 3.50 euros.", "Too much?"]),
        ("A title\n\nThe text goes on.", ["A title", "The text goes on."]),
        ("他說：「好。」然後走了。你呢？", ["他說：「好。」", "然後走了。", "你呢？"]),
        ("   \n\n ", []),
    ],
)
def test_sentences_end_by_the_stated_rule(text, expected):
    assert sentences(text) == expected


def test_hard_wrapped_lines_do_not_end_sentences_but_lines_of_sentences_do():
    wrapped = (
        "The road ran along the river and\nthen up over the hill where the\nold mill stood for a long time."
    )
    assert wraps_lines(wrapped)
    assert len(sentences(wrapped)) == 1
    lines = "Rain again\nThe harbour at dawn, empty but for two boats\nNobody\nA letter to my sister"
    assert not wraps_lines(lines)
    assert len(sentences(lines)) == 4


def test_an_overlong_sentence_is_split_without_loss():
    text = "word " * (2 * LONGEST_SENTENCE + 7)
    counts = [len(starts) for _, _, starts, _ in Tokenizer().sentences(text)]
    assert counts == [LONGEST_SENTENCE, LONGEST_SENTENCE, 7]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["word", "char"]))
def test_every_visible_character_is_in_exactly_one_token_of_one_sentence(text, unit):
    tokenizer = Tokenizer(unit=unit)
    starts, ends = tokenizer.tokenize(text)
    covered = [place for a, b in zip(starts, ends, strict=True) for place in range(a, b)]
    assert len(covered) == len(set(covered))
    assert {place for place, c in enumerate(text) if not is_blank(c)} <= set(covered)
    assert not any(is_blank(text[a:b]) for a, b in zip(starts, ends, strict=True))
    in_sentences = [(a, b) for _, _, s, e in tokenizer.sentences(text) for a, b in zip(s, e, strict=True)]
    assert in_sentences == list(zip(starts, ends, strict=True))


def test_a_tokenizer_survives_json():
    tokenizer = Tokenizer.fit({"tea-tray": 4, "'s": 3, "Esq.": 1, ":)": 2}, "word")
    assert Tokenizer.from_json(tokenizer.to_json()) == tokenizer


def test_fit_joins_what_the_corpus_joins():
    assert cut(Tokenizer.fit({"-": 9, "tea": 3}, "word"), "tea-tray") == ["tea", "-", "tray"]
    assert cut(Tokenizer.fit({"-": 1, "to-day": 3}, "word"), "tea-tray") == ["tea-tray"]


def test_the_unit_follows_the_script():
    assert [unit_of(t) for t in ("names", "東京で会う", "我有 iPad 和很多蘋果", "", "Привет")] == [
        "word",
        "char",
        "char",
        "word",
        "word",
    ]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("ncbi-disease/train.tsv.gz", "ncbi-disease/test.tsv"),
        ("litbank/proper_names.train.conll.gz", "litbank/proper_names.test.conll"),
        ("wnut17/train.conll", "wnut17/test.conll"),
        ("wikineural-en/val.conllu.gz", "wikineural-en/test.conllu.gz"),
        ("uner-zh-gsdsimp/char.train.conll.gz", "uner-zh-gsdsimp/char.test.conll"),
    ],
)
def test_raw_text_of_real_corpora_gives_their_tokens(corpora, train, test):
    def texts(name):
        path = corpora / "text" / name
        opener = gzip.open if path.suffix == ".gz" else open
        for document in read(lambda: opener(path, "rb"), name, Options()):
            yield from document.sentences

    counts = Counter(
        s.text[a - s.start : b - s.start]
        for s in texts(train)
        for a, b in zip(s.token_start, s.token_end, strict=True)
    )
    tokenizer = Tokenizer.fit(counts, "char" if "char" in train else "word")
    same = every = 0
    for s in texts(test):
        found = set(zip(*tokenizer.tokenize(s.text), strict=True))
        wanted = [(a - s.start, b - s.start) for a, b in zip(s.token_start, s.token_end, strict=True)]
        every += len(wanted)
        same += sum(token in found for token in wanted)
    assert same / every >= 0.99


@pytest.mark.parametrize(
    "unit", [". ", ".", " ", "\n ", "\r", ".)", "a.", "!?", "www.", "#", "n't", "-=", "Mr. ", "字"]
)
def test_running_time_is_linear_in_the_text(unit):
    """Where an expression looked on to the end from every place, this would take hours."""
    text = unit * (400_000 // len(unit))
    cuts = list(Tokenizer().sentences(text))
    assert sum(len(starts) for _, _, starts, _ in cuts) == len(Tokenizer().tokenize(text)[0])
