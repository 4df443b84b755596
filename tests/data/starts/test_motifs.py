"""Motifs: the mixture finds what stands before starts, and where, on either strand alike."""

import numpy as np
import pytest

from elman.data.genome.genetic_code import codon_tables
from elman.data.genome.nucleotides import codons_of, encode_bases, reverse_complement
from elman.data.starts.motif_kernels import PLACES, UPSTREAM
from elman.data.starts.motifs import fit_motifs, score_motifs

EVEN = np.full(4, 0.25)


def upstream(rng, n, motif, first):
    """Random bases with a motif at a place, counted from the start codon."""
    codes = rng.integers(0, 4, (n, UPSTREAM)).astype(np.uint8)
    if motif:
        codes[:, UPSTREAM + first : UPSTREAM + first + 6] = encode_bases(motif)
    return codes


def word(ratios):
    best = int(ratios.argmax())
    return "".join("ACGT"[best // 4**i % 4] for i in range(5, -1, -1))


def test_the_mixture_finds_both_motifs_their_places_and_their_shares():
    rng = np.random.default_rng(0)
    parts = [(300, "AGGAGG", -11), (200, "TATAAT", -12), (100, "", 0)]
    inner = upstream(rng, 400, "AGGAGG", -10)
    codes = np.concatenate([*(upstream(rng, *part) for part in parts), inner])
    fitted = fit_motifs(codes, np.arange(1000) >= 600, EVEN)
    assert [word(ratios) for ratios in fitted.ratios] == ["AGGAGG", "TATAAT"]
    assert fitted.places[1].argmax() == UPSTREAM - 12
    assert set(fitted.places[0].argsort()[-2:]) == {UPSTREAM - 11, UPSTREAM - 10}
    np.testing.assert_allclose(fitted.shares[0], [1 / 2, 1 / 3], atol=0.06)
    assert fitted.shares[1, 0] > 0.9
    np.testing.assert_allclose(fitted.places.sum(axis=1), 1, atol=1e-5)


def test_without_a_motif_the_scores_are_near_zero():
    rng = np.random.default_rng(1)
    fitted = fit_motifs(upstream(rng, 1000, "", 0), np.zeros(1000, bool), EVEN)
    codes = rng.integers(0, 4, 5_000).astype(np.uint8)
    scores = scored(codes, fitted)
    assert abs(scores[:, 4][scores[:, 4] != 0].mean()) < 0.5


def scored(codes, motifs, begin=0, end=None):
    out = np.zeros(((end or len(codes)) - begin, 8), np.float32)
    score_motifs(codes, codons_of(codes), codon_tables(11)[0], motifs, begin, out)
    return out


def by_hand(codes, at, motifs, group):
    """The score of a forward start, from the formula."""
    total = 1 - motifs.shares[group].sum()
    for k in range(len(motifs.ratios)):
        for o in range(PLACES):
            p = at - UPSTREAM + o
            window = codes[max(p, 0) : p + 6] if p >= 0 else ()
            known = len(window) == 6 and max(window) < 4
            ratio = motifs.ratios[k, int("".join(map(str, window)), 4)] if known else 1.0
            total += motifs.shares[group, k] * motifs.places[k, o] * ratio
    return np.log(total)


def test_scores_are_those_of_the_formula_and_mirrored_on_the_other_strand():
    rng = np.random.default_rng(2)
    fitted = fit_motifs(upstream(rng, 500, "AGGAGG", -10), rng.random(500) < 0.5, EVEN)
    codes = rng.integers(0, 4, 600).astype(np.uint8)
    codes[200] = 4
    scores = scored(codes, fitted)
    starts = np.flatnonzero(codon_tables(11)[0][0][codons_of(codes)])
    assert [scores[at, 4] for at in starts] == pytest.approx(
        [by_hand(codes, at, fitted, 0) for at in starts], abs=1e-4
    )
    added = [by_hand(codes, at, fitted, 1) - by_hand(codes, at, fitted, 0) for at in starts]
    assert [scores[at, 6] for at in starts] == pytest.approx(np.clip(added, -2, 2), abs=1e-4)
    back = scored(reverse_complement(codes), fitted)[::-1][:, [0, 1, 2, 3, 5, 4, 7, 6]]
    np.testing.assert_allclose(back, scores, atol=1e-5)
