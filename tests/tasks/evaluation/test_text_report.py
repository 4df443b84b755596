"""The report of an evaluation holds the figures of its scores, and shows hostile text as text."""

import json
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.tasks.evaluation.answers import Answers, LabelledParts
from elman.tasks.evaluation.text import evaluate_model
from elman.tasks.models.text_tagger import Tagger

HOSTILE = ("<script>alert(1)</script>", "![x](http://evil/x.png)", "\x1b[31mred", "```mermaid")


class Parsed(HTMLParser):
    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def report_on(model: str, corpus: Path, out: Path, split: str = "test") -> tuple[Parsed, Path]:
    evaluate_model(model, str(corpus), split, report=str(out))
    folder = out / f"evaluation_{split}"
    return Parsed((folder / "report.html").read_text(encoding="utf-8")), folder


def test_the_page_answers_how_good_where_wrong_and_how_sure(trained, names, tmp_path):
    scores = evaluate_model(trained["model"], str(names))
    page, folder = report_on(trained["model"], names, tmp_path)
    assert f"{100 * scores.f1:.1f} (" in page.text
    order = ["How good is it?", "Where is it wrong?", "Can its probabilities be trusted?"]
    assert sorted(order, key=page.text.index) == order
    for part in ("in training", "calibration error", "blocks of 10 sentences"):
        assert part in page.text
    assert page.links
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    found = json.loads((folder / "report.json").read_text())
    assert found["scores"] == scores.to_json()
    assert found["intervals"]["all types"]["f1"]["value"] == pytest.approx(scores.f1)
    assert found["partial"]["all types"]["strict"]["f1"] == pytest.approx(scores.f1)
    assert sum(found["outcomes"].values()) >= scores.support
    assert found["calibration"]["all types"]["after"]["count"] == scores.predicted
    lowest = found["thresholds_of_dev"]["0.8"]["LOC"]  # every place in dev is right, so all are kept
    assert lowest["dev"]["precision"] >= 0.8
    assert "elman tag --precision" in page.text
    tables = {path.stem for path in folder.glob("*.parquet")}
    assert tables == {"mistakes", "confusion", "scores_by_group", "reliability", "precision_by_threshold"}
    assert {path.name for path in folder.glob("*.png")} >= {"reliability.png", "confusion.png"}


def test_text_of_the_corpus_is_text_in_the_page(trained, write_corpus, tmp_path):
    words = [word.replace("/", "_").replace(" ", "") for word in HOSTILE]
    tokens = " ".join(f"{word}/B-{word}" for word in words)
    corpus = write_corpus(tmp_path / "c", [(HOSTILE[0], "test", tokens), ("b", "test", "Kalason/B-$x$")])
    page, folder = report_on(trained["model"], corpus, tmp_path)
    assert not {"script", "iframe", "a"} & set(page.tags)
    assert page.tags.count("img") == len(page.links)
    for word in words:
        assert word.replace("\x1b", "\\x1b") in page.text
    assert "\x1b" not in page.text
    assert "mistakes.parquet" in page.text
    wrong = pl.read_parquet(folder / "mistakes.parquet")
    assert set(wrong["outcome"]) <= {"missed", "type", "spurious", "boundary", "type and boundary"}


def test_mistakes_point_into_the_document(trained, write_corpus, tmp_path):
    lines = [("a", "test", "no/O names/O here/O"), ("a", "test", "see/O zebra/B-LOC ./O")]
    _, folder = report_on(trained["model"], write_corpus(tmp_path / "c", lines), tmp_path)
    (row,) = pl.read_parquet(folder / "mistakes.parquet").filter(gold_text="zebra").rows(named=True)
    assert (row["document"], row["sentence"], row["gold_start"], row["gold_end"]) == ("a", 1, 18, 23)
    assert (row["before"], row["after"]) == ("see ", " .")


def test_a_split_without_entities_says_so(trained, write_corpus, tmp_path):
    corpus = write_corpus(tmp_path / "c", [("a", "test", "it/O rained/O ./O")])
    page, _ = report_on(trained["model"], corpus, tmp_path)
    assert "Expected entities in the test split. Got none in 1 sentences" in page.text
    assert "no probability to judge" in page.text


def test_types_that_the_model_does_not_know_are_named(trained, write_corpus, tmp_path):
    corpus = write_corpus(tmp_path / "c", [("a", "test", "Kalason/B-GPE left/O")])
    page, _ = report_on(trained["model"], corpus, tmp_path)
    assert "Expected the types of the model, LOC, PER. Got others in the test split" in page.text
    assert "GPE (1)" in page.text
    assert "The corpus the model was trained on is not here" in page.text


def test_an_empty_split_is_bad_input_and_leaves_no_report(trained, write_corpus, tmp_path):
    corpus = write_corpus(tmp_path / "c", [("a", "train", "Bo/B-PER left/O")])
    with pytest.raises(BadInput, match="labelled sentences in the test split"):
        report_on(trained["model"], corpus, tmp_path)
    assert not list(tmp_path.glob("evaluation_*"))


def test_probabilities_without_scaling_are_those_of_temperature_one(trained, names):
    tagger = Tagger.load(Path(trained["model"]))
    assert tagger.passport.temperature != 1
    parts = list(LabelledParts(tagger, Dataset.open(names), "test", ()))
    answers = Answers.join([Answers.of(tagger, part) for part in parts])
    plain = replace(tagger, passport=replace(tagger.passport, temperature=1.0, entity_scaling={}))
    again = [Answers.of(plain, part) for part in LabelledParts(plain, Dataset.open(names), "test", ())]
    np.testing.assert_array_equal(answers.predicted["unscaled"], Answers.join(again).predicted["surety"])
    assert (answers.predicted["unscaled"] != answers.predicted["surety"]).any()
    assert answers.gold["text"].str.ends_with("son").any()


@pytest.mark.slow
def test_100_000_sentences_take_less_than_a_minute_of_cpu(trained, write_corpus, invented_rows, tmp_path):
    rows = [(document, "test", line) for document, _, line in invented_rows(100_000, 2)]
    corpus = write_corpus(tmp_path / "c", rows)
    began = time.process_time()
    _, folder = report_on(trained["model"], corpus, tmp_path)
    assert time.process_time() - began < 60
    assert (folder / "report.html").stat().st_size < 5_000_000
