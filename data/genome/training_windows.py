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

from elman.data.genome import training_windows_kernels as kernels
from elman.data.genome.genetic_code import amino_acids_of
from elman.data.genome.nucleotides import IGNORE, TGA, UNKNOWN, Codes, Labels
from elman.data.starts.spacing import SpacingCounts

_GC = np.array([sum(d in (1, 2) for d in (c // 16, c // 4 % 4, c % 4)) for c in range(64)])
_UPSTREAM = 20  # bases before a gene that are not recoded: ribosomes bind there


@dataclass(frozen=True)
class AnnotatedStretch:
    """A stretch of a genome with its annotation.

    codes: (L,) of `nucleotides.encode_bases`; labels: (L,) classes of `nucleotides.frame_labels`; starts: (L,
    2) bool, start sites on the forward and the reverse strand; tga: TGA codes for an amino acid (genetic code
    4); spacing: distances of its genes to the genes before them.
    """

    codes: Codes
    labels: Labels
    starts: npt.NDArray[np.bool_]
    tga: bool = False
    spacing: SpacingCounts | None = None


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
    kernels.start_targets(codes, labels, starts, out)
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
    kernels.fixed_bases(starts, _UPSTREAM, fixed)
    gc = 1 / (1 + np.exp(-gc_bias / 2.2))
    kernels.drift(out, labels, fixed, gc, rng.random((3, len(out))))
    synonyms = _synonyms()
    for direction in (1, -1):
        at = kernels.whole_codons(out, labels, fixed, direction)
        chance = rng.random(len(at))
        kernels.replace_codons(out, at, direction, synonyms, preference, tga, chance)
    return out


def _codons(codes: Codes, at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    c = codes.astype(np.int64)
    word: npt.NDArray[np.int64] = c[at] * 16 + c[at + 1] * 4 + c[at + 2]
    return word


@cache
def _synonyms() -> tuple[npt.NDArray[np.int64], ...]:
    """Codons by amino acid, stops last, in genetic code 11, as `replace_codons` takes them."""
    letters = amino_acids_of(11)
    aminos = [*sorted(set(letters) - {"*"}), "*"]
    families = [[c for c in range(64) if letters[c] == amino] for amino in aminos]
    return (
        np.concatenate(families),
        np.cumsum([0, *map(len, families)]),
        np.array([aminos.index(letter) for letter in letters]),
    )
