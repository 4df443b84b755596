"""The sample corpora are what their README says: varied prose, labelled by the guide, split honestly."""

import json
import re
from collections import Counter

import pytest

LABELS = {"PERSON", "COMPANY", "TIME", "PLACE", "COUNTRY", "CURRENCY"}
ARTICLE = "Sam Li and Tom date on Tuesday."
SENTENCE_END = {
    "english": re.compile(r"(?<=[.!?])[\"')\u201d\u2019]*\s+(?=[\"'(\u201c\u2018]*[A-Z0-9])"),
    "chinese": re.compile(r"(?<=[。！？])(?![」』）”])|(?<=[。！？][」』）”])"),
}
AT_LEAST = {"english": 600, "chinese": 300}
pytestmark = pytest.mark.parametrize("language", ["english", "chinese"])


@pytest.fixture
def documents(checkout, language):
    folder = checkout / "data" / "samples" / language
    return {
        split: [json.loads(line) for line in (folder / f"{split}.jsonl").read_text("utf-8").splitlines()]
        for split in ("train", "dev", "test")
    }


def sentences(language, text):
    return [s.strip() for line in text.split("\n") for s in SENTENCE_END[language].split(line) if s.strip()]


def words(language, sentence):
    if language == "chinese":
        return [c for c in sentence if c.isalnum()]
    return re.findall(r"\w+(?:['\u2019]\w+)*", sentence.lower())


def entities(documents, split):
    return [d["text"][s["start"] : s["end"]] for d in documents[split] for s in d["spans"]]


def test_there_are_enough_sentences(documents, language):
    count = sum(len(sentences(language, d["text"])) for split in documents.values() for d in split)
    assert count >= AT_LEAST[language]


def test_documents_hold_several_sentences_and_ids_are_unique(documents, language):
    every = [d for split in documents.values() for d in split]
    assert min(len(sentences(language, d["text"])) for d in every) >= 3
    assert max(Counter(d["id"] for d in every).values()) == 1


def test_spans_are_whole_words_with_known_labels(documents, language):
    for document in (d for split in documents.values() for d in split):
        text, end = document["text"], 0
        for span in document["spans"]:
            assert span["label"] in LABELS
            assert end <= span["start"] < span["end"] <= len(text)
            inside = text[span["start"] : span["end"]]
            assert inside == inside.strip()
            end = span["end"]


def test_every_split_has_every_label(documents, language):
    for split in documents.values():
        assert {span["label"] for d in split for span in d["spans"]} == LABELS


def test_no_two_sentences_share_six_words_in_a_row(documents, language):
    seen: dict[tuple[str, ...], str] = {}
    shared = []
    for sentence in [
        s for split in documents.values() for d in split for s in sentences(language, d["text"])
    ]:
        tokens = words(language, sentence)
        for six in {tuple(tokens[i : i + 6]) for i in range(len(tokens) - 5)}:
            if six in seen:
                shared.append((six, seen[six], sentence))
            seen[six] = sentence
    assert shared == []


def test_most_test_entities_are_unseen_in_training(documents, language):
    known = {entity.lower() for entity in entities(documents, "train")}
    distinct = {entity.lower() for entity in entities(documents, "test")}
    assert len(distinct - known) / len(distinct) >= 0.7


def test_the_article_sentence_is_in_the_test_split_and_its_names_in_no_training_sentence(documents, language):
    if language == "chinese":
        pytest.skip("the article's sentence is English")
    assert any(ARTICLE in d["text"] for d in documents["test"])
    train = {word for d in documents["train"] for word in re.findall(r"\w+", d["text"])}
    assert train & {"Sam", "Li", "Tom"} == set()
