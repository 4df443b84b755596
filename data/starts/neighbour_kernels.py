"""Numba kernels of neighbouring genes: the score of their distance, and genes that may come before the next.

Genes are in the states of data/genome/gene_decoder_kernels.py: 1 to 3 forward, 4 to 6 reverse. Two neighbours
on one strand are scored by the distance from the end of the first to the beginning of the second, in forward
coordinates: on either strand that is the distance between the start of one gene and the stop of the other.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]
LONGEST_OVERLAP = 45  # bases neighbours may share; half the shortest gene, so that no three genes share one
FARTHEST = 180  # bases between neighbours from which on their distance makes no difference
OPERON = 60  # bases at most from the gene before, on the same strand, of an inner gene of an operon
# Columns of `ended`, genes that may come before the next one: score, end, strand (of NO_GENE, FORWARD,
# REVERSE), event, further score if the gene is an inner one of an operon. No more than ENDED genes end within
# FARTHEST bases.
SCORE, END, STRAND, EVENT, INNER = 0, 1, 2, 3, 4
NO_GENE, FORWARD, REVERSE = 0, 1, 2
ENDED = 2 * FARTHEST + 8


@njit(cache=True, nogil=True, inline="always")
def strand_of(s):
    """Strand of a gene state."""
    return FORWARD if s <= 3 else REVERSE


@njit(cache=True, nogil=True, inline="always")
def orientation(s, t):
    """Two neighbours in states s and t: 0 on one strand, 1 convergent, 2 divergent."""
    return 0 if strand_of(s) == strand_of(t) else strand_of(s)


@njit(cache=True, nogil=True, inline="always")
def spacing_score(spacing, before, strand, distance, inner):
    """Score of a gene on a strand `distance` bases behind a gene on the strand `before`.

    inner: further score if the one of both whose start is between them is an inner gene of an operon.
    """
    if before != strand:
        return 0.0
    score = spacing[LONGEST_OVERLAP + min(distance, FARTHEST + 1)]
    return score + inner if distance <= OPERON else score


@njit(cache=True, nogil=True)
def best_before(i, strand, inner, spacing, ended, filled):
    """Best of the genes before one on a strand that opens at base i: the score with it, and its event.

    inner: further score of the gene that opens, if it is forward and an inner one of an operon.
    """
    score, event = -np.inf, np.int64(-1)
    for row in ended[: filled[0]]:
        own = inner if strand == FORWARD else row[INNER]
        v = row[SCORE] + spacing_score(spacing, np.int64(row[STRAND]), strand, i - np.int64(row[END]), own)
        if v > score:
            score, event = v, np.int64(row[EVENT])
    return score, event


@njit(cache=True, nogil=True, inline="always")
def _copy(ended, e, into):
    """ended[into] = ended[e]; such an assignment of slices compiles the text of its error, for seconds."""
    for j in range(ended.shape[1]):
        ended[into, j] = ended[e, j]


@njit(cache=True, nogil=True)
def add_ended(score, end, strand, event, inner, best, slack, ended, filled):
    """Add a gene that ended to `ended`, and drop those that are the best before no gene.

    inner: further score if it is an inner gene of an operon, 0 of a forward one; best: score so far.
    """
    far = np.full(3, -1)
    left = 0
    for e in range(filled[0]):
        if ended[e, SCORE] < best - slack:
            continue
        kind = np.int64(ended[e, STRAND])
        if end - ended[e, END] > FARTHEST:  # of these one a strand will do
            if far[kind] >= 0:
                if ended[e, SCORE] > ended[far[kind], SCORE]:
                    _copy(ended, e, far[kind])
                continue
            far[kind] = left
        _copy(ended, e, left)
        left += 1
    row = ended[left]
    row[SCORE], row[END], row[STRAND], row[EVENT], row[INNER] = score, end, strand, event, inner
    filled[0] = left + 1
