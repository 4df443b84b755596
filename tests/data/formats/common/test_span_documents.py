"""A label that cuts through a word is reported with whole words, and read as the user says."""

import io

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import DROPPED_SPANS, MISALIGNED_SPANS, WIDENED_SPANS
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.text import jsonl
from elman.data.text.tags import spans

LINE = b'{"text": "In Oslo Anna sang.", "label": [[3, 6, "LOC"], [8, 12, "PER"]]}\n'


def read(line: bytes, misaligned):
    options = Options(misaligned=misaligned)
    (record,) = jsonl.read(lambda: io.BytesIO(line), "f", options)
    return record, options.report


def entities(document: Document) -> list[str]:
    return [
        s.text[s.token_start[a] - s.start : s.token_end[b - 1] - s.start]
        for s in document.sentences
        for a, b, _ in spans(s.tags)
    ]


@pytest.mark.parametrize(
    ("misaligned", "expected", "done"),
    [
        (None, ["Osl", "Anna"], MISALIGNED_SPANS),
        ("split", ["Osl", "Anna"], MISALIGNED_SPANS),
        ("widen", ["Oslo", "Anna"], WIDENED_SPANS),
        ("drop", ["Anna"], DROPPED_SPANS),
    ],
)
def test_the_user_says_what_becomes_of_a_label_inside_a_word(misaligned, expected, done):
    document, report = read(LINE, misaligned)
    assert entities(document) == expected
    assert report.counts == {done: 1}
    (place,) = report.places[done]
    assert (place.source, place.line) == ("f", 1)
    assert "LOC 3 to 6, 'Osl': 3 to 7 is 'Oslo'" in place.text


def test_its_document_may_be_refused():
    refused, report = read(LINE, "refuse")
    assert isinstance(refused, Quarantined)
    assert (refused.reason, refused.line) == ("misaligned", 1)
    assert "3 to 7 is 'Oslo'" in refused.detail
    assert not report.counts


def test_labels_that_overlap_when_they_are_widened_are_refused():
    refused, _ = read(b'{"text": "Oslo.", "label": [[0, 2, "A"], [2, 4, "B"]]}\n', "widen")
    assert (refused.reason, refused.line) == ("spans-overlap", 1)


@pytest.mark.parametrize("misaligned", [None, "widen", "drop", "refuse"])
def test_labels_of_whole_words_are_read_as_they_are(misaligned):
    document, report = read(LINE.replace(b"[3, 6", b"[3, 7"), misaligned)
    assert entities(document) == ["Oslo", "Anna"]
    assert not report.counts
