"""The genome model: fitted on confident genes, on both strands alike."""

from dataclasses import replace

import numpy as np
import pytest

from elman.data.genome.gene_decoder import Gene
from elman.data.genome.genome_model import (
    AdaptConfig,
    fit_genome_model,
    from_frame,
    score_bases,
    to_frame,
    weighted,
)
from elman.data.genome.nucleotides import codons_of, reverse_complement
from elman.data.starts.spacing import FIRSTS


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


SIGNALS = AdaptConfig(
    before=44, motifs=1.0, spacing=1.0, spacing_starts=[1.0] * len(FIRSTS), spacing_others=[1.0] * len(FIRSTS)
)


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


@pytest.mark.parametrize("adapt", [AdaptConfig(), SIGNALS])
def test_scores_of_the_other_strand_are_the_mirror_image(adapt):
    codes, genes = genome()
    model = fit_genome_model(codes, genes, 11, adapt)
    forward, backward = (
        scores(strand, model, 0, len(codes)) for strand in (codes, reverse_complement(codes))
    )
    np.testing.assert_allclose(backward[::-1][:, [1, 0, 3, 2, 5, 4, 7, 6]], forward, atol=1e-5)


@pytest.mark.parametrize("adapt", [AdaptConfig(), SIGNALS])
def test_scores_do_not_depend_on_the_blocks_they_are_made_in(adapt):
    codes, genes = genome()
    model = fit_genome_model(codes, genes, 11, adapt)
    parts = [scores(codes, model, at, min(at + 97, len(codes))) for at in range(0, len(codes), 97)]
    assert (np.concatenate(parts) == scores(codes, model, 0, len(codes))).all()


def test_too_few_confident_genes_give_no_model():
    codes, genes = genome(genes=30)
    assert fit_genome_model(codes, genes, 11) is None
    codes, genes = genome()
    assert fit_genome_model(codes, [gene._replace(probability=0.5) for gene in genes], 11) is None


@pytest.mark.parametrize("adapt", [AdaptConfig(), SIGNALS])
def test_a_genome_model_survives_its_frame(adapt):
    codes, genes = genome()
    model = fit_genome_model(codes, genes, 11, adapt)
    again = from_frame(to_frame(model), 11, adapt)
    assert (model.motifs is None) == (again.motifs is None) == (not adapt.motifs)
    before, after = ([*m._replace(motifs=None), *(m.motifs or ())] for m in (model, again))
    assert all(one is two is None or (one == two).all() for one, two in zip(before, after, strict=True))
    assert from_frame(to_frame(None), 11) is None


def test_motifs_raise_the_score_of_starts_behind_a_binding_site():
    codes, genes = genome()
    model = fit_genome_model(codes, genes, 11, SIGNALS)
    scored = scores(codes, model, 0, len(codes))
    first = genes[0].start
    assert scored[first, 4] > 2
    assert scored[genes[1].end - 1, 5] == pytest.approx(scored[first, 4], abs=0.5)
    without = weighted(scored, replace(SIGNALS, motifs=0.0))
    assert weighted(scored, SIGNALS)[first, 0] - without[first, 0] == pytest.approx(scored[first, 4])


def test_the_distance_to_the_gene_before_is_learned_from_the_genome():
    codes, genes = genome()
    even = [gene._replace(strand="+") for gene in genes]  # all neighbours lie on one strand, 126 bases apart
    model = fit_genome_model(codes, even, 11, SIGNALS)
    odds = dict(zip(FIRSTS, model.spacing.tolist(), strict=True))
    assert odds[101] > max(odds[-4], odds[16])
