"""Habits of a genome: what is counted on sure genes, on both strands alike."""

import numpy as np
import pytest

from elman.data.genome.gene_decoder import Gene
from elman.data.genome.genome_model import from_frame, learn, to_frame
from elman.data.genome.genome_model import weigh as weigh_words
from elman.data.genome.nucleotides import codons_of, reverse_complement


def genome(seed=0, genes=80):
    """Genes of one favourite codon, each behind the same binding site; every other one is reverse."""
    rng = np.random.default_rng(seed)
    parts, found, at = [], [], 0
    for i in range(genes):
        space = rng.integers(0, 4, 60).astype(np.uint8)
        site = np.array([0, 2, 2, 0, 2, 2, *rng.integers(0, 4, 6)], np.uint8)  # AGGAGG, six bases before
        gene = np.array([0, 3, 2] + [2, 1, 0] * 110 + [3, 0, 0], np.uint8)  # ATG GCA ... TAA
        whole = np.concatenate([space, site, gene, space])
        low, strand = at + len(space) + len(site), "+"
        if i % 2:
            whole, strand, low = reverse_complement(whole), "-", at + len(space)
        found.append(Gene(low, low + len(gene), strand, 0, 0.99, 0))
        parts.append(whole)
        at += len(whole)
    return np.concatenate(parts), found


def weigh(codes, habits, begin, end):
    return weigh_words(codes, codons_of(codes), habits, begin, end)


def test_codons_and_starts_of_the_genome_are_preferred_on_both_strands():
    codes, genes = genome()
    habits = learn(codes, genes, 11)
    said = weigh(codes, habits, 0, len(codes))
    forward, reverse = genes[0], genes[1]
    assert said[forward.start + 3, 2] > 0.5  # GCAGCA in frame
    assert said[reverse.end - 4, 3] > 0.5
    starts = np.flatnonzero(said[:, 0])
    assert said[forward.start, 0] > np.median(said[starts, 0]) + 3
    assert said[reverse.end - 1, 1] == pytest.approx(said[forward.start, 0], abs=6)


def test_habits_say_of_the_other_strand_the_mirror_image():
    codes, genes = genome()
    habits = learn(codes, genes, 11)
    here, there = (weigh(strand, habits, 0, len(codes)) for strand in (codes, reverse_complement(codes)))
    np.testing.assert_allclose(there[::-1][:, [1, 0, 3, 2]], here, atol=1e-5)


def test_blocks_change_nothing():
    codes, genes = genome()
    habits = learn(codes, genes, 11)
    parts = [weigh(codes, habits, at, min(at + 97, len(codes))) for at in range(0, len(codes), 97)]
    assert (np.concatenate(parts) == weigh(codes, habits, 0, len(codes))).all()


def test_too_few_sure_genes_teach_nothing():
    codes, genes = genome(genes=30)
    assert learn(codes, genes, 11) is None
    codes, genes = genome()
    assert learn(codes, [gene._replace(probability=0.5) for gene in genes], 11) is None


def test_habits_are_the_same_after_they_have_been_on_the_disk():
    codes, genes = genome()
    habits = learn(codes, genes, 11)
    again = from_frame(to_frame(habits), 11)
    assert all((here == there).all() for here, there in zip(habits, again, strict=True))
    assert from_frame(to_frame(None), 11) is None
