"""`elman tag` on several genomes: each export is a file per source, whose contigs keep their names."""

import json
from collections.abc import Callable
from pathlib import Path

import gffutils
import pytest

from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag

pytestmark = pytest.mark.heavy
FORMATS = ("bed", "codons", "faa", "gff3")


@pytest.fixture
def folder(finder, write_finder) -> Path:
    """The model folder of the finder."""
    return write_finder(finder)


@pytest.fixture
def genomes(ecoli, tmp_path) -> Path:
    """Two genomes whose only contigs have the same name."""
    place = tmp_path / "genomes"
    (place / "b 2").mkdir(parents=True)
    (place / "a.fna").write_text(f">contig_1\n{ecoli.bases[:10_000]}\n")
    (place / "b 2" / "a.fna").write_text(f">contig_1\n{ecoli.bases[30_000:40_000]}\n")
    return place


@pytest.fixture
def tagged(folder) -> Callable[[Path, Path], Path]:
    """Tag a source to an output in all formats."""

    def tagged(source: Path, out: Path) -> Path:
        options = {"format": ",".join(FORMATS), "workers": 0}
        tag.fn(TagConfig(model=str(folder), sources=(source,), out=out, **options))
        return out

    return tagged


def exports(out: Path) -> dict[str, bytes]:
    """Contents of the exports by name, each as the manifest says."""
    dataset = Dataset.open(out)
    return {name: dataset.export(name).read_bytes() for name in dataset.manifest["exports"]}


def test_two_sources_with_the_same_contig_name_have_a_file_each(tagged, genomes, tmp_path):
    found = exports(tagged(genomes, tmp_path / "out"))
    first, second = sorted(name.removeprefix("gff3/") for name in found if name.startswith("gff3/"))
    assert first == "a.fna.gff3"
    assert second.startswith("b_2_a.fna-")
    assert len(found) == 2 * len(FORMATS)
    alone = exports(tagged(genomes / "a.fna", tmp_path / "alone"))
    for name in FORMATS:
        assert found[f"{name}/a.fna.{name}"] == alone[f"tags.{name}"]
    lines = found[f"gff3/{second}"].decode()
    assert "##sequence-region contig_1 1 10000\n" in lines
    database = gffutils.create_db(lines, ":memory:", from_string=True)
    assert {feature.seqid for feature in database.all_features()} == {"contig_1"}


def test_a_second_source_replaces_the_one_file_by_files_of_each(tagged, genomes, tmp_path):
    out = tagged(genomes / "a.fna", tmp_path / "out")
    assert (out / "tags.gff3").exists()
    (genomes / "c.fna").write_bytes((genomes / "b 2" / "a.fna").read_bytes())
    tagged(genomes / "c.fna", out)
    assert not (out / "tags.gff3").exists()
    assert {path.name for path in (out / "gff3").iterdir()} == {"a.fna.gff3", "c.fna.gff3"}
    undisturbed = exports(out)
    manifest = (out / "manifest.json").read_bytes()
    tagged(genomes / "c.fna", out)
    assert exports(out) == undisturbed
    assert (out / "manifest.json").read_bytes() == manifest


def test_genomes_of_a_corpus_have_a_file_each(tagged, genomes, ecoli, home, tmp_path):
    (genomes / "c.fna").write_text(f">contig_2\n{ecoli.bases[30_000:40_000]}\n")
    ingest.fn(IngestConfig(sources=(genomes / "a.fna", genomes / "c.fna"), name="both"))
    out = tagged(home / "corpora" / "both", tmp_path / "out")
    assert {path.name for path in (out / "gff3").iterdir()} == {"a.fna.gff3", "c.fna.gff3"}
    assert json.loads((out / "manifest.json").read_bytes())["totals"]["rows"]["contigs"] == 2
