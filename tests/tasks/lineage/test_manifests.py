"""The head of a manifest is all of it but its shards, whatever its texts look like."""

import json
from pathlib import Path

import polars as pl
import pytest

from elman.data.errors import IntegrityError
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.tasks.lineage.manifests import read_head

HOSTILE = '\n "shards": [\n "sources": ]\\'


@pytest.mark.parametrize("shards", [0, 1, 3])
def test_the_head_is_the_manifest_without_shards(tmp_path, shards):
    folder = tmp_path / "made"
    with DatasetWriter(folder, kind="corpus-text", config={"text": HOSTILE}) as writer:
        made = [
            writer.stage(f"s{n}", f"{n}", {"data": pl.DataFrame({"a": [n]})}, source={"text": HOSTILE})
            for n in range(shards)
        ]
        writer.commit(made, sources=[{"name": HOSTILE, "sha256": "0"}], meta={"text": HOSTILE})
    head, dataset = read_head(folder), Dataset.open(folder)
    assert head is not None
    assert (head.values, head.digest, head.kind) == (dataset.manifest, dataset.digest, "corpus-text")


def test_a_manifest_of_other_spacing_is_read_whole(tmp_path):
    value = {"kind": "corpus-text", "config": {}, "sources": [], "shards": [{"id": 1}]}
    (tmp_path / "manifest.json").write_text(json.dumps(value))
    head = read_head(tmp_path)
    assert head is not None
    assert head.values == {"kind": "corpus-text", "config": {}, "sources": []}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": 1, "config": [], "sources": []}', "\xff"])
def test_what_is_no_manifest_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(IntegrityError, match=r"manifest\.json: expected a manifest"):
        read_head(tmp_path)


def test_a_folder_without_one_has_none(tmp_path):
    assert read_head(tmp_path) is None
    assert read_head(Path(__file__)) is None
