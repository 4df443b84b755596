"""JSON lines of tokens: tags without type or without prefix are read as those of CoNLL columns."""

import io
import json

import pytest

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import NESTED_SPANS, ReadingReport
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.registry import Head, detect, text_format
from elman.data.text.tags import spans

TOKENS = ["Ann", "Lee", "met", "Bo", "Li"]


def read(*tags, names=None, **options):
    """Sentences of the same tokens with these tags; names of numbers stand in the first."""
    values = [{"tokens": TOKENS, "ner_tags": list(some)} for some in tags]
    if names:
        values[0]["label_names"] = names
    raw = "".join(json.dumps(value) + "\n" for value in values).encode()
    records = text_format("token_jsonl").read(lambda: io.BytesIO(raw), "f", Options(**options))
    return [spans(r.sentences[0].tags) if isinstance(r, Document) else r.reason for r in records]


def conll(*tags, **options):
    """The same as CoNLL columns."""
    rows = [
        f"{token}\t{tag}\n" for some in tags for token, tag in [*zip(TOKENS, some, strict=True), ("", "")]
    ]
    raw = "".join(rows).replace("\t\n", "\n").encode()
    records = text_format("conll").read(lambda: io.BytesIO(raw), "f", Options(**options))
    return [
        r.reason if isinstance(r, Quarantined) else spans(sentence.tags)
        for r in records
        for sentence in (r.sentences if isinstance(r, Document) else [None])
    ]


TYPES = ["PER", "PER", "O", "LOC", "PER"]
BARE = ["B", "I", "O", "B", "B"]


def test_types_without_prefix_make_neighbours_of_one_type_one_entity():
    expected = [[(0, 2, "PER"), (3, 4, "LOC"), (4, 5, "PER")], []]
    assert read(TYPES, ["O"] * 5) == expected == conll(TYPES, ["O"] * 5)
    assert read([1, 1, 0, 2, 1], ["O"] * 5, names=["O", "PER", "LOC"]) == expected


def test_bare_tags_are_of_the_type_that_is_named():
    expected = [[(0, 2, "GENE"), (3, 4, "GENE"), (4, 5, "GENE")]]
    assert read(BARE, entity_type="GENE") == expected == conll(BARE, entity_type="GENE")
    assert read([1, 2, 0, 1, 1], names=["O", "B", "I"], entity_type="GENE") == expected


def test_bare_tags_without_a_named_type_are_refused_with_the_option_to_give():
    for reader in (read, conll):
        with pytest.raises(BadInput, match=r"Got B, I alone.*--entity-type NAME"):
            reader(BARE)
    assert read(BARE, labels_used=False) == [[(0, 2, "ENTITY"), (3, 4, "ENTITY"), (4, 5, "ENTITY")]]


def test_a_type_named_for_tags_that_have_one_is_refused():
    for reader in (read, conll):
        with pytest.raises(BadInput, match=r"Got the types PER.*Leave --entity-type out"):
            reader(["B-PER", "O", "O", "O", "O"], entity_type="GENE")


def test_beside_tags_with_prefix_and_type_one_without_is_quarantined():
    whole = ["B-PER", "I-PER", "O", "O", "O"]
    for stray in (["PER", "O", "O", "O", "O"], ["B", "O", "O", "O", "O"]):
        assert read(whole, stray) == [[(0, 2, "PER")], "unknown-tag"]


def test_bare_tags_may_be_of_any_scheme():
    assert read(["S", "O", "O", "B", "E"], entity_type="X") == [[(0, 1, "X"), (3, 5, "X")]]
    assert read(["U", "O", "O", "B", "L"], entity_type="X") == [[(0, 1, "X"), (3, 5, "X")]]


def read_as(name, value, report=None):
    """Spans of the sentence of one record, or the reason why it is refused."""
    raw = json.dumps(value if name == "token_jsonl" else [value]).encode()
    options = Options() if report is None else Options(report=report)
    (record,) = text_format(name).read(lambda: io.BufferedReader(io.BytesIO(raw)), "f", options)
    return spans(record.sentences[0].tags) if isinstance(record, Document) else record.reason


@pytest.mark.parametrize("name", ["token_jsonl", "json_records"])
@pytest.mark.parametrize("words", ["tokens", "words", "tokenized_text"])
@pytest.mark.parametrize(
    "labels", ["ner_tags", "tags", "labels", "ner", "ner_labels", "iob_tags", "bio_tags"]
)
def test_words_and_tags_may_stand_under_other_keys(name, words, labels):
    tags = ["B-PER", "I-PER", "O", "B-PER", "O"]
    value = {words: TOKENS, labels: tags}
    assert (
        detect(Head("f", json.dumps(value if name == "token_jsonl" else [value]).encode(), True)).name == name
    )
    assert read_as(name, value) == [(0, 2, "PER"), (3, 4, "PER")]


@pytest.mark.parametrize("name", ["token_jsonl", "json_records"])
def test_entities_by_numbers_of_tokens_are_those_of_gliner_whose_last_token_is_included(name):
    value = {"tokenized_text": TOKENS, "ner": [[3, 4, "family name"], [0, 1, "PER"], [1, 1, "LOC"]]}
    report = ReadingReport()
    assert read_as(name, value, report) == [(0, 2, "PER"), (3, 5, "family name")]
    assert report.counts[NESTED_SPANS] > 0
    assert read_as(name, {"tokenized_text": TOKENS, "ner": []}) == []


@pytest.mark.parametrize(
    ("ner", "reason"),
    [
        ([[0, 5, "PER"]], "invalid-spans"),
        ([[-1, 0, "PER"]], "invalid-spans"),
        ([[1, 0, "PER"]], "invalid-spans"),
        ([[0, "x", "PER"]], "invalid-spans"),
        ([[0, 1]], "invalid-spans"),
        ([[]], "invalid-spans"),
        ([[0, 2, "PER"], [1, 3, "LOC"]], "spans-overlap"),
    ],
)
def test_entities_that_are_none_are_refused(ner, reason):
    assert read_as("token_jsonl", {"tokenized_text": TOKENS, "ner": ner}) == reason
