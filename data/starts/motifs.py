"""Motifs before start codons: a mixture fitted to the starts of a genome by expectation maximisation.

Two motifs of six bases, each with a distribution of its place: the Shine-Dalgarno sequence, at which
ribosomes bind, and the -10 box of promoters, which lies before genes whose transcript begins with the start
codon (leaderless). The third part of the mixture is no motif. Each part has a share of its own among first
and among inner genes of operons, as promoters are rare before inner ones (Lomsadze et al., 2018).
Without a Shine-Dalgarno sequence, as in Bacteroides, the parts become what is there.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from elman.data.starts.motif_kernels import HEXAMERS, PLACES, UPSTREAM

MOTIF = 6  # bases of a motif
LARGEST_INNER = 2.0  # log odds that inner genes of operons add to others
ROUNDS = 25  # of expectation maximisation
FIRST_MOTIFS = ("AGGAGG", "TATAAT")
FIRST_PLACES = ((-10.5, 3.0), (-11.5, 1.2))  # mean and standard deviation of a motif's first base
STRENGTH = 20.0  # starts that the first motif counts for in each round, so that each part stays what it is
MOTIF_SHAPES = ((len(FIRST_MOTIFS), HEXAMERS), (len(FIRST_MOTIFS), PLACES), (2, len(FIRST_MOTIFS)))
_Float = npt.NDArray[np.float64]


class StartMotifs(NamedTuple):
    """A mixture of motifs; K motifs, without the part that has none.

    ratios: (K, HEXAMERS) likelihood of a hexamer in the motif against elsewhere. places: (K, PLACES) chance
        of each place, from UPSTREAM bases before the start codon on. shares: (2, K) of first and inner genes.
    """

    ratios: npt.NDArray[np.float32]
    places: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float32]


def fit_motifs(upstream: npt.NDArray[np.uint8], inner: npt.NDArray[np.bool_], base: _Float) -> StartMotifs:
    """Fit the mixture to the bases before start codons.

    Args:
        upstream: (n, UPSTREAM) codes of the bases before each start codon, 5' to 3', 4 for an unknown one.
        inner: (n,) True for inner genes of operons.
        base: (4,) frequencies of bases before other start codons.
    """
    letters = np.array([["ACGT".index(letter) for letter in motif] for motif in FIRST_MOTIFS])
    K = len(letters)
    first = np.full((K, MOTIF, 4), 0.1)
    np.put_along_axis(first, letters[..., None], 0.7, axis=2)
    at = np.arange(PLACES) - UPSTREAM
    place = np.array([np.exp(-0.5 * ((at - mean) / spread) ** 2) for mean, spread in FIRST_PLACES]) + 1e-3
    place /= place.sum(axis=1, keepdims=True)
    shares = np.tile([0.5, 0.1], (2, 1))
    onehot = np.eye(5)[upstream][..., :4]  # (n, UPSTREAM, 4)
    windows = np.stack([onehot[:, o : o + MOTIF] for o in range(PLACES)], axis=1)  # (n, PLACES, MOTIF, 4)
    flat = windows.reshape(len(upstream) * PLACES, MOTIF * 4).astype(np.float32)
    matrix, first_place, group = first.copy(), place.copy(), inner.astype(int)
    for _ in range(ROUNDS):
        odds = (np.log(matrix) - np.log(base)).reshape(K, -1)
        ratio = np.exp(flat @ odds.T.astype(np.float32)).reshape(len(upstream), PLACES, K).transpose(0, 2, 1)
        joint = shares[group][..., None] * place * ratio  # (n, K, PLACES)
        posterior = joint / ((1 - shares[group].sum(axis=1)) + joint.sum(axis=(1, 2)))[:, None, None]
        counts = posterior.transpose(1, 0, 2).reshape(K, -1).astype(np.float32) @ flat
        matrix = counts.reshape(K, MOTIF, 4) + STRENGTH * first + 1.0 * base
        matrix /= matrix.sum(axis=2, keepdims=True)
        place = posterior.sum(axis=0) + STRENGTH * first_place
        place /= place.sum(axis=1, keepdims=True)
        for side in (0, 1):
            found = posterior[group == side].sum(axis=(0, 2))
            shares[side] = (found + np.array([5.0, 1.0])) / ((group == side).sum() + 12.0)
    odds = np.log(matrix) - np.log(base)
    digits = np.arange(HEXAMERS)[:, None] // 4 ** np.arange(MOTIF - 1, -1, -1) % 4
    ratios = np.exp(odds[:, np.arange(MOTIF), digits].sum(axis=2))
    return StartMotifs(*(a.astype(np.float32) for a in (ratios, place, shares)))


def score_motifs(
    codes: npt.NDArray[np.uint8],
    words: npt.NDArray[np.uint8],
    is_start: npt.NDArray[np.bool_],
    motifs: StartMotifs,
    begin: int,
    out: npt.NDArray[np.float32],
) -> None:
    """Log odds of the motifs before start codons, written to columns 4 to 8 of `out`.

    Args:
        codes: (L,)
        words: (L,) codon that starts at each base, read forward.
        is_start: (2, 65) bool, by codon read forward, for genes of the forward and of the reverse strand.
        motifs: of the genome.
        begin: base of the first row of `out`.
        out: (n, 8): columns 4 and 5 of starts, forward and reverse; 6 and 7 what inner genes add.
    """
    from elman.data.starts import motif_kernels as kernels

    forward = np.flatnonzero(is_start[0][words[begin : begin + len(out)]])
    low = max(begin - 2, 0)
    reverse = np.flatnonzero(is_start[1][words[low : max(begin + len(out) - 2, low)]]) + low + 2 - begin
    for side, rows in enumerate((forward, reverse)):
        scores = np.empty((len(rows), 2), np.float32)
        kernels.score_starts(codes, rows + begin, np.full(len(rows), bool(side)), *motifs, scores)
        out[rows, 4 + side] = scores[:, 0]
        out[rows, 6 + side] = np.clip(scores[:, 1] - scores[:, 0], -LARGEST_INNER, LARGEST_INNER)
