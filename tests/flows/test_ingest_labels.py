"""`elman ingest` keeps the class of each document, from JSON lines, a column or the name of a folder."""

import io
import json
import sys
from pathlib import Path

import polars as pl
import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.tasks.ingest.corpus_names import corpus_folder
from tests.flows.small_corpora import corpus, run, write

pytestmark = pytest.mark.usefixtures("home")


def labels(name="c"):
    frame = Dataset.open(corpus_folder(name)).scan("labels").collect()
    assert frame.schema == schema.LABELS
    return dict(frame.sort("document").select("document", "label").rows())


def test_labels_of_json_lines(tmp_path):
    lines = [{"id": "a", "text": "Goal!", "label": "sports"}, {"id": "b", "text": "Shares fell."}]
    source = write(tmp_path / "x.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    assert run(source)["labelled_documents"] == 1
    assert labels() == {"a": "sports"}


def test_labels_of_a_column(tmp_path):
    source = write(tmp_path / "x.csv", "body,kind\nGoal!,sports\nShares fell.,money\n")
    run(source, text_column="body", label_column="kind")
    assert labels() == {"x.csv#2": "sports", "x.csv#3": "money"}
    with pytest.raises(UsageError, match="--text-column beside"):
        run(source, label_column="kind")


def test_labels_of_folders_and_equal_files_in_two_of_them(tmp_path):
    for place in ("sports/train/a.txt", "money/b.txt", "money/a.txt"):
        text = "Goal!" if place.endswith("a.txt") else "Shares fell."
        write(tmp_path / "all" / place, text)
    run(tmp_path / "all", label_from="folder")
    assert labels() == {"sports/train/a.txt": "sports", "money/b.txt": "money", "money/a.txt": "money"}
    assert run(tmp_path / "all", label_from="folder")["already"] == 3
    (tmp_path / "all" / "money").rename(tmp_path / "all" / "trade")
    with pytest.raises(UsageError, match="expected the label it was read with, money"):
        run(tmp_path / "all", label_from="folder")


def test_labels_of_genomes_by_folder(tmp_path):
    for number, genus in enumerate(("Escherichia", "Bacillus")):
        write(tmp_path / genus / "g.fna", f">contig{number}\n{'ACGT' * 30}{'GA' * number}\n")
    run(tmp_path, label_from="folder")
    assert labels() == {"contig0": "Escherichia", "contig1": "Bacillus"}


def test_a_document_that_is_renamed_keeps_its_label(tmp_path):
    for number, label in enumerate(("sports", "money")):
        line = {"id": "same", "text": f"text {number}", "label": label}
        write(tmp_path / f"{number}.jsonl", json.dumps(line) + "\n")
        run(tmp_path / f"{number}.jsonl")
    assert sorted(labels().values()) == ["money", "sports"]
    assert set(labels()) == set(corpus()["document"])


def test_standard_input_has_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": io.BytesIO(b"Sam left.")}))
    with pytest.raises(BadInput, match="a file in a folder named as its label"):
        run(Path("-"), label_from="folder")


def test_a_corpus_without_labels_has_no_table_of_them(tmp_path):
    run(write(tmp_path / "a.txt", "Sam left. Tom stayed."))
    dataset = Dataset.open(corpus_folder("c"))
    assert {table for shard in dataset.shards for table in shard.files} == {"data", "documents"}
    assert not any("label" in name for shard in dataset.shards for name in shard.counts)
    assert isinstance(corpus(), pl.DataFrame)
