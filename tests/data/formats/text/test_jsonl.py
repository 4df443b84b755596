"""Character spans become tags that say the same; bad lines are quarantined with their place."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import UNUSABLE_SCORES
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.text import jsonl
from elman.data.text.invisible import is_blank, visible
from elman.data.text.tags import spans

# Any character, and often those that rules of tokens treat apart.
CHARACTERS = st.one_of(
    st.characters(codec="utf-8"), st.sampled_from(" a.\u00ad\u0301\u200b\u200d\u2028\ufeff\U0001f469\r\n")
)


def read(*values):
    lines = [v if isinstance(v, bytes) else json.dumps(v, ensure_ascii=False).encode() for v in values]
    raw = b"\n".join(lines) + b"\n"
    return list(jsonl.read(lambda: io.BytesIO(raw), "f.jsonl", Options()))


def entities(document):
    """Spans read back from the tags, in characters of the document."""
    return [
        (s.token_start[a], s.token_end[b - 1], kind)
        for s in document.sentences
        for a, b, kind in spans(s.tags or ())
    ]


def span(start, end, label="PER"):
    return {"start": start, "end": end, "label": label}


def test_spans_become_iob2_tags_over_the_tokens():
    (document,) = read({"id": "d", "text": "Sam Li left. Tom stayed.", "spans": [span(0, 6), span(13, 16)]})
    assert (document.id, document.line, document.byte_offset) == ("d", 1, 0)
    assert [s.tags for s in document.sentences] == [("B-PER", "I-PER", "O", "O"), ("B-PER", "O", "O")]
    assert entities(document) == [(0, 6, "PER"), (13, 16, "PER")]


def test_without_spans_a_document_is_unlabelled_and_without_id_named_by_its_line():
    first, second = read({"text": "Sam left."}, {"text": "Tom.", "spans": []})
    assert (first.id, first.sentences[0].tags) == ("f.jsonl#1", None)
    assert (second.id, second.sentences[0].tags) == ("f.jsonl#2", ("O", "O"))


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ("sports", "sports"),
        (" sports ", "sports"),
        (3, "3"),
        (1.0, "1"),
        (True, "true"),
        (["sports"], "sports"),
    ],
)
def test_a_single_value_under_label_is_the_class_of_the_document(given, label):
    (document,) = read({"text": "Sam left.", "label": given})
    assert (document.label, document.sentences[0].tags) == (label, None)


@pytest.mark.parametrize("given", [None, "", " ", [], 0.5, ["a", "b"], [[0, 3, "PER"]]])
def test_what_is_no_single_class_leaves_a_document_without_one(given):
    (document,) = read({"text": "Sam left.", "label": given})
    assert isinstance(document, Document)
    assert document.label is None


def test_several_labels_of_a_document_are_counted():
    options = Options()
    raw = b'{"text": "Sam left.", "label": ["a", "b"]}\n'
    (document,) = jsonl.read(lambda: io.BytesIO(raw), "f.jsonl", options)
    assert document.label is None
    assert sum(options.report.counts.values()) == 1


def test_a_span_inside_a_token_cuts_it_there():
    (document,) = read({"text": "the Anglo-French pact", "spans": [span(10, 16)]})
    assert entities(document) == [(10, 16, "PER")]


def test_no_sentence_ends_inside_a_span():
    text = "They read What now? A tale. Then slept."
    (document,) = read({"text": text, "spans": [span(10, 26, "WORK")]})
    assert entities(document) == [(10, 26, "WORK")]
    assert [s.text for s in document.sentences] == ["They read What now? A tale.", "Then slept."]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "invalid-json"),
        (b'"text"', "no-text"),
        (b'{"text": "\xff"}', "invalid-utf8"),
        (b'{"text": "\\ud800 x"}', "invalid-utf8"),
        ({"text": 7}, "no-text"),
        ({"text": "  "}, "no-text"),
        ({"text": "a", "id": []}, "invalid-id"),
        ({"text": "a", "spans": {}}, "invalid-spans"),
        ({"text": "a", "spans": [[0, 1]]}, "invalid-spans"),
        ({"text": "a", "spans": [span(0, 1, None)]}, "invalid-spans"),
        ({"text": "a", "spans": [span(0, True)]}, "invalid-spans"),
        ({"text": "a", "spans": [span(0, 2)]}, "span-outside"),
        ({"text": "a", "spans": [span(0, 0)]}, "span-outside"),
        ({"text": "a", "spans": [span(-1, 1)]}, "span-outside"),
        ({"text": "a  b", "spans": [span(1, 3)]}, "span-blank"),
        ({"text": "a b c", "spans": [span(0, 3), span(2, 5)]}, "spans-overlap"),
    ],
)
def test_a_bad_line_is_quarantined_with_its_place_and_the_rest_is_read(value, reason):
    first, quarantined, last = read({"text": "one"}, value, {"text": "three"})
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(quarantined, Quarantined)
    assert (quarantined.reason, quarantined.line, quarantined.byte_offset) == (
        reason,
        2,
        len(b'{"text": "one"}\n'),
    )
    assert quarantined.todo


@settings(max_examples=200, deadline=None)
@given(st.text(CHARACTERS, min_size=1, max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_every_good_span_is_there_with_its_visible_characters(text, places):
    edges = sorted({p for p in places if p <= len(text)})
    pairs = zip(edges[::2], edges[1::2], strict=False)
    given_spans = [span(a, b) for a, b in pairs if not is_blank(text[a:b])]
    (found,) = read({"text": text, "spans": given_spans})
    if isinstance(found, Quarantined):
        assert is_blank(text)
        return
    assert [visible(text[a:b]) for a, b, _ in entities(found)] == [
        visible(text[s["start"] : s["end"]]).strip() for s in given_spans
    ]


def test_a_sentence_has_the_score_of_its_least_sure_span():
    text = "Sam Li met Bo. Tom stayed. All left. Eva came."
    spans_ = [
        {**span(0, 6), "score": 0.9},
        {**span(11, 13), "probability": 0.5},
        {**span(15, 18), "score": None},
        {**span(37, 40), "score": 1},
    ]
    (document,) = read({"text": text, "spans": spans_})
    assert [sentence.score for sentence in document.sentences] == [0.5, None, None, 1]


@pytest.mark.parametrize("score", [-0.1, 1.5, 87, "high", True, [0.5]])
def test_a_score_that_is_no_share_is_reported_and_the_label_is_read_without_it(score):
    options = Options()
    line = json.dumps({"text": "Sam left.", "spans": [{**span(0, 3), "score": score}]}).encode()
    (document,) = jsonl.read(lambda: io.BytesIO(line), "f.jsonl", options)
    assert document.sentences[0].score is None
    assert entities(document) == [(0, 3, "PER")]
    assert options.report.counts == {UNUSABLE_SCORES: 1}
