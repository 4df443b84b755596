"""Unlabelled text is encoded with the templates that read the word alone."""

from itertools import pairwise

import polars as pl

from elman.data.encoding.features import Features, FeatureTemplate, distinct
from elman.data.encoding.unlabelled import count_words, encode_unlabelled, words_of
from elman.data.text.scanner import Scanner
from elman.data.text.tokenizer import Tokenizer

TEXTS = ["Ann met\nBo.", "Don't!", "", "Bo met Ann in Wien."]
BLOCKS = (FeatureTemplate(name="word"), FeatureTemplate(name="at-1"), FeatureTemplate(name="suffix2"))


def frames():
    yield pl.DataFrame({"text": TEXTS[:2]})
    yield pl.DataFrame({"text": TEXTS[2:]})


def test_tokens_equal_the_tokenizers():
    words, offsets = words_of(pl.Series(TEXTS), Scanner(Tokenizer()))
    cut = [words[int(a) : int(b)].to_list() for a, b in pairwise(offsets)]
    expected = []
    for text in TEXTS:
        starts, ends = Tokenizer().tokenize(text)
        expected.append([text[a:b] for a, b in zip(starts, ends, strict=True)])
    assert cut == expected
    assert expected[1] == ["Do", "n't", "!"]


def test_characters_are_tokens_where_the_unit_is_one():
    words, offsets = words_of(pl.Series(["林雅婷 在", "日本"]), Scanner(Tokenizer(unit="char")))
    assert words.to_list() == list("林雅婷在日本")
    assert offsets.tolist() == [0, 4, 6]


def test_words_are_counted_over_all_frames():
    counted = dict(count_words(frames, Tokenizer()).iter_rows())
    assert counted == {"Ann": 2, "Bo": 2, "met": 2, "in": 1, "Wien": 1, ".": 2, "Do": 1, "n't": 1, "!": 1}


def encoded(blocks=BLOCKS):
    counted = count_words(frames, Tokenizer())
    features = Features.fit(distinct(pl.DataFrame({"w-1": [""], "w+0": ["Ann"]})), blocks, more=counted)
    return counted, features, encode_unlabelled(frames, Tokenizer(), features, counted)


def test_tokens_point_at_their_words_and_empty_sentences_are_left_out():
    counted, _, text = encoded()
    words = counted["w+0"].gather(text.tokens).to_list()
    assert text.offsets.tolist() == [0, 4, 7, 13]
    assert words[7:13] == ["Bo", "met", "Ann", "in", "Wien", "."]


def test_templates_that_read_neighbours_give_no_rows():
    counted, features, text = encoded()
    rows = text.bags.rows[text.bags.offsets[0] : text.bags.offsets[len(counted)]]
    first = features.first_rows
    assert not ((rows >= first[1]) & (rows < first[2])).any()
    assert (rows < first[1]).sum() == len(counted)


def test_the_most_frequent_words_are_the_targets_and_no_replacement_bag_is():
    counted, _, text = encoded()
    assert text.counts.tolist() == sorted(counted["count"].to_list(), reverse=True)
    assert sorted(text.word_of[: len(counted)].tolist()) == list(range(len(counted)))
    assert (text.word_of[len(counted) :] == -1).all()
    assert len(text.word_of) == len(text.bags.unknown)


def test_words_of_unlabelled_text_get_rows_in_templates_of_the_word_alone():
    _, features, _ = encoded()
    known = dict(zip((template.name for template in features.templates), features.vocabularies, strict=True))
    assert "Wien" in known["word"].symbols
    assert "en" in known["suffix2"].symbols
    assert known["at-1"].symbols == ("",)
