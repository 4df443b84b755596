"""`elman show` as a command: text for a person, or JSON; the text of one's own, or the article's sentence."""

import json

import pytest

from elman.flows import cli
from elman.tasks.inspection.text import ARTICLE


@pytest.fixture
def corpus(home, tmp_path):
    source = tmp_path / "train.conll"
    source.write_text("Sam B-PER\nLi I-PER\nsleeps O\n. O\n\nWe O\nsaw O\nSam B-PER\n. O\n\n" * 20)
    assert cli.main(["ingest", str(source), "--name", "tiny"]) == 0
    return "tiny"


def test_a_corpus_is_shown_to_a_person(corpus, capsys):
    assert cli.main(["show", corpus]) == 0
    shown = capsys.readouterr().out
    assert "tiny: Sam Li and Tom date on Tuesday ." in shown
    assert "Wa (100, 10100)" in shown


def test_a_text_of_ones_own_as_json(corpus, capsys):
    assert cli.main(["show", corpus, "Sam sleeps.", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["sentences"][0]["tokens"] == ["Sam", "sleeps", "."]
    assert shown["sentences"][0]["unknown"] == [False, False, False]
    assert shown["sentences"][1]["tags"] == ["B-PER", "I-PER", "O", "O"]
    assert shown["batch"]["shape"] == [4, 2, 10_000]


def test_what_is_neither_corpus_nor_model_ends_with_3(home, capsys):
    assert cli.main(["show", "nothing"]) == 3
    assert "expected a corpus or a model" in capsys.readouterr().err


def test_the_samples_hold_the_sentence_that_is_shown(checkout):
    test = (checkout / "data" / "samples" / "english" / "test.jsonl").read_text(encoding="utf-8")
    assert ARTICLE in test
