"""Gene finding on a small real genome: train, tag, evaluate, and what may not change the answer."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from data.contigs import Contig
from data.dna import Genome, pieces, read_genome
from data.errors import UsageError
from data.store import Dataset, DatasetWriter
from tasks import dna

SMALL = dna.DnaConfig(hidden=48, least=5.0, most=5.0, piece=3000)


def _open(source):
    return gzip.open(source.path)


class File:
    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.kind, self.name = path, kind, path.name


@pytest.fixture(scope="session")
def contig(checkout) -> Contig:
    folder = checkout / "tests" / "fixtures"
    genome = Genome(
        (File(folder / "ecoli_100kb.fna.gz", "fasta"),), (File(folder / "ecoli_100kb.gff3.gz", "gff3"),)
    )
    (contig,) = read_genome(genome, _open)
    return contig


@pytest.fixture(scope="session")
def corpus(contig, tmp_path_factory) -> Path:
    """70 kb to learn from, the rest to be judged by."""
    folder = tmp_path_factory.mktemp("corpus") / "ecoli"
    frame = pieces(contig, ["train"] * 7 + ["test"] * 3, size=10_000)
    with DatasetWriter(folder, kind="corpus-dna", config={}) as writer:
        writer.commit([writer.stage("0", "key", {"data": frame}, counts={"records": 1}, source={})])
    return folder


@pytest.fixture(scope="session")
def finder(corpus) -> dna.GeneFinder:
    """Trained for seconds: enough to know coding bases from others, not to be good."""
    params = dna.fit_dna(dna.learnt_of(corpus), SMALL, seed=0)
    return dna.GeneFinder(params, SMALL, "small")


def test_coding_bases_are_found_on_their_strand(finder, corpus, monkeypatch):
    monkeypatch.setattr(dna.GeneFinder, "load", lambda folder: finder)
    scores = dna.evaluate_dna(".", str(corpus), "test")
    assert scores["per_strand"]["mcc"] > 0.5
    assert scores["bases"] + scores["masked"] == 27_086


def test_rows_are_of_the_schema_and_name_their_model(finder, contig):
    frame = finder.tag_contig(contig.bases, "x.fa", "c")
    assert frame["model"].unique().to_list() == ["small"]
    assert frame["start"].is_sorted()
    assert frame.select((pl.col("end") - pl.col("start") >= 60).all()).item()


def test_the_other_strand_is_tagged_as_the_mirror_image(finder, contig):
    bases = contig.bases[:30_000]
    letters = bases[::-1].translate(str.maketrans("ACGT", "TGCA"))
    here, there = finder.tag_contig(bases), finder.tag_contig(letters)
    mirrored = there.select(
        start=30_000 - pl.col("end"),
        end=30_000 - pl.col("start"),
        strand=pl.col("strand").replace({"+": "-", "-": "+"}),
        phase="phase",
    ).sort("start")
    assert here.select("start", "end", "strand", "phase").equals(mirrored)


def test_what_is_tagged_together_changes_nothing(finder, contig, monkeypatch):
    parts = [
        ("x", str(i), contig.bases[i : i + size]) for i, size in ((0, 200), (500, 9000), (20_000, 25_000))
    ]
    alone = [finder.tag_contig(bases, source, name) for source, name, bases in parts]
    together = list(finder.tag_contigs(parts))
    monkeypatch.setattr(dna, "_GROUP", 1000)
    monkeypatch.setattr(dna, "_STEPS", 700)
    streamed = list(finder.tag_contigs(parts))
    exact = ["source", "contig", "start", "end", "strand", "phase", "label"]
    for one, two, three in zip(alone, together, streamed, strict=True):
        assert one.select(exact).equals(two.select(exact))
        assert one.select(exact).equals(three.select(exact))
        np.testing.assert_allclose(one["probability"], two["probability"], atol=1e-5)


def test_lower_case_and_unknown_letters_are_tagged_like_any_other(finder, contig):
    bases = contig.bases[:12_000]
    assert finder.tag_contig(bases.lower()).equals(finder.tag_contig(bases))
    gapped = bases[:6000] + "N" * 500 + bases[6000:]
    assert len(finder.tag_contig(gapped)) > 0
    assert finder.tag_contig("ACGTN").height == 0


def test_raw_strings_give_plain_values(finder, contig):
    found = finder.tag_raw(contig.bases[:6000] + "\n")
    assert {"start", "end", "strand", "phase", "label", "probability"} == found[0].keys()


def test_the_same_seed_gives_the_same_model_folder(corpus, home, monkeypatch):
    tiny = dna.DnaConfig(hidden=16, least=0.2, most=0.2)
    monkeypatch.setattr(dna, "PRESETS", {"default": tiny})
    first = dna.train_dna(str(corpus), "ecoli", "default", 3)
    weights = (Path(first["model"]) / "weights.safetensors").read_bytes()
    second = dna.train_dna(str(corpus), "ecoli", "default", 3)
    assert first["model"] == second["model"]
    assert (Path(second["model"]) / "weights.safetensors").read_bytes() == weights
    loaded = dna.GeneFinder.load(Path(first["model"]))
    assert loaded.config == tiny
    assert Dataset.open(corpus).digest in (Path(first["model"]) / "passport.json").read_text()


def test_a_preset_for_text_is_a_usage_error():
    with pytest.raises(UsageError, match="default"):
        dna.dna_preset("article")
