"""Exports hold the text of documents exactly as it was read, however sources are sliced."""

import gzip
import json

import polars as pl
import pytest

from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest

NAMES = (
    "Badeson met Gorubson\r\nin Tinakburg\u2009.\n\n\n  \U0001f600 Karuson Mobuson\t says it is cold .\u00a0 "
)


@pytest.fixture
def exported(run, tmp_path):
    """Tag sources to JSON lines; gives the documents, whose spans fit their text."""

    def exported(*sources, out="out", **options):
        summary = run(*sources, out=out, format="jsonl", **options)
        lines = (tmp_path / out / "tags.jsonl").read_bytes().decode().split("\n")[:-1]
        found = list(map(json.loads, lines))
        spans = [(span["start"], span["end"], span["text"], d["text"]) for d in found for span in d["spans"]]
        assert spans or not summary["rows"]
        assert all(text[start:end] == own for start, end, own, text in spans)
        return {document["id"]: document["text"] for document in found}, summary

    return exported


def test_plain_text_in_many_slices_is_whole_with_its_line_ends(exported, tmp_path):
    text = "\n \n" + NAMES * 80 + "\n\n \n"
    (tmp_path / "a.txt").write_bytes(text.encode())
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    (tmp_path / "c.txt").write_bytes(text.encode("utf-16"))
    texts, summary = exported(*(tmp_path / n for n in ("a.txt", "b.txt.gz", "c.txt")), shard_size="1500")
    assert summary["shards"] > 9
    assert texts == dict.fromkeys(("a.txt", "b.txt.gz", "c.txt"), text)


def test_json_lines_with_labels_or_without_and_rows_of_parquet_keep_their_text(exported, tmp_path):
    labelled = {"id": "=1", "text": NAMES, "spans": [{"start": 0, "end": 3, "label": "PER"}]}
    lines = [labelled, {"id": 'a\t"b"', "text": f" {NAMES}\n"}, {"id": "=1", "text": "again"}, {"text": " "}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    texts, summary = exported(tmp_path / "a.jsonl", shard_size="150")
    assert texts == {"=1": NAMES, 'a\t"b"': f" {NAMES}\n", "=1~3": "again"}
    assert summary["quarantined"] == 1
    pl.DataFrame({"body": ["\n" + NAMES, "x", None]}).write_parquet(tmp_path / "b.parquet")
    texts, _ = exported(tmp_path / "b.parquet", out="rows", text_column="body")
    assert list(texts.values()) == ["\n" + NAMES, "x"]


def test_sentences_of_columns_and_of_corpora_are_joined_by_line_ends(exported, home, tmp_path):
    (tmp_path / "a.conll").write_text("Badeson\tO\nmet\tO\n\nGorubson\tO\n.\tO\n\n")
    texts, _ = exported(tmp_path / "a.conll")
    assert list(texts.values()) == ["Badeson met\nGorubson ."]
    (tmp_path / "b.txt").write_text("  Badeson met Gorubson .  It rained .\n" * 40)
    ingest.fn(IngestConfig(sources=(tmp_path / "b.txt",), name="c"))
    texts, _ = exported(home / "corpora" / "c", out="of-corpus")
    (text,) = texts.values()
    assert len(text.split("\n")) > 40
    assert text.split() == (tmp_path / "b.txt").read_text().split()


def test_texts_are_staged_only_where_an_export_needs_them(run, tmp_path):
    (tmp_path / "a.txt").write_text(NAMES)
    run(tmp_path / "a.txt", format="conll")
    assert "texts" not in Dataset.open(tmp_path / "out").manifest["totals"]["rows"]
