"""Datasets are read only as their manifest describes them."""

import json

import pytest

from elman.data.errors import BadInput, IntegrityError
from elman.data.store.dataset import Dataset, checked_export
from elman.data.store.writer import DatasetWriter
from tests.data.store.snapshots import FIRST, build, frame


@pytest.mark.parametrize("table", ["data", "quarantine"])
def test_one_flipped_bit_is_found_before_the_file_is_read(tmp_path, table):
    build(tmp_path, FIRST)
    path = Dataset.open(tmp_path).files(table)[1]
    raw = bytearray(path.read_bytes())
    for place in (0, len(raw) // 2, len(raw) - 1):
        flipped = raw.copy()
        flipped[place] ^= 4
        path.write_bytes(flipped)
        with pytest.raises(IntegrityError, match=path.name):
            Dataset.open(tmp_path).scan(table)
    path.unlink()
    with pytest.raises(IntegrityError, match="no file"):
        Dataset.open(tmp_path).scan(table)


def test_a_damaged_export_is_found(tmp_path):
    build(tmp_path, FIRST)
    assert Dataset.open(tmp_path).export("all.txt").read_text() == "0 1 2"
    (tmp_path / "all.txt").write_text("0 1 3")
    with pytest.raises(IntegrityError, match=r"all\.txt"):
        Dataset.open(tmp_path).export("all.txt")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1, "shards": [{}]}'])
def test_a_damaged_manifest_is_an_integrity_error(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        Dataset.open(tmp_path)


@pytest.mark.parametrize("name", ["../data/x.parquet", "/etc/x", "data/../x", "x", "a/b/c", "data\\x"])
def test_a_manifest_cannot_name_files_outside_its_folder(tmp_path, name):
    build(tmp_path, FIRST)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["shards"][0]["files"]["data"]["path"] = name
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(IntegrityError):
        Dataset.open(tmp_path)


def test_a_scan_can_be_filtered_and_an_absent_quarantine_is_empty(tmp_path):
    with DatasetWriter(tmp_path, kind="test", config={}) as writer:
        dataset = writer.commit([writer.stage("s", "k", {"data": frame(3)})])
    assert dataset.scan().filter(text="line 3.1").collect().rows() == [(3, "line 3.1")]
    assert dataset.scan("quarantine").collect().height == 0
    with pytest.raises(BadInput, match="one of the tables data"):
        dataset.scan("other")


@pytest.mark.parametrize("name", ["", "..", "../x", "/x", "a/../x", "a/b/c", "a\\..\\x", "a/"])
def test_an_export_outside_the_folder_is_refused(name):
    with pytest.raises(ValueError, match="expected the name of an export"):
        checked_export(name)


@pytest.mark.parametrize("name", ["tags.gff3", "gff3/a.fna.gff3"])
def test_an_export_is_a_file_or_a_file_in_a_folder(name):
    assert checked_export(name) == name
