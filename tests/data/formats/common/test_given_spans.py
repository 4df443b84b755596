"""Labels as tools write them: other types and units of offsets, texts beside them, labels in labels."""

import json

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import NESTED_SPANS, OTHER_OFFSETS
from elman.data.formats.common.records import Quarantined
from elman.data.formats.text import jsonl
from tests.data.formats.text.test_annotation_exports import entities, lines, records

TEXT = "\U0001f600\U0001f600 Anna lives in Oslo."


def read(text, spans, **options):
    given = Options(**options)
    (found,) = records(jsonl, lines({"text": text, "spans": spans}), given)
    return found, given.report


@pytest.mark.parametrize(("start", "end"), [(3, 7), (3.0, 7.0), ("3", "7")])
def test_whole_numbers_may_be_floats_or_strings(start, end):
    found, _ = read(TEXT, [[start, end, "PER"]])
    assert entities(found) == [("Anna", "PER")]


@pytest.mark.parametrize(
    ("start", "end"), [(3.5, 7), ("x", 7), (None, 7), (True, 7), ("\u0663", 7), (1e400, 7)]
)
def test_other_values_are_no_offsets(start, end):
    raw = json.dumps({"text": TEXT, "spans": [[start, end, "PER"]]}) + "\n"
    (refused,) = records(jsonl, raw)
    assert refused.reason == "invalid-spans"


@pytest.mark.parametrize(("unit", "shift"), [("utf-16", 2), ("utf-8", 6)])
def test_offsets_may_count_other_units(unit, shift):
    found, _ = read(TEXT, [[3 + shift, 7 + shift, "PER"]], offsets=unit)
    assert entities(found) == [("Anna", "PER")]
    refused, _ = read(TEXT, [[1, 7 + shift, "PER"]], offsets=unit)  # within a character
    assert refused.reason == "span-outside"


@pytest.mark.parametrize(("unit", "shift"), [("utf-16", 1), ("utf-8", 3)])
def test_labels_that_fit_in_another_unit_alone_are_refused_with_the_option(unit, shift):
    refused, _ = read("\U0001f600 Anna", [[2 + shift, 6 + shift, "PER"]])
    assert isinstance(refused, Quarantined)
    assert refused.reason == "span-outside"
    assert refused.todo.endswith(f"give --offsets {unit}.")


def test_labels_that_cut_words_unless_they_count_in_utf16_are_reported():
    _, report = read(TEXT + " She sang.", [[5, 9, "PER"], [19, 23, "LOC"]])
    assert report.counts[OTHER_OFFSETS] == 1
    (place,) = report.places[OTHER_OFFSETS]
    assert "as UTF-16 it is 'Anna'" in place.text
    _, report = read(TEXT, [[3, 7, "PER"]])
    assert OTHER_OFFSETS not in report.counts


def test_a_label_has_to_stand_where_its_text_does():
    wrong = {"start": 5, "end": 9, "text": "Anna", "label": "PER"}
    refused, _ = read(TEXT, [wrong])
    assert refused.reason == "span-text"
    assert refused.detail == "expected 'Anna' at 5 to 9. Got 'na l'"
    assert "--offsets utf-16" in refused.todo
    found, _ = read(TEXT, [wrong], offsets="utf-16")
    assert entities(found) == [("Anna", "PER")]
    found, _ = read("Anna\r\nLee left.", [{"start": 0, "end": 9, "text": "Anna\\nLee", "label": "PER"}])
    assert entities(found) == [("Anna\r\nLee", "PER")]


def test_of_nested_labels_the_outermost_is_kept_and_counted():
    found, report = read("University of Oslo.", [[14, 18, "LOC"], [0, 18, "ORG"], [0, 18, "ORG"]])
    assert entities(found) == [("University of Oslo", "ORG")]
    assert report.counts == {NESTED_SPANS: 1}
    for crossing in ([[0, 10, "A"], [5, 18, "B"]], [[0, 10, "A"], [0, 10, "B"]]):
        refused, _ = read("University of Oslo.", crossing)
        assert refused.reason == "spans-overlap"


@pytest.mark.parametrize(
    "labels",
    [
        {"spans": {"start": [2], "end": [6], "label": ["PER"]}},  # Hugging Face's sequence of objects
        {"entities": [{"entity_group": "PER", "start": 2, "end": 6, "score": 0.9, "word": "anna"}]},
        {"entities": [{"entity_type": "PER", "start": 2, "end": 6}]},  # Presidio
        {"spans": [[2, 6, "PER"]], "entities": [{"start": 2, "end": 6, "label": "PER"}]},
    ],
)
def test_labels_are_read_in_further_forms(labels):
    (found,) = records(jsonl, lines({"text": "So Anna left."[1:], **labels}))
    assert entities(found) == [("Anna", "PER")]


def test_a_score_belongs_to_the_sentence_of_its_label_in_any_unit():
    text = "\U0001f600\U0001f600\U0001f600 No. Bo left."
    found, _ = read(text, [{"start": 11, "end": 13, "label": "PER", "score": 0.5}], offsets="utf-16")
    assert [sentence.score for sentence in found.sentences][-1] == 0.5
