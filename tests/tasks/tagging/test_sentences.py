"""Sentences as arrays."""

import numpy as np
import pytest

from elman.data.formats.common.records import Document, Flat, Sentence, by_character
from elman.data.ragged import offsets_of
from elman.tasks.tagging.sentences import Sentences, split_characters

TEXT = "Sam Li met\u00a0Tom .  On Tue\u3000sday . a b ."
TOKENS = [[(0, 3), (4, 6), (7, 14), (15, 16)], [(18, 20), (21, 29), (30, 31)], [(32, 33), (34, 35), (36, 37)]]


def flat(before: int = 0, text: str = TEXT) -> Flat:
    """The text as a document, or as the part that begins at a character of it."""
    spans = np.array([span for sentence in TOKENS for span in sentence]) + before
    return Flat(
        "d", "a.txt", before, text, offsets_of(list(map(len, TOKENS))), spans[:, 0], spans[:, 1], 0, 1
    )


def objects() -> tuple[Sentence, ...]:
    """The same sentences as objects."""
    return flat().document().sentences


def same(left: Sentences, right: Sentences) -> None:
    assert left.texts() == right.texts()
    for name in ("number", "start", "length", "bounds", "token_start", "token_end"):
        assert getattr(left, name).tolist() == getattr(right, name).tolist(), name


@pytest.mark.parametrize("before", [0, 100])
def test_a_flat_document_and_its_objects_give_the_same_sentences(before):
    made = Sentences.of("a.txt", "d", 5, flat(before), sentence_records=False)
    assert made.number.tolist() == [5, 6, 7]
    assert made.text == TEXT
    document = Document("d", "a.txt", flat(before).document().sentences, 0, 1)
    same(made, Sentences.of("a.txt", "d", 5, document, sentence_records=False))


def test_text_with_large_gaps_is_joined_anew():
    spans = TOKENS[-1]
    gap = Flat("d", "a.txt", 0, TEXT + " " * 1000, offsets_of([3]), *np.array(spans).T, 0, 1)
    made = Sentences.of("a.txt", "d", 0, gap, sentence_records=False)
    assert made.text == "a b ."
    assert made.texts() == ["a b ."]


@pytest.mark.parametrize(("a", "b"), [(0, 1), (1, 2), (1, 3), (0, 3)])
def test_a_slice_has_its_own_sentences_alone(a, b):
    whole = Sentences.of("a.txt", "d", 0, flat(), sentence_records=False)
    part = whole.slice(a, b)
    assert part.texts() == whole.texts()[a:b]
    assert part.text == TEXT[TOKENS[a][0][0] : TOKENS[b - 1][-1][1]] or (a, b) == (0, 3)
    assert part.records == (a == 0)
    tokens = [span for sentence in TOKENS[a:b] for span in sentence]
    assert list(zip(part.token_start.tolist(), part.token_end.tolist(), strict=True)) == tokens


def test_characters_are_those_of_the_reader_of_labelled_text():
    made = split_characters(Sentences.of("a.txt", "d", 0, flat(), sentence_records=True))
    document = Document("d", "a.txt", tuple(map(by_character, objects())))
    same(made, Sentences.of("a.txt", "d", 0, document, sentence_records=True))
