"""Nothing valid is refused: all records of a valid file of each format come in, none to quarantine."""

import pytest

from elman.data.formats import registry
from elman.data.formats.registry import SidecarFormat
from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest
from tests.data.formats.samples import SAMPLES

NAMES = [f.name for f in registry.all_formats() if not isinstance(f, SidecarFormat)]


@pytest.mark.parametrize("name", NAMES)
def test_a_valid_file_comes_in_whole(home, tmp_path, name):
    if name not in SAMPLES:
        pytest.skip(f"tests/data/formats/samples.py has no valid file of {name}")
    sample = SAMPLES[name]
    folder = tmp_path / "in"
    folder.mkdir()
    for file, raw in {sample.name: sample.raw, **sample.beside}.items():
        (folder / file).write_bytes(raw)
    result = ingest.fn(IngestConfig(sources=(folder,), name="c", **sample.options)).to_json()
    corpus = Dataset.open(home / "corpora" / "c")
    assert (result["records"], result["ingested"], result["quarantined"]) == (
        sample.records,
        sample.records,
        0,
    )
    assert result["skipped"] == []
    assert corpus.scan("quarantine").collect().height == 0
    kinds = {entry["kind"] for entry in corpus.sources} | {
        file.rpartition(".")[2] for entry in corpus.sources for file in entry["files"]
    }
    assert name in kinds
