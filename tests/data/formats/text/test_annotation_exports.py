"""Exports of annotation tools are read with their exact spans; broken records are quarantined one by one."""

import hashlib
import io
import json
import warnings

import pytest

from elman.data.formats.common import json_array
from elman.data.formats.common import lines as line_limits
from elman.data.formats.common.json_labels import NOT_GOLD
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.registry import Head, detect
from elman.data.formats.text import json_records, jsonl, label_studio, pubtator, token_jsonl
from elman.data.text.tags import spans

TEXT = "Anna lives in \U0001f600 Oslo."
GOLD = [("Anna", "PER"), ("Oslo", "LOC")]
A, B = (0, 4, "PER"), (16, 20, "LOC")


def records(module, content: str | bytes, options: Options | None = None) -> list[Document | Quarantined]:
    data = content if isinstance(content, bytes) else content.encode()
    return list(module.read(lambda: io.BytesIO(data), "f", options or Options()))


def entities(document) -> list[tuple[str, str]] | None:
    """Entities of a document by text and type; None if it is unlabelled."""
    assert isinstance(document, Document), document
    out = []
    for sentence in document.sentences:
        if sentence.tags is None:
            return None
        for first, last, kind in spans(sentence.tags):
            begin, end = sentence.token_start[first], sentence.token_end[last - 1]
            out.append((sentence.text[begin - sentence.start : end - sentence.start], kind))
    return out


def lines(*values: dict[str, object]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def objects_of(*spans: tuple[int, int, str], names: tuple[str, str, str]) -> list[dict[str, object]]:
    return [dict(zip(names, span, strict=True)) for span in spans]


@pytest.mark.parametrize(
    "labels",
    [
        {"spans": objects_of(A, B, names=("start", "end", "label"))},  # Elman, Prodigy
        {"label": [list(A), list(B)]},  # doccano
        {"labels": [list(B), list(A)]},
        {"entities": [list(A), list(B)]},  # spaCy
        {"entities": objects_of(A, B, names=("start_offset", "end_offset", "label")), "relations": []},
        {"spans": objects_of(A, B, names=("start", "end", "label")), "label": "news"},
    ],
)
def test_labels_are_read_under_the_keys_of_annotation_tools(labels):
    (document,) = records(jsonl, lines({"id": 1, "text": TEXT, **labels}))
    assert entities(document) == GOLD


@pytest.mark.parametrize("answer", ["reject", "ignore"])
def test_a_rejected_example_is_read_without_labels(answer):
    options, spans = Options(), objects_of(A, names=("start", "end", "label"))
    (document,) = records(jsonl, lines({"text": TEXT, "spans": spans, "answer": answer}), options)
    assert entities(document) is None
    assert options.report.counts == {NOT_GOLD: 1}


def test_a_category_of_the_text_is_no_label():
    first, second = records(
        jsonl, lines({"text": TEXT, "label": "news"}, {"text": TEXT, "labels": ["a", "b"]})
    )
    assert entities(first) is entities(second) is None


def test_an_unknown_key_that_looks_like_labels_is_named():
    with pytest.warns(UserWarning, match=r"f:1: the key 'ner' looks like labels"):
        records(jsonl, lines({"text": TEXT, "ner": [list(A)]}))


def test_labels_under_two_keys_are_quarantined():
    (refused,) = records(jsonl, lines({"text": TEXT, "label": [list(A)], "entities": [list(B)]}))
    assert isinstance(refused, Quarantined)
    assert "label" in refused.detail
    assert "entities" in refused.detail


def task(number: int, *spans: tuple[int, int, str], **more: object) -> dict[str, object]:
    regions = [
        {"value": {"start": a, "end": b, "text": TEXT[a:b], "labels": [kind]}, "type": "labels"}
        for a, b, kind in spans
    ]
    return {"id": number, "data": {"text": TEXT}, "annotations": [{"result": regions}], **more}


def test_tasks_of_label_studio_are_read():
    first, second = records(label_studio, json.dumps([task(1, A, B), task(2)], indent=2))
    assert (first.id, entities(first)) == ("1", GOLD)
    assert entities(second) == []


def test_tasks_in_the_short_form_are_read():
    labels = [{"start": a, "end": b, "labels": [kind]} for a, b, kind in (A, B)]
    short = {"text": TEXT, "id": 7, "label": labels, "annotator": 1}
    (document,) = records(label_studio, json.dumps([short]))
    assert entities(document) == GOLD


def test_cancelled_annotations_and_predictions_are_not_gold():
    cancelled = {"result": [], "was_cancelled": True}
    value = {"id": 1, "data": {"text": TEXT}, "annotations": [cancelled], "predictions": [{"result": []}]}
    options = Options()
    (document,) = records(label_studio, json.dumps([value]), options)
    assert entities(document) is None
    assert options.report.counts == {NOT_GOLD: 1}


def test_a_bad_task_is_quarantined_with_its_line_and_the_rest_is_read():
    content = json.dumps([task(1, (0, 99, "PER")), task(2, A)], indent=1)
    refused, document = records(label_studio, content)
    assert (refused.reason, refused.line) == ("span-outside", 2)
    assert content.encode()[refused.byte_offset :].startswith(b"{")
    assert entities(document) == [GOLD[0]]


def test_an_array_that_breaks_off_is_quarantined_after_its_whole_tasks():
    content = json.dumps([task(1, A), task(2, B)])
    document, refused = records(label_studio, content[:-40])
    assert entities(document) == [GOLD[0]]
    assert refused.reason == "invalid-json"


def test_objects_are_found_whatever_the_size_of_blocks(monkeypatch):
    values = [{"a": '{"]\\"', "b": [{}, {"c": "\u00e9"}]}, {}, {"d": "x" * 50}]
    data = json.dumps(values, indent=3).encode()
    for size in (1, 2, 7, 1000):
        monkeypatch.setattr(json_array, "BLOCK", size)
        found = list(json_array.objects(io.BytesIO(data)))
        assert [json.loads(raw) for _, _, raw in found] == values
        assert all(data[at : at + len(raw)] == raw for at, _, raw in found)
        assert [line for _, line, _ in found] == [data[:at].count(b"\n") + 1 for at, _, _ in found]


def test_a_task_beyond_the_limit_is_quarantined_alone(monkeypatch):
    long = task(2, A) | {"meta": {"note": 'x"\n[' * 400}}
    content = json.dumps([task(1, A), long, task(3, B)], indent=1)
    raw = json.dumps(long, indent=1).replace("\n", "\n ").encode()
    begin = content.encode().index(raw)
    monkeypatch.setattr(line_limits, "LONGEST_RECORD", 1000)
    for size in (1, 7, 1 << 20):
        monkeypatch.setattr(json_array, "BLOCK", size)
        first, refused, last = records(label_studio, content)
        assert [entities(document) for document in (first, last)] == [[GOLD[0]], [GOLD[1]]]
        assert (refused.reason, refused.byte_offset) == ("too-long", begin)
        assert refused.line == content[:begin].count("\n") + 1
        assert f"bytes {begin} to {begin + len(raw)} of the file" in refused.detail
        assert hashlib.sha256(raw).hexdigest() in refused.detail


PUBTATOR = (
    "12|t|Anna lives\n12|a|in \U0001f600 Oslo.\n"
    "12\t0\t4\tAnna\tPER\tX:1\n12\t16\t20\tOslo\tLOC\n12\tCID\ta\tb\n"
)


def test_abstracts_of_pubtator_are_read():
    first, second = records(pubtator, PUBTATOR + "\n" + PUBTATOR.replace("12", "13", 6))
    assert (first.id, entities(first)) == ("12", GOLD)
    assert second.id == "13"


def test_a_byte_order_mark_is_no_part_of_the_first_id_of_pubtator():
    first, second = records(pubtator, "\ufeff" + PUBTATOR + "\n" + PUBTATOR.replace("12", "13", 6))
    assert [(first.id, entities(first)), second.id] == [("12", GOLD), "13"]


def test_a_mention_that_stands_elsewhere_is_quarantined():
    (refused,) = records(pubtator, PUBTATOR.replace("\t16\t20", "\t15\t19"))
    assert (refused.reason, refused.line) == ("span-outside", 1)


LONG_LINE, LONG_DOCUMENT = "12|a|" + "x " * 300_000 + "\n", "12|a|x\n" + "12\tCID\ta\tb\n" * 99


@pytest.mark.parametrize("long", [LONG_LINE, LONG_DOCUMENT], ids=["line", "document"])
@pytest.mark.parametrize("end", ["\n", "\r"])
def test_a_document_of_pubtator_beyond_the_limit_is_quarantined_alone(monkeypatch, long, end):
    monkeypatch.setattr(line_limits, "LONGEST_RECORD", 1000)
    whole = "12|t|Anna lives\n" + long + "12\t0\t4\tAnna\tPER\n"
    content = f"{PUBTATOR}\n{whole}\n{PUBTATOR}".replace("\n", end).encode()
    first, refused, last = records(pubtator, content)
    assert entities(first) == entities(last) == GOLD
    part = (long if long is LONG_LINE else whole).replace("\n", end).encode()
    begin = content.index(part)
    assert (refused.reason, refused.byte_offset) == ("too-long", begin)
    assert refused.line == content[:begin].count(end.encode()) + 1
    assert f"bytes {begin} to {begin + len(part)} of the file" in refused.detail
    assert hashlib.sha256(part).hexdigest() in refused.detail


def test_tokens_with_tags_are_read():
    rows = (
        {"tokens": ["Anna", "sang"], "ner_tags": ["I-PER", "O"]},
        {"id": "x", "tokens": ["Oslo"], "tags": ["O"]},
    )
    first, second = records(token_jsonl, lines(*rows))
    assert first.sentences[0].tags == ("B-PER", "O")
    assert (second.id, second.sentences[0].text) == ("x", "Oslo")


def test_numbers_for_tags_need_their_names():
    row = {"tokens": ["Anna", "sang"], "ner_tags": [1, 0]}
    (refused,) = records(token_jsonl, lines(row))
    assert (refused.reason, "label_names" in refused.todo) == ("unknown-tag", True)
    (document,) = records(token_jsonl, lines({**row, "label_names": ["O", "B-PER"]}))
    assert entities(document) == [("Anna", "PER")]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (json.dumps([task(1, A)]), "label_studio"),
        (PUBTATOR, "pubtator"),
        (lines({"tokens": ["a"], "ner_tags": ["O"]}), "token_jsonl"),
        (lines({"text": TEXT, "label": [list(A)]}), "jsonl"),
        ("[1] Anna lives in Oslo.\n", "plain"),
    ],
)
def test_formats_are_told_apart_by_content(content, name):
    assert detect(Head("f.txt", content.encode(), True)).name == name


def test_no_warning_is_given_for_well_known_keys():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        records(jsonl, lines({"text": TEXT, "tokens": [{"start": 0, "end": 4}], "meta": {}}))


def test_labels_deep_in_an_unknown_key_are_named():
    other = [{"label": ["PER"], "points": [{"start": 0, "end": 3}]}]
    with pytest.warns(UserWarning, match=r"f:1: the key 'annotation' looks like labels"):
        records(jsonl, lines({"content": TEXT, "annotation": other}))


def test_a_text_under_the_key_of_older_tools_is_read():
    (document,) = records(jsonl, lines({"id": 1, "data": TEXT, "label": [list(A), list(B)]}))
    assert entities(document) == GOLD
    (refused,) = records(jsonl, lines({"id": 1, "title": TEXT}))
    assert (refused.reason, "'id', 'title'" in refused.detail) == ("no-text", True)


RECORDS = [{"text": TEXT, "entities": [list(A), list(B)]}, {"id": 5, "text": "No.", "spans": []}]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(RECORDS),
        "\ufeff" + json.dumps(RECORDS, indent=2),
        "\n".join(json.dumps(record, indent=1) for record in RECORDS),
        json.dumps([[TEXT, {"entities": [list(A), list(B)]}], ["No.", {"entities": []}]]),
    ],
    ids=["array", "layout", "objects", "pairs"],
)
def test_records_may_stand_in_an_array_or_over_several_lines(content):
    raw = content.encode()
    head = Head("f.json", raw.removeprefix(b"\xef\xbb\xbf"), True)
    assert detect(head).name == "json_records"
    first, second = records(json_records, raw)
    assert (entities(first), entities(second)) == (GOLD, [])


def test_records_of_tokens_may_stand_in_an_array():
    rows = [{"tokens": ["Anna", "sang"], "ner_tags": [1, 0], "label_names": ["O", "PER"]}, {"tokens": ["No"]}]
    content = json.dumps(rows)
    assert detect(Head("f.json", content.encode(), True)).name == "json_records"
    first, second = records(json_records, content)
    assert (entities(first), entities(second)) == ([("Anna", "PER")], None)


def test_a_bad_record_of_an_array_is_quarantined_with_its_line_and_the_rest_is_read():
    first, refused, last = records(json_records, json.dumps([RECORDS[0], [1], RECORDS[1]], indent=1))
    assert (entities(first), entities(last)) == (GOLD, [])
    assert (refused.reason, refused.line) == ("no-text", 17)


@pytest.mark.parametrize("before", ["# exported\n", "\x1e", "\ufeff"])
def test_json_lines_are_found_behind_what_tools_put_before_them(before):
    line = json.dumps({"text": TEXT, "label": [list(A), list(B)]}) + "\n"
    content = before + line + (line if "#" in before else before + line)
    assert detect(Head("f.txt", content.encode().removeprefix(b"\xef\xbb\xbf"), True)).name == "jsonl"
    *refused, first, second = records(jsonl, content)
    assert [entities(first), entities(second)] == [GOLD, GOLD]
    assert len(refused) == ("#" in before)
