"""Numba kernels of data/genome/training_windows.py, in the order of the draws: no sum is reordered.

L bases of codes 0 to 3, or UNKNOWN. A strand is walked by its direction d: +1 from the low end up, or -1 from
the high end down, where the codes are complemented and the codon positions are classes 4, 5 and 6.
"""

import numpy as np
from numba import njit

from elman.data.genome.nucleotides import IGNORE, TGA, UNKNOWN

START_CODONS = (14, 46, 62)  # ATG, GTG, TTG
TGG = 58


@njit(cache=True, nogil=True, inline="always")
def _codon(codes, at, d):
    """Number of the codon whose first base is `at`, 0 to 63; -1 with an unknown base."""
    word = 0
    for i in range(3):
        code = codes[at + i * d]
        if code >= UNKNOWN:
            return -1
        word = word * 4 + (code if d > 0 else 3 - code)
    return word


@njit(cache=True, nogil=True)
def fixed_bases(starts, upstream, fixed):
    """Set fixed (L,) at each start codon and `upstream` bases before it; starts (L, 2) by strand."""
    L = len(fixed)
    for i in range(L):
        if starts[i, 0]:
            for j in range(max(i - upstream, 0), min(i + 3, L)):
                fixed[j] = True
        if starts[i, 1]:
            for j in range(max(i - 2, 0), min(i + upstream + 1, L)):
                fixed[j] = True


@njit(cache=True, nogil=True)
def drift(codes, labels, fixed, gc, draws):
    """Redraw known bases between genes, in place, with probability 0.6 each.

    draws (3, L) uniform: below `gc` a base becomes C or G, else A or T; which of the two; whether at all.
    """
    for i in range(len(codes)):
        if labels[i] == 0 and codes[i] != UNKNOWN and not fixed[i] and draws[2, i] < 0.6:
            code = 1 if draws[0, i] < gc else 0
            codes[i] = 3 - code if draws[1, i] < 0.5 else code


@njit(cache=True, nogil=True)
def whole_codons(codes, labels, fixed, d):
    """First bases of the known codons in frame on a strand whose first base is not fixed, 5' to 3'."""
    L, first, count = len(codes), 1 if d > 0 else 4, 0
    out = np.empty(L // 3 + 1, np.int64)
    for k in range(L - 2):
        i = k if d > 0 else L - 1 - k
        if (
            labels[i] == first
            and labels[i + d] == first + 1
            and labels[i + 2 * d] == first + 2
            and not fixed[i]
            and _codon(codes, i, d) >= 0
        ):
            out[count] = i
            count += 1
    return out[:count]


@njit(cache=True, nogil=True)
def replace_codons(codes, at, d, synonyms, preference, tga, chance):
    """Replace codons by synonymous ones, in place, drawn in proportion to preference (64,).

    Args:
        codes: (L,)
        at: (n,) of `whole_codons`.
        d: direction of the strand.
        synonyms: codons (64,) of the first amino acid, then of the second ..., stops last; where those of
            each begin and end (A + 1,); amino acid of each codon (64,).
        preference: (64,)
        tga: TGA becomes TGG, other stops stay.
        chance: (n,) uniform draws.
    """
    codons, ends, family = synonyms
    share = np.empty(64)
    for a in range(len(ends) - 1):
        total = 0.0
        for c in range(ends[a], ends[a + 1]):
            total += preference[codons[c]]
        running = 0.0
        for c in range(ends[a], ends[a + 1]):
            running += preference[codons[c]] / total
            share[c] = running
    stop = len(ends) - 2
    for n in range(len(at)):
        i = at[n]
        word = _codon(codes, i, d)
        a = family[word]
        if tga and a == stop:
            new = TGG if word == TGA else word
        else:
            c = ends[a]
            while c < ends[a + 1] - 1 and share[c] < chance[n]:
                c += 1
            new = codons[c]
        for k, code in enumerate((new // 16, new // 4 % 4, new % 4)):
            codes[i + k * d] = code if d > 0 else 3 - code


@njit(cache=True, nogil=True)
def start_targets(codes, labels, starts, out):
    """Set out (B, L, 2), which holds -1, at start codons; see `training_windows.start_targets`."""
    B, L = codes.shape
    for b in range(B):
        for side in range(2):
            d = 1 - 2 * side
            for k in range(L - 2):
                i = k if d > 0 else L - 1 - k
                word = _codon(codes[b], i, d)
                if word in START_CODONS and (labels[b, i] != IGNORE or starts[b, i, side]):
                    out[b, i, side] = 1 if starts[b, i, side] else 0
