"""Genes as residues: features of each gene on its own, labels in frame."""

import numpy as np
import polars as pl
import pytest
from Bio.Seq import Seq

from elman.data.genome.amino_acids import (
    TABLE_ROWS,
    TEMPLATES,
    labelled_proteins,
    template_rows,
    with_exchanges,
)
from elman.data.genome.genetic_code import AMINO_ACIDS
from elman.data.genome.nucleotides import encode_bases
from elman.data.store import schema

LETTERS = np.array([*AMINO_ACIDS, "*"])


def bases_of(size: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), size))


def test_features_of_a_gene_do_not_depend_on_its_neighbours():
    rng = np.random.default_rng(0)
    genes = [rng.integers(0, 21, size).astype(np.uint8) for size in (40, 1, 25)]
    together = template_rows(np.concatenate(genes), np.array([0, 40, 41, 66]))
    alone = [template_rows(gene, np.array([0, len(gene)])) for gene in genes]
    assert together.shape == (66, TEMPLATES)
    assert 0 <= together.min() < together.max() < TABLE_ROWS
    np.testing.assert_array_equal(together, np.concatenate(alone))


def labelled(bases: str, *features: tuple, labels=("fam", "other")):
    rows = [(start, end, strand, label, 0, id_) for start, end, strand, label, id_ in features]
    frame = pl.DataFrame(rows, schema=schema.FEATURE.to_schema(), orient="row")
    return labelled_proteins(encode_bases(bases), frame, 0, labels, "CDS", 11)


@pytest.mark.parametrize(
    ("strand", "places", "expected"),
    [("+", (9, 15), [0, 0, 0, 1, 2, 0, 0]), ("-", (9, 15), [0, 0, 1, 2, 0, 0, 0])],
)
def test_a_domain_is_labelled_from_its_first_residue_on(strand, places, expected):
    ((_, target),) = labelled(bases_of(30), (0, 21, strand, "CDS", "g"), (*places, strand, "fam", "m"))
    assert target.tolist() == expected


def test_a_label_in_another_frame_or_on_the_other_strand_is_of_another_gene():
    genes = labelled(
        bases_of(30), (0, 21, "+", "CDS", "g"), (10, 16, "+", "fam", "m"), (9, 15, "-", "fam", "n")
    )
    assert genes[0][1].tolist() == [0] * 7


def test_of_two_labels_that_of_the_shorter_feature_counts():
    ((_, target),) = labelled(
        bases_of(30), (0, 21, "+", "CDS", "g"), (6, 12, "+", "other", "m"), (0, 21, "+", "fam", "g")
    )
    assert target.tolist() == [1, 2, 3, 4, 1, 2, 2]


def test_parts_of_a_gene_are_joined_before_they_are_read():
    bases = bases_of(60)
    genes = labelled(bases, (3, 10, "+", "CDS", "g"), (20, 31, "+", "CDS", "g"), (20, 31, "+", "fam", "g"))
    ((residues, target),) = genes
    assert "".join(LETTERS[residues]) == str(Seq(bases[3:10] + bases[20:31]).translate(table=11))
    assert len(target) == 6


def test_a_gene_that_leaves_the_stretch_is_left_out():
    assert labelled(bases_of(30), (9, 33, "+", "CDS", "g")) == []


def test_a_share_of_residues_is_exchanged_for_similar_ones():
    rng = np.random.default_rng(0)
    residues = np.full(20_000, AMINO_ACIDS.index("I"), np.uint8)
    residues[[0, 7, -1]] = AMINO_ACIDS.index("M"), 20, 20  # a start and two stop codons
    made = with_exchanges(residues, 0.4, rng)
    assert made[[0, 7, -1]].tolist() == residues[[0, 7, -1]].tolist()
    assert (made != residues).mean() == pytest.approx(0.4, abs=0.02)
    drawn = LETTERS[made[made != residues]].tolist()
    assert drawn.count("V") > 5 * drawn.count("D") > 0
    assert drawn.count("L") > 5 * drawn.count("W")
    assert np.array_equal(with_exchanges(residues, 0.0, rng), residues)
