"""Neighbouring genes: by a reference sum of scores no other chain of genes is better than the decoded one."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from elman.data.genome.gene_decoder import LOOK_BACK, DecodeConfig, GeneDecoder, decoder_evidence
from elman.data.genome.genetic_code import codon_tables
from elman.data.genome.nucleotides import codons_of, gaps_of, reverse_complement
from elman.data.starts.spacing import FIRSTS, by_distance

CONFIG = DecodeConfig(
    weight=1.0, gene=1.0, begin=1.0, codon=0.1, overlap=0.3, convergent=0.2, divergent=0.4, partial=1.0
)
INNER = 2.0
MIRROR = np.array([0, 5, 6, 7, 8, 1, 2, 3, 4])
LENGTH = 4000


def random_case(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, LENGTH).astype(np.uint8)
    logits = rng.normal(0, 0.3, (LENGTH, 9)).astype(np.float32)
    for state in np.tile(range(6), 7):  # long runs that like one frame, so that genes overlap
        begin = int(rng.integers(0, LENGTH))
        places = np.arange(begin, min(begin + 500, LENGTH))
        column = (places - state) % 3
        logits[places, 1 + column if state < 3 else 7 - column] += 1.5
    more = np.zeros((LENGTH, 6), np.float32)
    more[:, 4:] = rng.uniform(-INNER, INNER, (LENGTH, 2))
    return codes, logits, more, rng.normal(0, 3, len(FIRSTS))


def decode(codes, logits, more, odds, config=CONFIG, block=10_000):
    decoder = GeneDecoder(len(codes), gaps_of(codes, config.gap), config, by_distance(odds, 1.0), INNER)
    words = codons_of(codes)
    for begin in range(0, len(codes), block):
        end = min(begin + block, len(codes))
        low, high = max(begin - LOOK_BACK, 0), min(end + config.reach, len(codes))
        evidence = decoder_evidence(logits[begin:end])
        decoder.feed(evidence, words[low:high].copy(), low, more[begin:end])
    return decoder.genes()


def base_scores(evidence, gene):
    """Scores of the bases of a gene in its classes, with those of its codons."""
    at = np.arange(gene.start, gene.end)
    if gene.strand == "+":
        place = (at - gene.start - gene.phase) % 3
        columns, first = place, 0
    else:
        place = (gene.end - 1 - gene.phase - at) % 3
        columns, first = 3 + place, 3
    return evidence[at, columns] + CONFIG.codon * (columns == first)


def reference_score(evidence, more, odds, genes, config):
    """Sum of the scores of a chain of genes, as the decoder's documentation says."""
    total = 0.0
    table = by_distance(odds, 1.0)
    for gene in genes:
        total += base_scores(evidence, gene).sum() - config.gene
        total -= config.partial * bin(gene.partial).count("1")
        forward = gene.strand == "+"
        if not gene.partial & (1 if forward else 2):
            total += evidence[gene.start, 12] if forward else evidence[gene.end - 1, 13]
        size = gene.end - gene.start
        if not gene.partial and size < config.usual:
            total -= config.brief * (1 - size / config.usual)
    for a, b in pairwise(genes):
        shared = a.end - b.start
        kind = {("+", "-"): config.convergent, ("-", "+"): config.divergent}
        if shared > 0:
            mine, other = base_scores(evidence, a)[-shared:], base_scores(evidence, b)[:shared]
            total += (np.maximum(other, mine) - mine - other).sum()
            total -= shared * kind.get((a.strand, b.strand), config.overlap)
        if a.strand == b.strand:
            total += table[min(-shared, 181) + 45]
            if -shared <= 60:
                total += more[b.start, 4] if b.strand == "+" else more[a.end - 1, 5]
    return total


def variants(codes, genes):
    """Chains with a gene left out, or another start of a gene."""
    is_start = codon_tables(11)[0]
    words = codons_of(codes)
    for i, gene in enumerate(genes):
        yield genes[:i] + genes[i + 1 :]
        for shift in range(-90, 91, 3):
            if gene.strand == "+":
                moved = gene._replace(start=gene.start + shift)
                legal = 0 <= moved.start < len(codes) - 90 and is_start[0, words[moved.start]]
            else:
                moved = gene._replace(end=gene.end + shift)
                legal = 90 <= moved.end <= len(codes) and is_start[1, words[moved.end - 3]]
            if shift and legal and not gene.partial and open_frame(codes, moved):
                yield [*genes[:i], moved, *genes[i + 1 :]]


def open_frame(codes, gene):
    own = codes[gene.start : gene.end]
    if len(own) < 90:
        return False
    own = reverse_complement(own) if gene.strand == "-" else own
    return not codon_tables(11)[1][0, codons_of(own)[: len(own) - 3 : 3]].any()


@pytest.mark.parametrize("seed", range(12))
def test_no_chain_of_genes_beside_the_decoded_one_scores_more(seed):
    codes, logits, more, odds = random_case(seed)
    evidence = decoder_evidence(logits)
    found = decode(codes, logits, more, odds)
    best = reference_score(evidence, more, odds, found, CONFIG)
    others = [decode(codes, logits, more, other) for other in (np.zeros(len(FIRSTS)), -odds)]
    for chain in [*others, *variants(codes, found)]:
        if all(b.start - a.end >= -45 and a[0] < b[0] and a[1] < b[1] for a, b in pairwise(chain)):
            assert reference_score(evidence, more, odds, chain, CONFIG) <= best + 1e-2


@pytest.mark.parametrize("seed", range(6))
def test_with_spacing_the_other_strand_is_the_mirror_image_and_blocks_change_nothing(seed):
    codes, logits, more, odds = random_case(seed)
    here = decode(codes, logits, more, odds)
    assert decode(codes, logits, more, odds, block=311) == here
    back = np.ascontiguousarray(more[::-1][:, [1, 0, 3, 2, 5, 4]])
    there = decode(reverse_complement(codes), np.ascontiguousarray(logits[::-1, MIRROR]), back, odds)
    mirrored = sorted((LENGTH - g.end, LENGTH - g.start, "+-"[g.strand == "+"], g.phase) for g in there)
    assert [gene[:4] for gene in here] == mirrored


def test_a_favoured_distance_draws_starts_to_it():
    favoured = np.zeros(len(FIRSTS))
    favoured[FIRSTS.index(-4)] = 30.0
    found = {}
    for name, odds in (("none", np.zeros(len(FIRSTS))), ("favoured", favoured)):
        number = 0
        for seed in range(12):
            codes, logits, more, _ = random_case(seed)
            genes = decode(codes, logits, np.zeros_like(more), odds, replace(CONFIG, gene=0.0))
            number += sum(b.start - a.end == -4 and a.strand == b.strand for a, b in pairwise(genes))
        found[name] = number
    assert found["favoured"] > 2 * found["none"]
