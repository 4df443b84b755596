"""Archives, compressed files and standard input in `ingest`, `tag` and `check`."""

import bz2
import io
import lzma
import sys
import zipfile

import pytest

from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.flows.check import CheckConfig, check
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag
from elman.tasks.runtime.source_copies import source_copies

CONLL = "".join(f"Name{n}\tB-PER\nmet\tO\nTown{n}\tB-LOC\n.\tO\n\n" for n in range(60))
SMALL = CONLL[: CONLL.index("Name9")]


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def give(monkeypatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


def copies_in(home):
    return list((home / "tmp").glob("*")) if (home / "tmp").exists() else []


def test_an_archive_is_ingested_once_whatever_holds_it(home, tmp_path):
    files = {"train.conll": CONLL, "deep/dev.conll": SMALL, "notes.md": "x"}
    source = zipped(tmp_path / "c.zip", files)
    first = ingest.fn(IngestConfig(sources=(source,), name="c")).to_json()
    (tmp_path / "train.conll").write_text(CONLL)
    (tmp_path / "dev.conll.bz2").write_bytes(bz2.compress(SMALL.encode()))
    again = ingest.fn(IngestConfig(sources=(source, tmp_path / "train.conll"), name="c")).to_json()
    corpus = Dataset.open(home / "corpora" / "c")
    assert [entry["name"] for entry in corpus.sources] == ["c.zip/deep/dev.conll", "c.zip/train.conll"]
    assert first["skipped"] == [{"path": str(source / "notes.md"), "reason": "about the corpus, not of it"}]
    assert corpus.scan().collect().height == 60 + SMALL.count("\n\n")
    assert again["quarantined"] == 0
    assert copies_in(home) == []


def test_check_reads_archives(home, tmp_path):
    source = zipped(tmp_path / "c.zip", {"train.conll": CONLL})
    assert check(CheckConfig(sources=(str(source),))).to_json()["kind"] == "text"
    assert copies_in(home) == []


def test_standard_input_is_ingested(home, monkeypatch):
    give(monkeypatch, lzma.compress(CONLL.encode()))
    ingest.fn(IngestConfig(sources=("-",), name="c", as_="train"))
    corpus = Dataset.open(home / "corpora" / "c")
    assert [entry["name"] for entry in corpus.sources] == ["stdin"]
    assert corpus.scan().collect().height == 60
    assert copies_in(home) == []


def test_an_empty_standard_input_is_bad_input(home, monkeypatch):
    give(monkeypatch, b"")
    with pytest.raises(BadInput, match=r"stdin: expected a corpus\. Got an empty file"):
        ingest.fn(IngestConfig(sources=("-",), name="c"))
    assert copies_in(home) == []


def test_a_tagged_archive_and_standard_input_have_the_rows_of_their_texts(
    home, trained, tmp_path, monkeypatch
):
    text = "Bakason met Gudison in Nikaburg ."
    source = zipped(tmp_path / "t.zip", {"a.txt": text, "deep/b.txt": "Gudison left Nikaburg ."})
    tag.fn(TagConfig(model=trained["model"], sources=(source,), out=tmp_path / "packed", workers=0))
    give(monkeypatch, text.encode())
    tag.fn(TagConfig(model=trained["model"], sources=("-",), out=tmp_path / "piped", workers=0))
    packed, piped = (Dataset.open(tmp_path / out).scan().collect() for out in ("packed", "piped"))
    assert packed["source"].unique().sort().to_list() == ["t.zip/a.txt", "t.zip/deep/b.txt"]
    assert piped["source"].unique().to_list() == ["stdin"]
    columns = ["start", "end", "type", "text"]
    of_a = packed.filter(packed["source"] == "t.zip/a.txt")
    assert piped.select(columns).rows() == of_a.select(columns).rows() != []
    again = tag.fn(TagConfig(model=trained["model"], sources=(source,), out=tmp_path / "packed", workers=0))
    assert again.reused == again.shards
    assert copies_in(home) == []


def test_copies_of_a_killed_run_are_removed(home):
    with source_copies() as copies:
        copies.write("a", io.BytesIO(b"x"))
        left = copies.folder.with_name(
            copies.folder.name.replace(copies.folder.name.split("-")[2], "999999999")
        )
        left.mkdir()
        with source_copies():
            pass
        assert copies_in(home) == [copies.folder]
    assert copies_in(home) == []


def test_text_in_a_stated_encoding_is_tagged(home, trained, tmp_path):
    text = "“Bakason” met Gudison in Nikaburg – for 5€ ."
    (tmp_path / "a.txt").write_bytes(text.encode("cp1252"))
    config = TagConfig(
        model=trained["model"],
        sources=(tmp_path / "a.txt",),
        out=tmp_path / "o",
        workers=0,
        encoding="cp1252",
    )
    assert tag.fn(config).counts.quarantined == 0
    rows = Dataset.open(tmp_path / "o").scan().collect().select("start", "end", "text").rows()
    assert rows
    assert all(text[start:end] == found for start, end, found in rows)
