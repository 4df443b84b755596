"""Evaluation of gene finders on annotated contigs."""

import json

import polars as pl

from elman.tasks.evaluation.genes import evaluate_dna, start_codons
from elman.tasks.models import gene_finder


def test_coding_bases_are_found_on_their_strand(finder, gene_corpus, monkeypatch):
    monkeypatch.setattr(gene_finder.GeneFinder, "load", lambda folder: finder)
    scores = evaluate_dna(".", str(gene_corpus), "test")
    assert scores.per_strand.mcc > 0.5
    assert scores.bases + scores.masked == 27_086


def test_start_codons_are_read_on_their_strand():
    features = pl.DataFrame({"start": [1, 4], "end": [7, 10], "strand": ["+", "-"]})
    assert start_codons(features, "AatgCCTCATG").to_list() == ["ATG", "ATG"]


def test_the_report_holds_the_scores_and_every_error(finder, gene_corpus, monkeypatch, tmp_path):
    monkeypatch.setattr(gene_finder.GeneFinder, "load", lambda folder: finder)
    scores = evaluate_dna("model<b>", str(gene_corpus), "test", report=str(tmp_path))
    folder = tmp_path / "evaluation_test"
    found = json.loads((folder / "report.json").read_text())
    assert found["scores"] == scores.to_json()
    genes = pl.read_parquet(folder / "genes.parquet")
    assert genes.filter(pl.col("outcome") != "spurious").height == scores.gene.truth
    assert genes.filter(outcome="exact").height == scores.gene.exact
    assert genes.filter(pl.col("true_start").is_not_null())["start_codon"].is_in(["ATG", "GTG"]).mean() > 0.8
    page = (folder / "report.html").read_text()
    assert "model&lt;b&gt; on ecoli, test" in page
    for part in ("Missed genes", "By start codon", "data:image/png;base64,"):
        assert part in page
