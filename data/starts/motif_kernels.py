"""Numba kernels of data/starts/motifs.py. Codes 0 to 3, 4 unknown; strands are read 5' to 3'."""

import numpy as np
from numba import njit

from elman.data.starts.strand_kernels import base_at

HEXAMERS = 4096
UPSTREAM = 24  # bases before a start codon in which a motif may lie
PLACES = UPSTREAM - 5  # of a motif's first base
AHEAD, BEHIND = 120, 150  # bases around a start in which other start codons are compared with it
MOST_OTHERS = (AHEAD + BEHIND) // 3  # of one start


@njit(cache=True, nogil=True)
def hexamers(codes, forward, backward):
    """Hexamer from each base on, read forward, and up to it, read on the reverse strand.

    codes (L,) -> forward, backward (L,) int16, filled; -1 with an unknown base and over an end.
    """
    word = other = known = 0
    forward[:], backward[:] = -1, -1
    for i in range(len(codes)):
        code = codes[i]
        known = known + 1 if code < 4 else 0
        word = (word << 2 | (code & 3)) & (HEXAMERS - 1)
        other = other >> 2 | (3 - (code & 3)) << 10
        if known >= 6:
            forward[i - 5] = word
            backward[i] = other


@njit(cache=True, nogil=True)
def _score(words, at, step, ratios, places, shares, out):
    """Log likelihood ratio of the bases before a start codon at base `at`, of first and inner genes."""
    first, inner = 1.0 - shares[0].sum(), 1.0 - shares[1].sum()
    for k in range(len(ratios)):
        total = 0.0
        for o in range(PLACES):
            p = at - step * (UPSTREAM - o)
            if p >= 0 and p < len(words) and words[p] >= 0:
                total += places[k, o] * ratios[k, words[p]]
            else:
                total += places[k, o]
        first += shares[0, k] * total
        inner += shares[1, k] * total
    out[0], out[1] = np.log(first), np.log(inner)


@njit(cache=True, nogil=True)
def score_starts(codes, places, reverses, ratios, chances, shares, out):
    """Scores of start codons -> out (n, 2), as first and as inner genes of operons.

    codes: (L,); places, reverses: (n,) first base of each start codon on its strand, forward coordinates;
    ratios, chances, shares: of `StartMotifs`.
    """
    forward, backward = np.empty(len(codes), np.int16), np.empty(len(codes), np.int16)
    hexamers(codes, forward, backward)
    for i in range(len(places)):
        words, step = (backward, -1) if reverses[i] else (forward, 1)
        _score(words, places[i], step, ratios, chances, shares, out[i])


@njit(cache=True, nogil=True)
def collect(codes, starts, ends, reverses, is_start, is_stop, distances, reach, upstream, bases, others):
    """Collect what lies before starts of genes and before other start codons in their frame.

    Args:
        codes: (L,)
        starts, ends, reverses: (n,) genes, forward coordinates; True on the reverse strand.
        is_start, is_stop: (64,) bool
        distances: (n,) from the gene before on the same strand; above `reach` if that is not known.
        reach: largest known distance.
        upstream: (n, UPSTREAM) uint8, filled with the bases before each start.
        bases: (4,) counts of bases before other start codons, added to.
        others: (n * MOST_OTHERS,) int64, filled with the distances of other start codons.

    Returns:
        number of `others`.
    """
    count, L = 0, len(codes)
    for g in range(len(starts)):
        reverse = reverses[g]
        low, high = (L - ends[g], L - starts[g]) if reverse else (starts[g], ends[g])
        for j in range(UPSTREAM):
            upstream[g, j] = base_at(codes, low - UPSTREAM + j, reverse)
        place, step = low - 3, -3
        while place < min(low + BEHIND, high - 3):
            if place < max(low - AHEAD, 0):
                place, step = low + 3, 3
                continue
            a, b, c = (
                base_at(codes, place, reverse),
                base_at(codes, place + 1, reverse),
                base_at(codes, place + 2, reverse),
            )
            known = a < 4 and b < 4 and c < 4
            word = 16 * a + 4 * b + c if known else 0
            if step < 0 and (word < 0 or is_stop[word]):
                place, step = low + 3, 3
                continue
            if word >= 0 and is_start[word]:
                for j in range(UPSTREAM):
                    code = base_at(codes, place - UPSTREAM + j, reverse)
                    if code < 4:
                        bases[code] += 1
                if distances[g] <= reach:
                    others[count] = distances[g] + place - low
                    count += 1
            place += step
    return count
