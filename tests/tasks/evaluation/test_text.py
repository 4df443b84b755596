"""Scores of a real model equal those of an independent scorer; unfit corpora are refused."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from elman.data.encoding.encode import tokens_of
from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.tasks.evaluation.text import evaluate_model, headline
from elman.tasks.models.tag_set import by_sentence
from elman.tasks.models.text_tagger import Tagger


def answers(folder: str, corpus: Path, split: str) -> tuple[list[list[str]], list[list[str]]]:
    frame = Dataset.open(corpus).scan().filter(split=split).collect()
    loaded = Tagger.load(Path(folder))
    words, offsets = tokens_of(frame)
    return frame["tags"].to_list(), by_sentence(loaded.tags, loaded.tag_flat(words, offsets).tags, offsets)


def test_scores_equal_an_independent_scorer(names, train_in, tmp_path):
    weak = train_in(tmp_path, names, preset="article", overrides={"epochs": 3})
    scores = evaluate_model(weak["model"], str(names)).to_json()
    gold, said = answers(weak["model"], names, "test")
    report = classification_report(gold, said, output_dict=True, mode="strict", scheme=IOB2, zero_division=0)
    assert 0.05 < scores["f1"] < 0.99
    for ours, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert scores[ours] == pytest.approx(report["micro avg"][theirs], abs=1e-12)
        for kind, of_type in scores["per_type"].items():
            assert of_type[ours] == pytest.approx(report[kind][theirs], abs=1e-12)


def test_splits_and_contents_select_sentences(trained, write_corpus, invented_rows, tmp_path):
    folder, corpus = trained["model"], str(write_corpus(tmp_path / "c", invented_rows(500, 1), apart=True))
    counts = {
        split: evaluate_model(folder, corpus, split).counts["sentences"] for split in ("dev", "test", "all")
    }
    assert counts == {"dev": 50, "test": 50, "all": 500}
    assert evaluate_model(folder, corpus, "all", ("dev", "test")).counts["sentences"] == 100
    assert headline(Path(folder), corpus, ["test"]) == evaluate_model(folder, corpus).f1
    with pytest.raises(BadInput, match="test split"):
        headline(Path(folder), corpus, ["dev"])


def test_dev_scores_are_those_of_training(trained, names):
    scores = evaluate_model(trained["model"], str(names), "dev")
    assert replace(scores, counts={}) == trained["dev"]


def test_a_binary_model_is_scored_on_its_type(names, train_in, tmp_path):
    fitted = train_in(tmp_path, names, binary="LOC")
    scores = evaluate_model(fitted["model"], str(names))
    assert list(scores.per_type) == ["LOC"]
    assert scores.f1 > 0.8


def test_sentences_without_labels_are_left_out_and_counted(trained, write_corpus, tmp_path):
    lines = [("a", "test", "Kalason/B-PER left/O"), ("b", "test", "no labels")]
    scores = evaluate_model(trained["model"], str(write_corpus(tmp_path / "c", lines)))
    assert (scores.counts["sentences"], scores.counts["unlabelled"]) == (1, 1)


def test_a_split_without_labels_is_bad_input(trained, write_corpus, tmp_path):
    corpus = write_corpus(tmp_path / "c", [("a", "train", "Bo/B-PER left/O"), ("b", "test", "no labels")])
    with pytest.raises(BadInput, match=r"test split\. Got none \(1 without labels\)"):
        evaluate_model(trained["model"], str(corpus))


def test_a_corpus_of_other_token_units_is_bad_input(trained, write_corpus, tmp_path):
    corpus = write_corpus(tmp_path / "c", [("a", "test", "我/O")], unit="char")
    with pytest.raises(BadInput, match=r"tokenized by word.* Got one tokenized by char"):
        evaluate_model(trained["model"], str(corpus))


def test_a_corpus_of_another_kind_is_bad_input(trained, tmp_path):
    with DatasetWriter(tmp_path / "g", kind="corpus-dna", config={}) as writer:
        writer.commit([writer.stage("a", "a", {"data": pl.DataFrame({"x": [1]})})])
    with pytest.raises(BadInput, match=r"corpus of text\. Got one of DNA\. Name one that fits the model"):
        evaluate_model(trained["model"], str(tmp_path / "g"))
