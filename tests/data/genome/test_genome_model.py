"""The genome model: fitted on confident genes, on both strands alike."""

import numpy as np
import pytest

from elman.data.genome.gene_decoder import Gene
from elman.data.genome.genome_model import fit_genome_model, from_frame, score_bases, to_frame
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


def scores(codes, model, begin, end):
    return score_bases(codes, codons_of(codes), model, begin, end)


def test_codons_and_starts_of_the_genome_are_preferred_on_both_strands():
    codes, genes = genome()
    model = fit_genome_model(codes, genes, 11)
    scored = scores(codes, model, 0, len(codes))
    forward, reverse = genes[0], genes[1]
    assert scored[forward.start + 3, 2] > 0.5  # GCAGCA in frame
    assert scored[reverse.end - 4, 3] > 0.5
    starts = np.flatnonzero(scored[:, 0])
    assert scored[forward.start, 0] > np.median(scored[starts, 0]) + 3
    assert scored[reverse.end - 1, 1] == pytest.approx(scored[forward.start, 0], abs=6)


def test_scores_of_the_other_strand_are_the_mirror_image():
    codes, genes = genome()
    model = fit_genome_model(codes, genes, 11)
    forward, backward = (
        scores(strand, model, 0, len(codes)) for strand in (codes, reverse_complement(codes))
    )
    np.testing.assert_allclose(backward[::-1][:, [1, 0, 3, 2]], forward, atol=1e-5)


def test_scores_do_not_depend_on_the_blocks_they_are_made_in():
    codes, genes = genome()
    model = fit_genome_model(codes, genes, 11)
    parts = [scores(codes, model, at, min(at + 97, len(codes))) for at in range(0, len(codes), 97)]
    assert (np.concatenate(parts) == scores(codes, model, 0, len(codes))).all()


def test_too_few_confident_genes_give_no_model():
    codes, genes = genome(genes=30)
    assert fit_genome_model(codes, genes, 11) is None
    codes, genes = genome()
    assert fit_genome_model(codes, [gene._replace(probability=0.5) for gene in genes], 11) is None


def test_a_genome_model_survives_its_frame():
    codes, genes = genome()
    model = fit_genome_model(codes, genes, 11)
    again = from_frame(to_frame(model), 11)
    assert all((before == after).all() for before, after in zip(model, again, strict=True))
    assert from_frame(to_frame(None), 11) is None
