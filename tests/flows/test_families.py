"""Protein families from annotation to exports: ingest with labels, learn them beside known genes, tag."""

from dataclasses import replace
from pathlib import Path

import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.store.dataset import Dataset
from elman.flows.evaluate import EvaluateConfig, evaluate
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag
from elman.flows.train import TrainConfig, train
from elman.tasks.models import gene_presets, protein_families

pytestmark = pytest.mark.heavy

QUICK = protein_families.FamilyConfig(
    hidden=8, embedding=8, others=1.0, epochs=3, batch=4, learning_rate=0.02
)


@pytest.fixture
def genome(checkout) -> tuple[Path, ...]:
    return tuple(checkout / "tests" / "fixtures" / f"ecoli_100kb.{kind}.gz" for kind in ("fna", "gff3"))


def test_families_are_learned_beside_the_genes_of_another_model(tracked_home, genome, tmp_path, monkeypatch):
    small = replace(gene_presets.PRESETS["fast"], hidden=24, least=1.0, most=1.0, families=QUICK)
    monkeypatch.setitem(gene_presets.PRESETS, "fast", small)
    ingest.fn(IngestConfig(sources=genome, name="genes"))
    genes = train.fn(TrainConfig(corpus="genes", preset="fast")).to_json()["model"]
    assert not (Path(genes) / protein_families.WEIGHTS).exists()

    most = r"any=product~\w"  # what nearly every gene is
    for split in ("train", "test"):
        ingest.fn(IngestConfig(sources=genome, name="families", as_=split, label=(most,)))
    summary = train.fn(TrainConfig(corpus="families", preset="fast", genes=genes)).to_json()
    model = Path(summary["model"])
    assert summary["labels"] == ["any"]
    weights = [(Path(folder) / "weights.safetensors").read_bytes() for folder in (genes, model)]
    assert weights[0] == weights[1]
    scores = evaluate.fn(EvaluateConfig(model=str(model), corpus="families")).to_json()
    assert scores["per_type"]["any"]["f1"] > 0.8 * scores["f1"] > 0.1
    assert list(tracked_home.glob("runs/*-evaluate-*/artifacts/genome_test.png"))

    out = tmp_path / "out"
    tag.fn(TagConfig(model=str(model), sources=genome[:1], out=out, format="gff3,bed,faa"))
    frame = Dataset.open(out).scan().collect()
    counts = dict(frame["label"].value_counts().rows())
    lines = [line.split("\t") for line in (out / "tags.gff3").read_text().splitlines() if "\t" in line]
    assert sum(line[2] == "CDS" for line in lines) == counts["CDS"] > 20
    assert sum(line[2] == "protein_match" and ";Name=any;" in line[8] for line in lines) == counts["any"] > 20
    assert (out / "tags.bed").read_text().count("\tany\t") == counts["any"]
    assert (out / "tags.faa").read_text().count(">") == counts["CDS"]


def test_a_corpus_keeps_the_labels_it_has(home, genome):
    ingest.fn(IngestConfig(sources=genome, name="families", label=("abc=product~ABC",)))
    again = ingest.fn(IngestConfig(sources=genome, name="families", as_="test")).to_json()
    assert again["ingested"] > 0
    with pytest.raises(UsageError, match="--label"):
        ingest.fn(IngestConfig(sources=genome, name="families", label=("abc=product~other",)))
    found = Dataset.open(home / "corpora" / "families").scan().select("split", "features").collect()
    labels = found.explode("features").unnest("features").group_by("split").agg("label")
    assert set(dict(labels.rows())["test"]) == {"CDS", "abc"}


def test_more_families_than_can_be_learned_are_refused(tracked_home, genome, monkeypatch):
    monkeypatch.setattr("elman.tasks.training.genes.MOST_FAMILIES", 10)
    ingest.fn(IngestConfig(sources=genome, name="all", label=("product",)))
    with pytest.raises(BadInput, match="at most 10 families"):
        train.fn(TrainConfig(corpus="all", preset="fast")).to_json()


def test_families_are_of_dna(home, checkout):
    with pytest.raises(UsageError, match="--label for DNA"):
        ingest.fn(
            IngestConfig(sources=(checkout / "data" / "samples" / "english",), name="x", label=("pfam",))
        )
