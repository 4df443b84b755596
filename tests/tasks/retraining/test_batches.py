"""Batches of DNA: genomes of any kind are let in; those without genes, or with unreadable ones, are not."""

from dataclasses import replace

import pytest

from elman.data.corpus.contig_pieces import pieces
from elman.data.store.writer import DatasetWriter
from elman.tasks.retraining.batches import why_hold_genes


@pytest.fixture
def held(tmp_path, gene_corpus):
    """Why a contig would be held apart from a corpus of E. coli."""

    def why(contig):
        with DatasetWriter(tmp_path / "batch", kind="corpus-dna", config={}) as writer:
            writer.commit(
                [writer.stage("0", "key", {"data": pieces(contig)}, counts={"records": 1}, source={})]
            )
        return why_hold_genes(tmp_path / "batch", gene_corpus)

    return why


def test_a_genome_with_genes_that_can_be_read_is_let_in(held, ecoli):
    assert held(ecoli) == ""


def test_a_genome_that_reads_tga_as_an_amino_acid_is_let_in(held, ecoli):
    bases = list(ecoli.bases)
    for feature in ecoli.features:
        at = feature.start + 60
        if feature.strand == "+" and feature.end - at > 60:
            bases[at : at + 3] = "TGA"
    assert held(replace(ecoli, bases="".join(bases))) == ""


def test_a_genome_without_annotation_is_let_in(held, ecoli):
    assert held(replace(ecoli, features=None)) == ""


def test_annotation_without_genes_is_held_apart(held, ecoli):
    reason = held(replace(ecoli, features=ecoli.features[:5]))
    assert reason.startswith("genomes without genes: 5.")
    assert "of their annotated bases are coding, of the corpus 90.4 %" in reason
    assert held(replace(ecoli, features=())).startswith("genomes without genes: 0.0 %")


@pytest.mark.parametrize("by", [700, 2500])
def test_genes_in_other_places_are_held_apart(held, ecoli, by):
    moved = tuple(
        replace(feature, start=feature.start + by, end=feature.end + by)
        for feature in ecoli.features
        if feature.end + by <= len(ecoli.bases)
    )
    reason = held(replace(ecoli, features=moved))
    assert reason.startswith("labels that contradict the sequence: ")
    assert reason.endswith("coding intervals have stop codons in every frame")
