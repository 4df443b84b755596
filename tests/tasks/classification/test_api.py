"""Classifiers from Python: the class of a string, of many strings, and of the rows of a frame."""

import polars as pl
import pytest

import elman
from elman.data.errors import UsageError
from elman.tasks.classification.hexamers import Hexamers
from tests.tasks.classification.test_tables import LABELS, WORDS, classifier, features

TEXTS = (" ".join(WORDS[:9]), "w1", " ".join(WORDS[::-1]) + " never seen", "w3 w3\n\nw29 .")


@pytest.fixture(scope="module")
def model() -> elman.ClassifierModel:
    return elman.ClassifierModel(classifier(features()))


def test_a_text_has_its_likeliest_class(model):
    assert (model.version, model.labels) == ("m", LABELS)
    found = model.tag(TEXTS[0])
    chances = model.probabilities(TEXTS[0])
    assert found == next(iter(chances.items()))
    assert set(chances) == set(LABELS)
    assert list(chances.values()) == sorted(chances.values(), reverse=True)
    assert sum(chances.values()) == pytest.approx(1)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_many_texts_give_what_each_gives_alone(model, batch_size):
    assert list(model.tag_many(iter(TEXTS), batch_size)) == [model.tag(text) for text in TEXTS]


def test_texts_are_read_a_batch_at_a_time(model):
    read = []
    found = model.tag_many((read.append(text) or text for text in TEXTS), batch_size=2)
    assert read == []
    next(found)
    assert read == list(TEXTS[:2])
    with pytest.raises(UsageError, match="batch_size of 1 or more"):
        next(model.tag_many(TEXTS, 0))


def test_a_frame_gets_label_and_probability_but_for_null_and_blank_texts(model):
    frame = pl.DataFrame({"id": range(4), "body": [TEXTS[0], None, " \n\u200b", TEXTS[3]]})
    tagged = model.tag_frame(frame, "body")
    assert tagged.drop("label", "probability").equals(frame)
    found = list(tagged.select("label", "probability").iter_rows())
    assert found == [model.tag(TEXTS[0]), (None, None), (None, None), model.tag(TEXTS[3])]
    assert model.tag_frame(frame.clear(), "body").schema == tagged.schema
    with pytest.raises(UsageError, match="without a column 'label'"):
        model.tag_frame(tagged, "body")
    with pytest.raises(UsageError, match="expected a column 'text'"):
        model.tag_frame(frame)


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_to_read_is_a_usage_error(model, text):
    with pytest.raises(UsageError, match="expected a visible character"):
        model.tag(text)


def test_dna_is_classified_whatever_its_line_ends():
    model = elman.ClassifierModel(classifier(Hexamers(), piece=4, bases=48))
    assert model.tag("ACGTTGCA" * 20) == model.tag("ACGTTGCA\n" * 20)
