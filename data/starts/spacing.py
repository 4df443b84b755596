"""Spacing of genes: log odds of a start by the distance to the gene before it on the same strand.

Genes of an operon often overlap by four bases (ATGA: the start codon and the stop codon share them) or by
one, or follow within some tens of bases. The distance is that from the end of the gene before to the start,
negative where they overlap, read 5' to 3'. Prodigal (Hyatt et al., 2010) scores it likewise.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_Int = npt.NDArray[np.int64]
# First distance of each bin; the last bin is open, and none begins before -LONGEST_OVERLAP.
FIRSTS = (-45, -29, -11, -10, -8, -7, -4, -3, -1, 0, 6, 16, 31, 61, 101, 181)
PRIOR = 200.0  # starts that the frequencies of other genomes count for
FEWEST = 200  # neighbours on one strand that a frequency is learned from


class SpacingCounts(NamedTuple):
    """Counts of start codons by the bin of their distance, (n,) each: starts of genes, others in frame."""

    starts: npt.NDArray[np.float64]
    others: npt.NDArray[np.float64]

    @classmethod
    def none(cls) -> "SpacingCounts":
        """No counts."""
        return cls(np.zeros(len(FIRSTS)), np.zeros(len(FIRSTS)))

    @property
    def without_overlaps(self) -> bool:
        """True if no neighbours overlap, of enough of them: such an annotation was cut, or some left out."""
        return self.starts.sum() >= FEWEST and not self.starts[: FIRSTS.index(0)].any()


def count_distances(starts: _Int, others: _Int) -> SpacingCounts:
    """Count distances of starts of genes and of other start codons; those below the first are left out."""
    edges = np.array([*FIRSTS, np.iinfo(np.int64).max])
    return SpacingCounts(*(np.histogram(d, edges)[0].astype(np.float64) for d in (starts, others)))


def spacing_odds(counts: SpacingCounts, prior: SpacingCounts) -> npt.NDArray[np.float32]:
    """Log odds by bin, (n,), of counts with a prior that weighs as much as PRIOR starts.

    Zero everywhere where the prior has no counts.
    """
    if not (prior.starts.any() and prior.others.any()):
        return np.zeros(len(FIRSTS), np.float32)
    shares = []
    for own, other in zip(counts, prior, strict=True):
        smooth = (other + 0.5) / (other.sum() + 0.5 * len(FIRSTS))
        mixed = own + PRIOR * smooth
        shares.append(mixed / mixed.sum())
    odds: npt.NDArray[np.float32] = np.log(shares[0] / shares[1]).astype(np.float32)
    return odds


def by_distance(odds: Sequence[float] | npt.NDArray[np.float32], weight: float) -> npt.NDArray[np.float64]:
    """Scores of distances from -LONGEST_OVERLAP on, the last for larger ones: log odds by bin, weighted."""
    from elman.data.starts.neighbour_kernels import FARTHEST, LONGEST_OVERLAP

    distances = np.arange(-LONGEST_OVERLAP, FARTHEST + 2)
    bins = np.searchsorted(np.array(FIRSTS), distances, side="right") - 1
    return weight * np.asarray(odds, np.float64)[bins]


def shares_of(counts: Sequence[SpacingCounts]) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean share of each bin over genomes, for starts and for other start codons.

    Genomes with fewer than FEWEST neighbours count together as one, those whose annotation has no overlaps do
    not count. None if too few are left.
    """
    few = SpacingCounts.none()
    large = []
    for own in counts:
        if own.starts.sum() < FEWEST:
            few = SpacingCounts(few.starts + own.starts, few.others + own.others)
        elif not own.without_overlaps:
            large.append(own)
    if few.starts.sum() >= FEWEST and not few.without_overlaps:
        large.append(few)
    if not large:
        return None
    starts, others = (np.mean([share[i] / max(share[i].sum(), 1) for share in large], axis=0) for i in (0, 1))
    return tuple(starts.round(6).tolist()), tuple(others.round(6).tolist())
