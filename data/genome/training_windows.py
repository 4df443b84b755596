"""Crops of genomes to learn from, some recode as another organism might have written them.

Rewriting keeps every protein: codons are replaced by synonymous ones, drawn by a codon_weights of the crop's own for
letters G and C and for single codons, and bases outside genes drift the same way. So genomes of middling
composition teach what genes look like where G and C are rare or common.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from elman.data.genome.nucleotides import IGNORE, UNKNOWN, Codes, Labels, reverse_complement

_AMINO = (
    "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"  # by codon, A C G T, table 1 and 11
)
STARTS = (14, 46, 62)  # ATG, GTG, TTG
_TGA, _TGG = 56, 58
_SYNONYMS = [np.flatnonzero(np.array(list(_AMINO)) == _AMINO[c]) for c in range(64)]
_GC = np.array([sum(d in (1, 2) for d in (c // 16, c // 4 % 4, c % 4)) for c in range(64)])
_UPSTREAM = 20  # bases before a gene that are not recode: ribosomes bind there


@dataclass(frozen=True)
class AnnotatedStretch:
    """A stretch of genome with its truth.

    codes: (L,) see data/genome/nucleotides.py; labels: (L,) classes, IGNORE where unknown; begins: (L, 2) bool, where
    genes begin on the forward and the reverse strand; tga: TGA is an amino acid here (genetic code 4).
    """

    codes: Codes
    labels: Labels
    begins: npt.NDArray[np.bool_]
    tga: bool = False


class WindowBatch(NamedTuple):
    """B training_windows of L bases: codes, labels (B, L), begins (B, L, 2) int8, -1 where no start codon stands."""

    codes: Codes
    labels: Labels
    begins: npt.NDArray[np.int8]


def reads_tga(codes: Codes, labels: Labels) -> bool:
    """Whether TGA stands inside genes: of its occurrences in frame, most are followed by more of the gene."""
    at = np.flatnonzero((labels[:-5] == 1) & (labels[2:-3] == 3))
    at = at[_codons(codes, at) == _TGA]
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
    """Batches of training_windows from random places, for ever; the n-th batch depends on seed and n alone.

    Args:
        stretches: what to cut from; a base is as likely to be cut from a short one as from a long one.
        batch: B
        length: L; where a crop reaches over the end of a stretch it is filled with unknown bases.
        rewrite: share of training_windows that are recode.
        seed: of the places and of all rewriting.
        first: number of the first batch.
    """
    sizes = np.array([len(s.codes) for s in stretches], np.float64)
    share = np.cumsum(sizes / sizes.sum())
    number = first
    while True:
        rng = np.random.default_rng([seed, 3, number])
        codes = np.full((batch, length), UNKNOWN, np.uint8)
        labels = np.full((batch, length), IGNORE, np.int8)
        begins = np.zeros((batch, length, 2), bool)
        chosen = np.minimum(np.searchsorted(share, rng.random(batch)), len(stretches) - 1)
        for i, which in enumerate(chosen):
            s = stretches[which]
            reach = min(length // 2, len(s.codes) // 2)
            at = int(rng.integers(-reach, len(s.codes) - reach + 1))
            low, high = max(at, 0), min(at + length, len(s.codes))
            here = slice(low - at, high - at)
            codes[i, here], labels[i, here], begins[i, here] = (
                s.codes[low:high],
                s.labels[low:high],
                s.begins[low:high],
            )
            if rng.random() < rewrite:
                codes[i] = recode(codes[i], labels[i], begins[i], s.tga, rng)
        yield WindowBatch(codes, labels, start_targets(codes, labels, begins))
        number += 1


def start_targets(codes: Codes, labels: Labels, begins: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """For every start codon, at its first base on its strand: 1 if a gene begins there, else 0; -1 elsewhere.

    Args:
        codes, labels: (B, L)
        begins: (B, L, 2)
    """
    out = np.full(begins.shape, -1, np.int8)
    for side in (0, 1):
        strand = codes if side == 0 else reverse_complement(codes)
        word = strand[:, :-2] * np.uint8(16) + strand[:, 1:-1] * np.uint8(4) + strand[:, 2:]
        whole = (strand[:, :-2] != UNKNOWN) & (strand[:, 1:-1] != UNKNOWN) & (strand[:, 2:] != UNKNOWN)
        starts = np.zeros(codes.shape, bool)
        starts[:, :-2] = np.isin(word, STARTS) & whole
        if side:
            starts = starts[:, ::-1]
        truth = begins[:, :, side]
        here = starts & ((labels != IGNORE) | truth)
        out[:, :, side][here] = truth[here]
    return out


def recode(
    codes: Codes, labels: Labels, begins: npt.NDArray[np.bool_], tga: bool, rng: np.random.Generator
) -> Codes:
    """The crop as another organism might have written it.

    Args:
        codes, labels: (L,)
        begins: (L, 2)
        tga: TGA is tryptophan in it; it becomes TGG.
        rng: decides.
    """
    gc_bias = rng.uniform(-2.2, 2.2)
    codon_weights = np.exp(gc_bias * _GC + rng.normal(0, 0.6, 64))
    out = codes.copy()
    kept = np.zeros(len(codes), bool)
    for begin in np.flatnonzero(begins[:, 0]):
        kept[max(begin - _UPSTREAM, 0) : begin + 3] = True
    for begin in np.flatnonzero(begins[:, 1]):
        kept[max(begin - 2, 0) : begin + _UPSTREAM + 1] = True
    gc = 1 / (1 + np.exp(-gc_bias / 2.2))
    fresh = np.where(rng.random(len(out)) < gc, 1, 0) ^ np.where(rng.random(len(out)) < 0.5, 3, 0)
    drift = (labels == 0) & (codes != UNKNOWN) & ~kept & (rng.random(len(out)) < 0.6)
    out[drift] = fresh[drift]
    for side in (0, 1):
        strand = out if side == 0 else reverse_complement(out)
        classes, hold = (labels, kept) if side == 0 else (labels[::-1], kept[::-1])
        p = 1 + 3 * side
        at = np.flatnonzero((classes[:-2] == p) & (classes[1:-1] == p + 1) & (classes[2:] == p + 2))
        at = at[
            ~hold[at] & (strand[at] != UNKNOWN) & (strand[at + 1] != UNKNOWN) & (strand[at + 2] != UNKNOWN)
        ]
        words = _codons(strand, at)
        new = _synonymous(words, codon_weights, tga, rng.random(len(words)))
        strand = strand.copy()
        strand[at], strand[at + 1], strand[at + 2] = new // 16, new // 4 % 4, new % 4
        out = strand if side == 0 else reverse_complement(strand)
    return out


def _codons(codes: Codes, at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    c = codes.astype(np.int64)
    word: npt.NDArray[np.int64] = c[at] * 16 + c[at + 1] * 4 + c[at + 2]
    return word


def _synonymous(
    words: npt.NDArray[np.int64],
    codon_weights: npt.NDArray[np.float64],
    tga: bool,
    chance: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """A synonymous codon for each of them, by codon_weights."""
    new = words.copy()
    for amino in sorted(set(_AMINO)):
        group = np.array([c for c in range(64) if _AMINO[c] == amino])
        here = np.isin(words, group)
        if tga and amino == "*":
            new[words == _TGA] = _TGG
            continue
        share = np.cumsum(codon_weights[group] / codon_weights[group].sum())
        new[here] = group[np.minimum(np.searchsorted(share, chance[here]), len(group) - 1)]
    return new
