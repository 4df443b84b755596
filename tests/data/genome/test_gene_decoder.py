"""Decoding: only legal genes come out, the other strand's are the mirror image, blocks change nothing."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.corpus.contig_pieces import pieces, stretches
from elman.data.genome.gene_decoder import (
    LOOK_BACK,
    DecodeConfig,
    GeneDecoder,
    codon_tables,
    decoder_evidence,
    unwrap_circular,
)
from elman.data.genome.masks import with_mask
from elman.data.genome.nucleotides import (
    UNKNOWN,
    codons_of,
    encode_bases,
    frame_labels,
    gaps_of,
    reverse_complement,
)

WIDE = np.array([0, 1, 2, 3, 5, 6, 7])  # where the seven classes stand among nine logits
MIRROR = np.array([0, 5, 6, 7, 8, 1, 2, 3, 4])
CONFIG = DecodeConfig(weight=1.0, gene=0.0, overlap=0.01, partial=1.0)


def decode(codes, logits, config=CONFIG, block=10_000):
    decoder = GeneDecoder(len(codes), gaps_of(codes, config.gap), config)
    feed(decoder, codes, logits, block)
    return decoder.genes()


def feed(decoder, codes, logits, block):
    """Give no more codons than the decoder reads."""
    words = codons_of(codes)
    for begin in range(0, len(codes), block):
        end = min(begin + block, len(codes))
        low, high = max(begin - LOOK_BACK, 0), min(end + decoder.config.reach, len(codes))
        decoder.feed(decoder_evidence(logits[begin:end]), words[low:high].copy(), low)


def sure(labels, codes):
    """Logits that are certain of the labels."""
    logits = np.zeros((len(labels), 9), np.float32)
    logits[np.arange(len(labels)), WIDE[np.maximum(labels, 0)]] = np.where(labels >= 0, 8, 0)
    return logits


def random_case(seed, length):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, length).astype(np.uint8)
    logits = rng.normal(0, 0.3, (length, 9)).astype(np.float32)
    for state in range(6):  # long runs that like one frame, so that genes overlap
        for _ in range(length // 600 + 1):
            begin = int(rng.integers(0, length))
            places = np.arange(begin, min(begin + 500, length))
            column = (places - state) % 3
            logits[places, 1 + column if state < 3 else 7 - column] += 1.5
    return codes, logits


def test_genes_of_certain_labels_are_found_exactly(ecoli):
    (stretch,) = stretches(pieces(ecoli))
    truth = stretch.features.filter(pl.col("label") == "CDS")
    codes = encode_bases(ecoli.bases)
    labels = frame_labels(truth, 0, len(codes))
    found = {(g.start, g.end, g.strand, g.phase) for g in decode(codes, sure(labels, codes))}
    wanted = set(
        truth.filter(pl.col("end") - pl.col("start") >= 90).select("start", "end", "strand", "phase").rows()
    )
    assert len(found & wanted) >= 0.95 * len(wanted)
    assert len(found) <= 1.03 * len(wanted)


def test_a_short_gene_needs_more_evidence_than_a_long_one():
    gene = lambda codons: "CTAACTAACTAA" + "ATG" + "GCA" * codons + "TAA"  # noqa: E731
    codes = encode_bases(gene(31) + gene(198) + "CTAACTAACTAA")
    labels = np.zeros(len(codes), np.int8)
    for low, high in ((12, 111), (123, 723)):
        labels[low:high] = np.arange(high - low) % 3 + 1
    found = {
        brief: [(g.start, g.end) for g in decode(codes, sure(labels, codes), replace(CONFIG, brief=brief))]
        for brief in (0.0, 5000.0)
    }
    assert found == {0.0: [(12, 111), (123, 723)], 5000.0: [(123, 723)]}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([11, 4, 1]))
def test_every_gene_is_legal(seed, code):
    codes, logits = random_case(seed, 3000)
    is_start, is_stop = codon_tables(code)
    found = decode(codes, logits, DecodeConfig(weight=1.0, gene=0.0, code=code))
    assert found
    for gene in found:
        strand = codes[gene.start : gene.end]
        if gene.strand == "-":
            strand = reverse_complement(strand)
        words = strand[gene.phase :]
        words = words[: len(words) // 3 * 3].reshape(-1, 3).astype(int) @ [16, 4, 1]
        first_missing = bool(gene.partial & (1 if gene.strand == "+" else 2))
        last_missing = bool(gene.partial & (2 if gene.strand == "+" else 1))
        assert first_missing or (gene.phase == 0 and is_start[0, words[0]])
        assert last_missing or (is_stop[0, words[-1]] and (len(strand) - gene.phase) % 3 == 0)
        assert not is_stop[0, words[: None if last_missing else -1]].any()
        assert gene.end - gene.start >= (60 if gene.partial else 90)
        assert 0 <= gene.probability <= 1
        assert not gene.partial & 1 or gene.start == 0
        assert not gene.partial & 2 or gene.end == len(codes)
    assert all(b.start - a.end >= -45 and a.start < b.start and a.end < b.end for a, b in pairwise(found))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_the_genes_of_the_reverse_complement_are_the_mirror_image(seed):
    codes, logits = random_case(seed, 3000)
    here = decode(codes, logits)
    there = decode(reverse_complement(codes), np.ascontiguousarray(logits[::-1, MIRROR]))
    mirrored = sorted((3000 - g.end, 3000 - g.start, "+-"[g.strand == "+"], g.phase) for g in there)
    assert [g[:4] for g in here] == mirrored
    chances = [g.probability for g in sorted(there, key=lambda g: -g.end)]
    np.testing.assert_allclose([g.probability for g in here], chances, atol=1e-6)


@pytest.mark.parametrize("block", [100, 997, 2999])
def test_genes_do_not_depend_on_the_size_of_blocks(block):
    codes, logits = random_case(5, 6000)
    assert decode(codes, logits, block=block) == decode(codes, logits, block=6000)


def test_code_4_reads_through_tga():
    codes = encode_bases("ATG" + "GCA" * 20 + "TGA" + "GCA" * 20 + "TAA" + "CC")
    labels = np.zeros(len(codes), int)
    labels[:129] = np.tile([1, 2, 3], 43)
    ends = {
        code: [
            (g.start, g.end)
            for g in decode(codes, sure(labels, codes), DecodeConfig(code=code, shortest=60, gene=4.0))
        ]
        for code in (4, 11)
    }
    assert ends == {4: [(0, 129)], 11: [(0, 66)]}


def test_genes_cut_off_by_the_contig_are_partial():
    codes = encode_bases("CC" + "GCA" * 60)
    labels = np.resize([2, 3, 1], len(codes))
    (gene,) = decode(codes, sure(labels, codes))
    assert (gene.start, gene.end, gene.strand, gene.phase, gene.partial) == (0, 182, "+", 2, 3)


@pytest.mark.parametrize("seed", range(8))
def test_a_gap_divides_a_contig(seed):
    gap = CONFIG.gap
    codes, logits = random_case(seed, 4000 + gap)
    codes[2000 : 2000 + gap] = UNKNOWN
    left = decode(codes[:2000], logits[:2000])
    right = decode(codes[2000 + gap :], logits[2000 + gap :])
    shift = 2000 + gap
    moved = [gene._replace(start=gene.start + shift, end=gene.end + shift) for gene in right]
    for block in (700, 10_000):
        found = decode(codes, logits, block=block)
        assert [gene[:4] + gene[5:] for gene in found] == [gene[:4] + gene[5:] for gene in left + moved]
        np.testing.assert_allclose([g.probability for g in found], [g.probability for g in left + moved])
    assert any(gene.partial for gene in left + right)


@pytest.mark.parametrize("seed", range(6))
def test_no_gene_lies_on_masked_bases_or_is_cut_off_by_them(seed):
    codes, logits = random_case(seed, 4000)
    mask = [(900, 960), (2000, 2001), (3100, 3500)]
    free = decode(codes, logits)
    decoder = GeneDecoder(4000, with_mask(np.empty((0, 2), np.int64), mask, 4000, 4000), CONFIG)
    feed(decoder, codes, logits, 700)
    masked = decoder.genes()
    assert any(gene.start < end and gene.end > start for gene in free for start, end in mask)
    assert not any(gene.start < end and gene.end > start for gene in masked for start, end in mask)
    assert all(not gene.partial or gene.start == 0 or gene.end == 4000 for gene in masked)
    assert masked


def test_a_shorter_run_of_unknown_bases_is_read_through():
    found = {}
    for run in (CONFIG.gap - 2, CONFIG.gap + 1):  # 48 and 51, whole codons
        codes = encode_bases("ATG" + "GCA" * 40 + "N" * run + "GCA" * 40 + "TAA")
        labels = np.resize([1, 2, 3], len(codes))
        found[run] = [(g.start, g.end, g.partial) for g in decode(codes, sure(labels, codes))]
    assert found == {48: [(0, 294, 0)], 51: [(0, 123, 2), (174, 297, 1)]}


def unrolled(codes, logits, seam=1500):
    longer = np.concatenate([codes, codes[:seam]])
    return unwrap_circular(decode(longer, np.concatenate([logits, logits[:seam]])), len(codes), len(longer))


@pytest.mark.parametrize("seed", range(8))
def test_genes_of_a_circle_do_not_depend_on_its_origin(seed):
    codes, logits = random_case(seed, 5000)
    here = {(g.start % 5000, g.end - g.start, g.strand, g.phase) for g in unrolled(codes, logits)}
    turned = unrolled(np.roll(codes, -1234), np.roll(logits, -1234, axis=0))
    assert here == {((g.start + 1234) % 5000, g.end - g.start, g.strand, g.phase) for g in turned}
    assert all(0 <= g.start < 5000 and not g.partial for g in turned)


def test_a_gene_across_the_origin_is_whole():
    bases = "GCA" * 50 + "TAA" + "C" * 400 + "CTAG" * 20 + "ATG" + "GCA" * 50
    codes, labels = encode_bases(bases), np.zeros(len(bases), int)
    labels[:153] = np.resize([1, 2, 3], 153)
    labels[-153:] = np.resize([1, 2, 3], 153)
    (gene,) = unrolled(codes, sure(labels, codes), seam=len(bases))
    assert (gene.start, gene.end, gene.strand, gene.partial) == (len(bases) - 153, len(bases) + 153, "+", 0)


@pytest.mark.parametrize("seed", range(4))
def test_genes_taken_while_a_contig_is_decoded_are_those_of_the_whole(seed):
    codes, logits = random_case(seed, 30_000)
    wanted = decode(codes, logits)
    decoder = GeneDecoder(len(codes), gaps_of(codes, CONFIG.gap), CONFIG)
    decoder._events = np.empty((64, 6))
    words, taken = codons_of(codes), []
    for begin in range(0, len(codes), 500):
        low, high = max(begin - LOOK_BACK, 0), min(begin + 500 + CONFIG.reach, len(codes))
        decoder.feed(decoder_evidence(logits[begin : begin + 500]), words[low:high].copy(), low)
        taken += decoder.settled()
    rest = decoder.genes()
    assert taken + rest == wanted == sorted(wanted)
    assert len(taken) > len(rest)
    assert len(decoder._events) <= 256


def test_events_that_lead_to_no_gene_are_pruned(ecoli):
    codes = encode_bases(ecoli.bases[:40_000])
    logits = np.random.default_rng(0).normal(size=(len(codes), 9)).astype(np.float32)
    wanted = decode(codes, logits)
    for block in (500, len(codes)):  # the second needs more room for a block than there is
        decoder = GeneDecoder(len(codes), gaps_of(codes, CONFIG.gap), CONFIG)
        decoder._events = np.empty((64, 6))
        feed(decoder, codes, logits, block)
        assert decoder.genes() == wanted
    assert len(wanted) > 32
    assert len(decoder._events) < 4096
