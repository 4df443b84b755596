"""Candidate starts: of all candidates of a gene the called one has the highest score."""

from itertools import pairwise

import numpy as np
import pytest

from elman.data.genome.gene_decoder import LOOK_BACK, DecodeConfig, GeneDecoder, decoder_evidence
from elman.data.genome.genetic_code import codon_tables
from elman.data.genome.genome_model import AdaptConfig, weighted
from elman.data.genome.nucleotides import codons_of, gaps_of
from elman.data.genome.start_candidates import CandidateScorer, Stretch
from elman.data.starts.spacing import FIRSTS, by_distance

DECODE = DecodeConfig(weight=1.0, gene=1.0, begin=1.3, codon=0.1, overlap=0.3, divergent=0.4, brief=5.0)
ADAPT = AdaptConfig(codons=0.7, begins=1.1, motifs=0.9)
LENGTH = 4000


def random_case(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, LENGTH).astype(np.uint8)
    logits = rng.normal(0, 0.3, (LENGTH, 9)).astype(np.float32)
    for state in np.tile(range(6), 7):
        begin = int(rng.integers(0, LENGTH))
        places = np.arange(begin, min(begin + 500, LENGTH))
        column = (places - state) % 3
        logits[places, 1 + column if state < 3 else 7 - column] += 1.5
    scores = rng.normal(0, 1, (LENGTH, 8)).astype(np.float32)
    return codes, logits, scores, by_distance(rng.normal(0, 2, len(FIRSTS)), 1.0)


def called_genes(codes, logits, scores, spacing):
    decoder = GeneDecoder(LENGTH, gaps_of(codes, DECODE.gap), DECODE, spacing, 6.0)
    words = codons_of(codes)
    assert LENGTH > LOOK_BACK
    decoder.feed(decoder_evidence(logits), words, 0, weighted(scores, ADAPT))
    return decoder.genes()


@pytest.mark.parametrize("seed", range(10))
def test_the_called_start_has_the_highest_score_of_its_candidates(seed):
    codes, logits, scores, spacing = random_case(seed)
    genes = called_genes(codes, logits, scores, spacing)
    scorer = CandidateScorer(DECODE, ADAPT, spacing)
    evidence = decoder_evidence(logits)
    is_start = codon_tables(11)[0][0]
    seen = 0
    for i, gene in enumerate(genes):
        forward = gene.strand == "+"
        if gene.partial:
            continue
        j = i - 1 if forward else i + 1
        before = genes[j] if 0 <= j < len(genes) else None
        low, high = (min(max(place, 0), LENGTH) for place in scorer.region(gene))
        stretch = Stretch(low, codes[low:high], evidence[low:high], scores[low:high])
        found = list(scorer.candidates(gene, before, stretch))
        (called,) = [candidate for candidate in found if candidate.called]
        assert (called.start, called.end) == (gene.start, gene.end)
        assert called.codons == 0
        assert all(c.score <= called.score + 1e-2 for c in found)
        assert all(c.score == pytest.approx(sum(c[7:]), abs=1e-3) for c in found)
        codons = ["ACGT".index(letter) for c in found for letter in c.codon]
        assert all(is_start[16 * a + 4 * b + c] for a, b, c in zip(*[iter(codons)] * 3, strict=True))
        assert all((c.end - c.start) % 3 == 0 and c.end - c.start >= DECODE.shortest for c in found)
        seen += len(found) - 1
    assert seen


def test_distances_are_those_to_the_gene_before():
    codes, logits, scores, spacing = random_case(1)
    genes = [gene for gene in called_genes(codes, logits, scores, spacing) if not gene.partial]
    scorer = CandidateScorer(DECODE, ADAPT, spacing)
    evidence = decoder_evidence(logits)
    for before, gene in pairwise(genes):
        if gene.strand == "+":
            low, high = (min(max(place, 0), LENGTH) for place in scorer.region(gene))
            stretch = Stretch(low, codes[low:high], evidence[low:high], scores[low:high])
            for candidate in scorer.candidates(gene, before, stretch):
                assert candidate.distance == candidate.start - before.end >= -45
