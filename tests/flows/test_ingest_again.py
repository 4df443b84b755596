"""`elman ingest` into a corpus that is there: what is new is added, once."""

import gzip
import json

import polars as pl
import pytest

from elman.data.store.dataset import Dataset
from elman.tasks.ingest.corpus_names import corpus_folder
from tests.flows.small_corpora import conll, corpus, fasta, run, tree, write

pytestmark = pytest.mark.usefixtures("home")


def test_what_is_there_already_is_not_added_twice(tmp_path):
    write(tmp_path / "x" / "a.conll", conll(0, 300, 5))
    write(tmp_path / "x" / "train.conll", conll(1000, 20))
    first = run(tmp_path / "x")
    before = tree(corpus_folder("c"))
    second = run(tmp_path / "x")
    assert (first["ingested"], first["already"]) == (320, 0)
    assert (second["records"], second["ingested"], second["already"], second["shards"]) == (320, 0, 320, 0)
    assert tree(corpus_folder("c")) == before


def test_adding_takes_new_files_and_new_documents_only(tmp_path):
    write(tmp_path / "x" / "a.conll", conll(0, 300, 5))
    run(tmp_path / "x")
    write(tmp_path / "x" / "a.conll", conll(0, 400, 5))
    (tmp_path / "x" / "b.conll.gz").write_bytes(gzip.compress(conll(0, 100, 5).encode()))
    write(tmp_path / "x" / "c.conll", conll(5000, 10, 5))
    before = corpus()
    summary = run(tmp_path / "x")
    assert (summary["records"], summary["ingested"], summary["already"]) == (510, 110, 400)
    after = corpus()
    texts = after["text"].to_list()
    assert len(texts) == len(set(texts)) == 410
    assert before.join(after, on=["document", "sentence", "split", "text"], how="anti").height == 0
    assert after.group_by("document").agg(pl.col("source").n_unique())["source"].max() == 1
    sources = Dataset.open(corpus_folder("c")).sources
    assert [source["name"] for source in sources] == ["a.conll", "a.conll", "b.conll.gz", "c.conll"]


def test_a_grown_file_without_documents_adds_only_what_is_new(tmp_path):
    write(tmp_path / "train.conll", conll(0, 120))
    run(tmp_path / "train.conll")
    write(tmp_path / "train.conll", conll(0, 150))
    summary = run(tmp_path / "train.conll")
    assert (summary["already"], summary["ingested"]) == (100, 50)


def test_the_same_content_for_another_split_is_added(tmp_path):
    path = write(tmp_path / "a.conll", conll(0, 10))
    run(path, as_="train")
    summary = run(path, as_="test")
    assert summary["splits"] == {
        "train": {"sentences": 10, "tokens": 60},
        "test": {"sentences": 10, "tokens": 60},
    }
    assert corpus()["document"].n_unique() == 2
    assert run(path, as_="test")["already"] == run(path, as_="train")["already"] == 10


def test_content_that_another_split_holds_too_is_counted(tmp_path):
    write(tmp_path / "train.conll", conll(0, 100, 5))
    write(tmp_path / "test.conll", conll(95, 10, 5))
    assert run(tmp_path)["in_other_splits_too"] == 2
    assert run(tmp_path, name="d", as_="train")["in_other_splits_too"] == 0


def test_the_same_file_twice_is_counted_as_there_already(tmp_path):
    for name in ("x", "y"):
        write(tmp_path / f"{name}.conll", conll(0, 10))
    summary = run(tmp_path)
    assert (summary["records"], summary["ingested"], summary["already"]) == (20, 10, 10)


def test_a_corpus_stays_as_it_is_when_a_new_file_has_nothing_new(tmp_path):
    path = write(tmp_path / "a.conll", conll(0, 300, 5))
    digest = run(path)["digest"]
    (tmp_path / "b.conll.gz").write_bytes(gzip.compress(path.read_bytes()))
    summary = run(tmp_path / "b.conll.gz")
    assert (summary["ingested"], summary["already"], summary["digest"]) == (0, 300, digest)


def test_ids_that_are_taken_get_a_suffix(tmp_path):
    for name, word in (("a", "rain"), ("b", "snow")):
        lines = [
            json.dumps({"id": str(number), "text": f"There was {word} {number}."}) for number in (1, 2, 1)
        ]
        write(tmp_path / "x" / f"train.{name}.jsonl", "\n".join(lines) + "\n")
    assert run(tmp_path / "x")["ingested"] == 6
    frame = corpus()
    assert frame["document"].n_unique() == 6
    assert {"1", "2"} < set(frame["document"])


def test_a_contig_is_known_by_its_content(tmp_path):
    write(tmp_path / "a.fna", fasta({"one": 5000, "two": 5000}))
    run(tmp_path / "a.fna")
    write(tmp_path / "b.fna", (tmp_path / "a.fna").read_text() + fasta({"three": 5000}, 1))
    write(tmp_path / "c.fna", fasta({"one": 4000}, 2))
    assert (run(tmp_path / "b.fna")["already"], run(tmp_path / "c.fna")["ingested"]) == (2, 1)
    assert corpus()["contig"].n_unique() == 4
