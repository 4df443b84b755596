"""Evaluation of gene finders on annotated contigs."""

from elman.tasks.evaluation.genes import evaluate_dna
from elman.tasks.models import gene_finder


def test_coding_bases_are_found_on_their_strand(finder, gene_corpus, monkeypatch):
    monkeypatch.setattr(gene_finder.GeneFinder, "load", lambda folder: finder)
    scores = evaluate_dna(".", str(gene_corpus), "test")
    assert scores.per_strand.mcc > 0.5
    assert scores.bases + scores.masked == 27_086
