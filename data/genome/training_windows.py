"""Training windows: random stretches of annotated genomes, some recoded with synonymous codons.

Recoding keeps every protein. Codons are replaced by synonymous ones, drawn from a random GC bias and random
codon preferences, and bases outside genes drift towards the same bias. So genomes of medium GC content also
teach what genes look like at low and high GC content.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from elman.data.genome.genetic_code import amino_acids_of
from elman.data.genome.nucleotides import IGNORE, TGA, UNKNOWN, Codes, Labels, reverse_complement

STARTS = (14, 46, 62)  # ATG, GTG, TTG
_TGG = 58
_GC = np.array([sum(d in (1, 2) for d in (c // 16, c // 4 % 4, c % 4)) for c in range(64)])
_UPSTREAM = 20  # bases before a gene that are not recoded: ribosomes bind there


@dataclass(frozen=True)
class AnnotatedStretch:
    """A stretch of a genome with its annotation.

    codes: (L,) of `nucleotides.encode_bases`; labels: (L,) classes of `nucleotides.frame_labels`; starts: (L,
    2) bool, start sites on the forward and the reverse strand; tga: TGA codes for an amino acid (genetic code
    4).
    """

    codes: Codes
    labels: Labels
    starts: npt.NDArray[np.bool_]
    tga: bool = False


class WindowBatch(NamedTuple):
    """B training windows of L bases: codes, labels (B, L); starts (B, L, 2) int8 of `start_targets`."""

    codes: Codes
    labels: Labels
    starts: npt.NDArray[np.int8]


def reads_tga(codes: Codes, labels: Labels) -> bool:
    """Return True if TGA codes for an amino acid: most of its occurrences in frame are inside genes."""
    at = np.flatnonzero((labels[:-5] == 1) & (labels[2:-3] == 3))
    at = at[_codons(codes, at) == TGA]
    return len(at) > 20 and float((labels[at + 3] == 1).mean()) > 0.5


def training_windows(
    stretches: Sequence[AnnotatedStretch],
    *,
    batch: int,
    length: int,
    rewrite: float,
    seed: int,
    first: int = 0,
) -> Iterator[WindowBatch]:
    """Yield batches of windows at random places, without end; the n-th depends on seed and n alone.

    Args:
        stretches: to draw from, each in proportion to its length.
        batch: B
        length: L; a window that reaches over an end of its stretch is padded with unknown bases.
        rewrite: share of windows that are recoded.
        seed: of places and recoding.
        first: number of the first batch.
    """
    sizes = np.array([len(s.codes) for s in stretches], np.float64)
    share = np.cumsum(sizes / sizes.sum())
    number = first
    while True:
        rng = np.random.default_rng([seed, 3, number])
        codes = np.full((batch, length), UNKNOWN, np.uint8)
        labels = np.full((batch, length), IGNORE, np.int8)
        starts = np.zeros((batch, length, 2), bool)
        chosen = np.minimum(np.searchsorted(share, rng.random(batch)), len(stretches) - 1)
        for i, which in enumerate(chosen):
            s = stretches[which]
            reach = min(length // 2, len(s.codes) // 2)
            at = int(rng.integers(-reach, len(s.codes) - reach + 1))
            low, high = max(at, 0), min(at + length, len(s.codes))
            inside = slice(low - at, high - at)
            codes[i, inside] = s.codes[low:high]
            labels[i, inside] = s.labels[low:high]
            starts[i, inside] = s.starts[low:high]
            if rng.random() < rewrite:
                codes[i] = recode(codes[i], labels[i], starts[i], s.tga, rng)
        yield WindowBatch(codes, labels, start_targets(codes, labels, starts))
        number += 1


def start_targets(codes: Codes, labels: Labels, starts: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """Target of each start codon, at its first base on its strand: 1 if a gene starts, else 0; -1 elsewhere.

    Args:
        codes, labels: (B, L)
        starts: (B, L, 2)
    """
    out = np.full(starts.shape, -1, np.int8)
    for side in (0, 1):
        strand = codes if side == 0 else reverse_complement(codes)
        word = strand[:, :-2] * np.uint8(16) + strand[:, 1:-1] * np.uint8(4) + strand[:, 2:]
        whole = (strand[:, :-2] != UNKNOWN) & (strand[:, 1:-1] != UNKNOWN) & (strand[:, 2:] != UNKNOWN)
        candidates = np.zeros(codes.shape, bool)
        candidates[:, :-2] = np.isin(word, STARTS) & whole
        if side:
            candidates = candidates[:, ::-1]
        truth = starts[:, :, side]
        known = candidates & ((labels != IGNORE) | truth)
        out[:, :, side][known] = truth[known]
    return out


def recode(
    codes: Codes, labels: Labels, starts: npt.NDArray[np.bool_], tga: bool, rng: np.random.Generator
) -> Codes:
    """Replace codons by synonymous ones, and bases between genes, by a random GC bias and codon preferences.

    Args:
        codes, labels: (L,)
        starts: (L, 2)
        tga: TGA is tryptophan; it becomes TGG.
        rng: source of the bias and of all draws.
    """
    gc_bias = rng.uniform(-2.2, 2.2)
    preference = np.exp(gc_bias * _GC + rng.normal(0, 0.6, 64))
    out = codes.copy()
    fixed = np.zeros(len(codes), bool)
    for start in np.flatnonzero(starts[:, 0]):
        fixed[max(start - _UPSTREAM, 0) : start + 3] = True
    for start in np.flatnonzero(starts[:, 1]):
        fixed[max(start - 2, 0) : start + _UPSTREAM + 1] = True
    gc = 1 / (1 + np.exp(-gc_bias / 2.2))
    drawn = np.where(rng.random(len(out)) < gc, 1, 0) ^ np.where(rng.random(len(out)) < 0.5, 3, 0)
    drift = (labels == 0) & (codes != UNKNOWN) & ~fixed & (rng.random(len(out)) < 0.6)
    out[drift] = drawn[drift]
    for side in (0, 1):
        strand = out if side == 0 else reverse_complement(out)
        classes, hold = (labels, fixed) if side == 0 else (labels[::-1], fixed[::-1])
        p = 1 + 3 * side
        at = np.flatnonzero((classes[:-2] == p) & (classes[1:-1] == p + 1) & (classes[2:] == p + 2))
        at = at[
            ~hold[at] & (strand[at] != UNKNOWN) & (strand[at + 1] != UNKNOWN) & (strand[at + 2] != UNKNOWN)
        ]
        words = _codons(strand, at)
        new = _synonymous(words, preference, tga, rng.random(len(words)))
        strand = strand.copy()
        strand[at], strand[at + 1], strand[at + 2] = new // 16, new // 4 % 4, new % 4
        out = strand if side == 0 else reverse_complement(strand)
    return out


def _codons(codes: Codes, at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    c = codes.astype(np.int64)
    word: npt.NDArray[np.int64] = c[at] * 16 + c[at + 1] * 4 + c[at + 2]
    return word


@cache
def _synonyms() -> dict[str, npt.NDArray[np.int64]]:
    """Codons of each amino acid, and of `*`, in genetic code 11."""
    letters = amino_acids_of(11)
    return {amino: np.array([c for c in range(64) if letters[c] == amino]) for amino in sorted(set(letters))}


def _synonymous(
    words: npt.NDArray[np.int64],
    preference: npt.NDArray[np.float64],
    tga: bool,
    chance: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """A synonymous codon for each codon, drawn in proportion to preference (64,); chance: uniform draws."""
    new = words.copy()
    for amino, codons in _synonyms().items():
        if tga and amino == "*":
            new[words == TGA] = _TGG
            continue
        chosen = np.isin(words, codons)
        share = np.cumsum(preference[codons] / preference[codons].sum())
        new[chosen] = codons[np.minimum(np.searchsorted(share, chance[chosen]), len(codons) - 1)]
    return new
