"""Encoding a corpus loses nothing, and holds dev out if there is none."""

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.encoding.encode import EncodeConfig, encode, hold_out, tokens_of
from elman.data.encoding.features import FeatureTemplate
from elman.data.errors import BadInput
from elman.data.store import schema

WORD = EncodeConfig(templates=(FeatureTemplate(name="word"), FeatureTemplate(name="suffix2")))


def corpus(*sentences, begin=0, gap=" ") -> pl.DataFrame:
    """Sentences as (document, split, "token/TAG token/TAG"), or tokens alone for unlabelled ones."""
    rows, numbers, places = [], {}, {}
    for document, split, line in sentences:
        pairs = [item.rsplit("/", 1) for item in line.split()]
        start = places.get(document, begin)
        starts, at = [], start
        for pair in pairs:
            starts.append(at)
            at += len(pair[0]) + len(gap)
        ends = [a + len(pair[0]) for a, pair in zip(starts, pairs, strict=True)]
        places[document] = at + 1
        number = numbers[document] = numbers.get(document, -1) + 1
        tags = [pair[1] for pair in pairs] if all(len(pair) == 2 for pair in pairs) else None
        text = gap.join(pair[0] for pair in pairs)
        rows.append((document, number, split, text, start, starts, ends, tags, "f", 0))
    return pl.DataFrame(rows, schema=schema.TEXT, orient="row")


TINY = (
    ("a", "train", "Anna/B-PER met/O Bo/B-PER Li/I-PER"),
    ("a", "train", "in/O Rome/B-LOC"),
    ("b", "dev", "Bo/B-PER left/O Acme/B-ORG"),
    ("c", "test", "in/O Wien/B-LOC"),
)


@given(
    st.lists(
        st.lists(st.text(st.characters(blacklist_categories=["Zs", "Cs", "Cc"]), min_size=1), min_size=0),
        min_size=1,
    ),
    st.sampled_from(["", " ", "\u3000 "]),
    st.integers(0, 9),
)
@settings(max_examples=100, deadline=None)
def test_tokens_are_sliced_by_code_points_in_any_script(sentences, gap, begin):
    rows = []
    for number, tokens in enumerate(sentences):
        starts, at = [], begin
        for token in tokens:
            starts.append(at)
            at += len(token) + len(gap)
        ends = [a + len(t) for a, t in zip(starts, tokens, strict=True)]
        text = gap.join(tokens)
        rows.append((str(number), 0, "train", text, begin, starts, ends, None, "", 0))
    words, offsets = tokens_of(pl.DataFrame(rows, schema=schema.TEXT, orient="row"))
    assert words.to_list() == [token for tokens in sentences for token in tokens]
    assert np.diff(offsets).tolist() == [len(tokens) for tokens in sentences]


def test_tokens_of_a_slice_of_a_frame_are_its_own():
    frame = corpus(*TINY)
    assert tokens_of(frame.slice(2, 1))[0].to_list() == ["Bo", "left", "Acme"]


def test_every_token_keeps_its_bag_and_its_tag():
    frame = corpus(*TINY)
    encoded = encode(lambda: [frame.head(1), frame.tail(3)], WORD)
    assert encoded.tags == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert encoded.all_tags == (*encoded.tags, "B-ORG", "I-ORG")
    assert encoded.notes.types_unseen_in_training == ("ORG",)
    words, _ = tokens_of(frame)
    tags = frame["tags"].list.explode().to_list()
    seen = {}
    for split in ("train", "dev", "test"):
        part = encoded.splits[split]
        expected = frame.filter(pl.col("split") == split)
        assert np.diff(part.offsets).tolist() == expected["tags"].list.len().to_list()
        assert part.keys.rows() == expected.select("document", "sentence").rows()
        mine = tokens_of(expected)[0].to_list()
        assert [encoded.all_tags[t] for t in part.tags] == expected["tags"].list.explode().to_list()
        for word, bag in zip(mine, part.tokens.tolist(), strict=True):
            assert seen.setdefault(word, bag) == bag
    assert len(set(seen.values())) == len(set(words)) == encoded.bags.contexts
    assert len(tags) == sum(len(part.tags) for part in encoded.splits.values())


def test_vocabularies_hold_the_training_split_only():
    encoded = encode(lambda: [corpus(*TINY)], WORD)
    assert set(encoded.features.vocabularies[0].symbols) == {"Anna", "met", "Bo", "Li", "in", "Rome"}


def test_the_order_of_documents_does_not_change_the_vocabulary_file():
    frame = corpus(*TINY)
    parts = frame.partition_by("document")
    random.Random(1).shuffle(parts)
    assert (
        encode(lambda: [frame], WORD).features.to_bytes() == encode(lambda: parts, WORD).features.to_bytes()
    )


def test_sentences_without_labels_are_left_out_and_counted():
    encoded = encode(lambda: [corpus(*TINY, ("d", "train", "no labels here"))], WORD)
    assert encoded.notes.unlabelled_sentences == 1
    assert len(encoded.splits["train"]) == 2


@pytest.mark.parametrize(
    ("sentences", "got"),
    [
        ([("b", "dev", "Bo/B-PER")], "none"),
        ([("b", "train", "nothing tagged")], "none"),
        ([("b", "train", "only/O this/O"), ("c", "dev", "Bo/B-PER")], "only the tag O"),
    ],
)
def test_a_corpus_without_training_entities_is_refused(sentences, got):
    with pytest.raises(BadInput, match=f"Got {got}"):
        encode(lambda: [corpus(*sentences)], WORD)


@pytest.mark.parametrize(("share", "expected"), [(1.0, 2), (0.25, 2), (0.125, 1), (0.0, 1)])
def test_rare_symbols_are_at_most_a_share_of_the_training_tokens(share, expected):
    eight = corpus(("a", "train", "Bo/B-PER saw/O Bo/B-PER saw/O Al/B-PER in/O Rome/B-LOC ./O"), TINY[2])
    config = EncodeConfig(templates=(FeatureTemplate(name="word"),), rare=2, rare_share=share)
    assert encode(lambda: [eight], config).features.rare == expected


def held(sizes: list[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = [(f"d{d}", s) for d, size in enumerate(sizes) for s in range(size)]
    sentences = pl.DataFrame(rows, schema={"document": pl.String, "sentence": pl.Int32}, orient="row")
    return sentences, hold_out(sentences, 0.1)


@pytest.mark.parametrize("sizes", [[5] * 40, [3, 900], [700], [120], [30], [7], [2], [60, 40, 1]])
def test_about_a_tenth_is_held_out_and_the_rest_is_trained_on(sizes):
    sentences, chosen = held(sizes)
    assert 0 < len(chosen) < len(sentences)
    assert len(chosen) <= max(1, 0.2 * len(sentences))
    if len(sentences) >= 50:
        assert len(chosen) >= 0.05 * len(sentences)


def test_documents_are_held_out_whole_when_there_are_enough():
    sentences, chosen = held([5] * 40)
    whole = sentences.filter(pl.col("document").is_in(chosen["document"].unique().to_list()))
    assert sorted(whole.rows()) == sorted(chosen.rows())


def test_the_held_out_sentences_do_not_depend_on_the_order():
    sentences, chosen = held([4] * 50)
    again = hold_out(sentences.sample(fraction=1.0, shuffle=True, seed=4), 0.1)
    assert sorted(again.rows()) == sorted(chosen.rows())


def test_one_sentence_alone_is_trained_on_not_held_out():
    assert len(held([1])[1]) == 0
    encoded = encode(lambda: [corpus(TINY[0])], WORD)
    assert list(encoded.splits) == ["train"]
