"""Genome model: scores of one genome, self-trained on the genes found in it with confidence.

Parts: the pairs of codons in genes against hexamers anywhere, the bases around the start codons of genes
against those around other start codons, motifs before start codons (data/starts/motifs.py) and the distance
to the gene before (data/starts/spacing.py). Prodigal trains on the genome in a like way (Hyatt et al., 2010).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.genome.gene_decoder import Gene
from elman.data.genome.genetic_code import codon_tables, two_strands
from elman.data.genome.nucleotides import UNKNOWN, Codes
from elman.data.starts.motifs import MOTIF_SHAPES, StartMotifs, fit_motifs, score_motifs
from elman.data.starts.spacing import FIRSTS, SpacingCounts, count_distances, spacing_odds

MIN_LENGTH, MIN_PROBABILITY = 300, 0.8  # bases and probability of a gene that is fitted on
MIN_GENES = 50  # such genes that a model needs
PSEUDOCOUNT = 60.0  # observations that the frequency of a base counts for, beside its frequency after another
_LIMIT = 3.0  # largest log odds of a hexamer
_NEAR = 500  # bases from which on a distance between genes is not told from larger ones


class GenomeModel(NamedTuple):
    """Log odds.

    kinds: (2, 65) int64, number of each start codon among the start codons, -1 for other codons; by codon
        read forward, for genes of the forward and of the reverse strand.
    hexamers: (4096,) of a pair of codons in a gene, against anywhere.
    context: (1 + before + after, 5, 5) of the start codon, and of each base around it given the base before,
        at starts of genes against other start codons.
    motifs: before start codons; None where they are not looked at.
    spacing: (n,) of a start by its distance to the gene before, see `spacing.FIRSTS`.
    """

    kinds: npt.NDArray[np.int64]
    hexamers: npt.NDArray[np.float32]
    context: npt.NDArray[np.float32]
    motifs: StartMotifs | None = None
    spacing: npt.NDArray[np.float32] = np.zeros(len(FIRSTS), np.float32)


def _kinds(code: int) -> npt.NDArray[np.int64]:
    """`GenomeModel.kinds` of a genetic code."""
    is_start = codon_tables(code)[0][0, :64]
    kinds = np.full(64, -1, np.int64)
    kinds[is_start] = np.arange(is_start.sum())
    return np.pad(two_strands(kinds), ((0, 0), (0, 1)), constant_values=-1)


def to_frame(model: GenomeModel | None) -> pl.DataFrame:
    """A model as one column of numbers, to be stored; empty for None."""
    arrays = [] if model is None else [model.hexamers, model.spacing, *(model.motifs or ()), model.context]
    return pl.DataFrame({"log_odds": np.concatenate([np.empty(0, np.float32), *(a.ravel() for a in arrays)])})


def from_frame(frame: pl.DataFrame, code: int, adapt: "AdaptConfig | None" = None) -> GenomeModel | None:
    """Undo `to_frame`; code: the genetic code; adapt: the settings the model was fitted with."""
    from elman.data.genome import genome_model_kernels as kernels

    if frame.is_empty():
        return None
    adapt = adapt or AdaptConfig()
    shapes = [(kernels.HEXAMERS,), (len(FIRSTS),), *(MOTIF_SHAPES if adapt.motifs else ())]
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    *parts, context = np.split(frame["log_odds"].to_numpy(), ends)
    hexamers, spacing, *motifs = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
    context = context.reshape(1 + adapt.before + kernels.AFTER, 5, 5)
    return GenomeModel(_kinds(code), hexamers, context, StartMotifs(*motifs) if motifs else None, spacing)


@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    """Settings of a genome model: its fit and its weights.

    shortest: bases of a genome that gets one. longest: bases at its beginning that are used. rounds: of
    finding genes and fitting. early: bases that all rounds but the last use, all of them if None. codons,
    begins: weight of codon pairs and of bases around starts, 0 for none. before: bases before a start codon
    that are looked at. motifs: weight of motifs before starts, 0 for none. spacing: weight of the distance to
    the gene before, 0 for none. spacing_starts, spacing_others: share of starts and of other start codons by
    that distance in training genomes, which other genomes begin from.
    """

    shortest: int = 100_000
    longest: int = 3_000_000
    rounds: int = 2
    early: int | None = None
    codons: float = 0.8
    begins: float = 3.5
    before: int = 24
    motifs: float = 0.0
    spacing: float = 0.0
    spacing_starts: Sequence[float] = ()
    spacing_others: Sequence[float] = ()

    def __post_init__(self) -> None:
        """Make the sequences tuples, as JSON has lists."""
        for name in ("spacing_starts", "spacing_others"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def spacing_prior(self) -> SpacingCounts:
        """Counts of distances to begin from; none where the settings have none."""
        if not self.spacing_starts:
            return SpacingCounts.none()
        return SpacingCounts(np.array(self.spacing_starts), np.array(self.spacing_others))


def fit_genome_model(
    codes: Codes, genes: Sequence[Gene], code: int, adapt: AdaptConfig | None = None
) -> GenomeModel | None:
    """Fit the model of a genome; None if too few of its genes are confident.

    Args:
        codes: (L,)
        genes: found in it, by start.
        code: genetic code of NCBI.
        adapt: what is fitted.
    """
    from elman.data.genome import genome_model_kernels as kernels

    adapt = adapt or AdaptConfig()
    sure = [is_sure(gene) for gene in genes]
    confident = [gene for gene, is_sure in zip(genes, sure, strict=True) if is_sure]
    if len(confident) < MIN_GENES:
        return None
    is_stop = codon_tables(code)[1]
    kinds = _kinds(code)
    used, every = np.full(kernels.HEXAMERS, 0.5), np.full(kernels.HEXAMERS, 0.5)
    context = np.zeros((2, 1 + adapt.before + kernels.AFTER, 5, 5))
    starts, ends = (np.array([g[i] for g in confident], np.int64) for i in (0, 1))
    reverses = np.array([g.strand == "-" for g in confident])
    kernels.count(codes, starts, ends, reverses, kinds[0], is_stop[0, :64], used, every, context)
    hexamers = np.log(used / used.sum()) - np.log(every / every.sum())
    known = context[..., :4]
    single = known.sum(axis=2, keepdims=True) + 2
    single /= single.sum(axis=-1, keepdims=True)
    shares = known + PSEUDOCOUNT * single  # for a rare pair the frequency of the base alone
    shares /= shares.sum(axis=-1, keepdims=True)
    odds = np.zeros(context.shape[1:], np.float32)  # none for an unknown base
    odds[..., :4] = np.log(shares[1]) - np.log(shares[0])
    hexamers = np.clip(hexamers, -_LIMIT, _LIMIT).astype(np.float32)
    sample = collect_starts(codes, genes, np.array(sure), code)
    motifs = fit_motifs(sample.upstream, sample.inner, sample.bases) if adapt.motifs else None
    return GenomeModel(kinds, hexamers, odds, motifs, spacing_odds(sample.distances, adapt.spacing_prior))


def is_sure(gene: Gene) -> bool:
    """Return True for a gene that is fitted on."""
    return gene.probability >= MIN_PROBABILITY and gene.end - gene.start >= MIN_LENGTH and not gene.partial


class StartSample(NamedTuple):
    """Starts of genes and other start codons in their frame.

    upstream: (n, UPSTREAM) bases before each start. inner: (n,) True for inner genes of operons. bases: (4,)
    frequencies before other start codons. distances: of starts and of others to the gene before.
    """

    upstream: Codes
    inner: npt.NDArray[np.bool_]
    bases: npt.NDArray[np.float64]
    distances: SpacingCounts


def collect_starts(
    codes: Codes, genes: Sequence[Gene], sure: npt.NDArray[np.bool_], code: int
) -> StartSample:
    """Collect the starts of the sure ones among genes, and their distances to others that are sure.

    Args:
        codes: (L,)
        genes: by start.
        sure: (n,) bool
        code: genetic code of NCBI.
    """
    from elman.data.starts import motif_kernels
    from elman.data.starts.neighbour_kernels import LONGEST_OVERLAP, OPERON

    starts, ends = (np.array([gene[i] for gene in genes], np.int64) for i in (0, 1))
    reverse = np.array([gene.strand == "-" for gene in genes], bool)
    gap, same = starts[1:] - ends[:-1], reverse[1:] == reverse[:-1]
    for i in np.flatnonzero(same & (gap > 0) & (gap < _NEAR)).tolist():
        same[i] = not (codes[ends[i] : starts[i + 1]] == UNKNOWN).any()  # of one contig
    distance, known = np.full(len(genes), _NEAR), np.zeros(len(genes), bool)
    for side, (own, before) in enumerate(((slice(1, None), slice(-1)), (slice(-1), slice(1, None)))):
        mine = same & (reverse[own] == bool(side))
        distance[own][mine] = np.minimum(gap[mine], _NEAR)
        known[own][mine] = sure[before][mine] & (gap[mine] >= -LONGEST_OVERLAP)
    starts, ends, reverse, distance, known = (a[sure] for a in (starts, ends, reverse, distance, known))
    upstream = np.empty((len(starts), motif_kernels.UPSTREAM), np.uint8)
    bases, others = np.ones(4), np.empty(len(starts) * motif_kernels.MOST_OTHERS, np.int64)
    is_start, is_stop = (table[0, :64] for table in codon_tables(code))
    asked = np.where(known, distance, _NEAR + 1)
    count = motif_kernels.collect(
        codes, starts, ends, reverse, is_start, is_stop, asked, _NEAR, upstream, bases, others
    )
    counts = count_distances(distance[known], others[:count])
    return StartSample(upstream, distance <= OPERON, bases / bases.sum(), counts)


def score_bases(
    codes: Codes, words: npt.NDArray[np.uint8], model: GenomeModel, begin: int, end: int
) -> npt.NDArray[np.float32]:
    """Log odds of bases begin to end.

    Args:
        codes: (L,)
        words: (L,) of `nucleotides.codons_of`.
        model: of the genome.
        begin, end: bases to score.

    Returns:
        (end - begin, 8): that a gene starts at the base, forward and reverse; that a codon does, likewise; of
        the motif before a start, likewise, and what is added to that in inner genes of operons, likewise.
    """
    from elman.data.genome import genome_model_kernels as kernels

    out = np.zeros((end - begin, 8), np.float32)
    kernels.score_bases(codes, words, begin, end, model.kinds, model.hexamers, model.context, out)
    if model.motifs is not None:
        score_motifs(codes, words, model.kinds >= 0, model.motifs, begin, out)
    return out


def weighted(scores: npt.NDArray[np.float32], adapt: AdaptConfig) -> npt.NDArray[np.float32]:
    """Scores of `score_bases` by their weights, (n, 6) as `GeneDecoder.feed` takes them."""
    out = np.empty((len(scores), 6), np.float32)
    out[:, :2] = adapt.begins * scores[:, :2] + adapt.motifs * scores[:, 4:6]
    out[:, 2:4] = adapt.codons * scores[:, 2:4]
    out[:, 4:] = adapt.motifs * scores[:, 6:]
    return out
