"""Feature templates, their bags, and the replacement bags of rare symbols."""

import json

import numpy as np
import polars as pl
import pytest

from elman.data.encoding.features import Features, FeatureTemplate, bag_ids, contexts, distinct, symbols
from elman.data.encoding.vocabulary import UNK_ID

NAMES = ("word", "lower", "shape", "prefix1", "prefix4", "suffix2", "suffix3", "at-1", "at+0+1", "letters")


def keys_of(text: str, reach: int = 0) -> pl.DataFrame:
    sentences = [line.split() for line in text.split("|")]
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in sentences])])
    return distinct(contexts(pl.Series([w for s in sentences for w in s]), offsets, reach))


def seen(word: str, name: str) -> list[str]:
    return symbols(pl.DataFrame({"w+0": [word], "count": [1]}), FeatureTemplate(name=name))[
        "symbol"
    ].to_list()


@pytest.mark.parametrize(
    ("word", "name", "expected"),
    [
        ("IL-2R", "word", ["IL-2R"]),
        ("İL-２", "lower", ["i̇l-2"]),
        ("McDonald's", "shape", ["XxXxx'x"]),
        ("B1999-12", "shape", ["X00-00"]),
        ("中文字x", "shape", ["ccx"]),
        ("xX", "shape", ["xX"]),
        ("abc", "prefix2", ["ab"]),
        ("abc", "prefix3", ["abc"]),
        ("abc", "prefix4", []),
        ("日本語", "suffix2", ["本語"]),
        ("abba", "letters", ["^", "a", "b", "b", "a", "$"]),
    ],
)
def test_symbols_of_every_template(word, name, expected):
    assert seen(word, name) == expected


def test_characters_of_a_very_long_token_are_those_of_its_beginning():
    assert len(seen("x" * 100_000, "letters")) == 64


def test_characters_stand_last_in_a_bag_in_their_order():
    keys = keys_of("cab abba|b")
    features = Features.fit(
        keys, [FeatureTemplate(name="word"), FeatureTemplate(name="suffix1"), FeatureTemplate(name="letters")]
    )
    assert features.characters == 2 + len("^abc$")
    bags, first = features.bags(keys), features.first_rows[-2]
    for number, word in enumerate(keys["w+0"]):
        rows = bags.rows[bags.offsets[number] : bags.offsets[number + 1]]
        assert (rows[:2] < first).all()
        spelt = features.vocabularies[-1].decode(rows[2:] - first)
        assert "".join(spelt) == f"^{word}$"
    with pytest.raises(ValueError, match="letters as the last"):
        Features.fit(keys, [FeatureTemplate(name="letters"), FeatureTemplate(name="word")])


def test_neighbours_are_read_within_the_sentence_only():
    keys = keys_of("我 爱 你|好", reach=1)
    by_word = {row["w+0"]: (row["w-1"], row["w+1"]) for row in keys.iter_rows(named=True)}
    assert by_word == {"我": ("", "爱"), "爱": ("我", "你"), "你": ("爱", ""), "好": ("", "")}
    assert set(symbols(keys, FeatureTemplate(name="at-1+0"))["symbol"]) == {" 我", "我 爱", "爱 你", " 好"}
    assert set(symbols(keys, FeatureTemplate(name="at+1"))["symbol"]) == {"爱", "你", ""}


def test_templates_have_ranges_of_rows_and_a_bag_has_one_row_of_each():
    keys = keys_of("a bb a|ccc bb a")
    features = Features.fit(
        keys, [FeatureTemplate(name="word"), FeatureTemplate(name="prefix2"), FeatureTemplate(name="shape")]
    )
    bags = features.bags(keys, stand_ins=False)
    assert features.first_rows == (0, 5, 9, 13)
    first = {row["w+0"]: i for i, row in enumerate(keys.iter_rows(named=True))}
    rows = {w: bags.rows[bags.offsets[i] : bags.offsets[i + 1]].tolist() for w, i in first.items()}
    assert rows["a"] == [2, 9 + 2]  # no prefix of two
    assert rows["bb"] == [3, 5 + 2, 9 + 3]
    assert len(bags.offsets) == len(keys) + 1 == len(bags.unknown) + 1


def test_a_rare_word_is_replaced_by_unknown_and_a_frequent_one_is_not():
    keys = keys_of("the the cat cat sat")
    features = Features.fit(keys, [FeatureTemplate(name="word"), FeatureTemplate(name="suffix2")])
    bags = features.bags(keys)
    number = {row["w+0"]: i for i, row in enumerate(keys.iter_rows(named=True))}
    assert bags.unknown[number["cat"]] == number["cat"]
    other = bags.unknown[number["sat"]]
    assert other >= bags.contexts == len(keys)
    assert bags.unknown[other] == other
    stand_in = bags.rows[bags.offsets[other] : bags.offsets[other + 1]].tolist()
    suffix = features.vocabularies[1].encode(pl.Series(["at"])).to_list()[0]
    assert stand_in == [UNK_ID, features.first_rows[1] + suffix]  # "at" is also seen in cat


def test_symbols_not_in_the_vocabulary_share_the_unknown_row():
    features = Features.fit(keys_of("a b"), [FeatureTemplate(name="word"), FeatureTemplate(name="suffix1")])
    bags = features.bags(keys_of("zzzz"))
    assert bags.rows.tolist() == [UNK_ID, features.first_rows[1] + UNK_ID]


def test_a_template_with_fixed_rows_has_them_for_any_vocabulary():
    features = Features.fit(keys_of("a b c"), [FeatureTemplate(name="word", max_size=10_000, rows=10_000)])
    assert features.rows == 10_000
    with pytest.raises(ValueError, match="max_size <= rows"):
        FeatureTemplate(name="word", rows=10)


def test_the_vocabulary_file_does_not_depend_on_the_order_of_sentences():
    templates = [FeatureTemplate(name=name) for name in NAMES]
    one = Features.fit(keys_of("a Bb a 12|ccc Bb ,|x y z", reach=1), templates)
    other = Features.fit(keys_of("x y z|ccc Bb ,|a Bb a 12", reach=1), templates)
    assert one.to_bytes() == other.to_bytes()
    assert Features.from_json(json.loads(one.to_bytes())) == one


def test_bag_ids_point_at_their_contexts():
    words = pl.Series(["b", "a", "b", "c"])
    frame = contexts(words, np.array([0, 4]), 0)
    keys = distinct(frame)
    assert keys["w+0"].gather(bag_ids(frame, keys)).to_list() == words.to_list()
    assert keys["count"].sum() == 4


def test_an_unknown_template_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="prefix0"):
        FeatureTemplate(name="prefix0")


def test_features_of_a_grown_corpus_keep_the_symbols_of_the_earlier_ones_and_find_their_rows():
    templates = tuple(FeatureTemplate(name=name) for name in ("word", "suffix2", "at-1", "letters"))
    earlier = Features.fit(keys_of("Ann met Bob|gone", reach=1), templates)
    grown = Features.fit(keys_of("Ann met Carol|Ann met", reach=1), templates, earlier=earlier)
    for before, after in zip(earlier.vocabularies, grown.vocabularies, strict=True):
        assert set(before.symbols) <= set(after.symbols)
    rows = grown.rows_in(earlier)
    assert len(rows) == grown.rows
    for before, first, after, own in zip(
        earlier.vocabularies, earlier.first_rows, grown.vocabularies, grown.first_rows, strict=False
    ):
        assert rows[own : own + 2].tolist() == [first, first + 1]
        for place, symbol in enumerate(after.symbols, own + 2):
            known = first + 2 + before.symbols.index(symbol) if symbol in before.symbols else -1
            assert rows[place] == known


def test_a_vocabulary_without_room_keeps_the_most_frequent_symbols():
    template = (FeatureTemplate(name="word", max_size=4, rows=8),)
    earlier = Features.fit(keys_of("a a b"), template)
    grown = Features.fit(keys_of("c c d|d d"), template, earlier=earlier)
    assert grown.vocabularies[0].symbols == ("d", "c")
    assert grown.rows_in(earlier).tolist() == [0, 1] + [-1] * 6
