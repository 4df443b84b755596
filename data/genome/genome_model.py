"""Genome model: scores of one genome, self-trained on the genes found in it with confidence.

Two parts: the pairs of codons in genes against hexamers anywhere, and the bases around the start codons of
genes, the ribosome binding site above all, against those around other start codons. Prodigal trains on the
genome in a like way (Hyatt et al., 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.genome.gene_decoder import Gene
from elman.data.genome.genetic_code import codon_tables, two_strands
from elman.data.genome.nucleotides import Codes

MIN_LENGTH, MIN_PROBABILITY = 300, 0.8  # bases and probability of a gene that is fitted on
MIN_GENES = 50  # such genes that a model needs
PSEUDOCOUNT = 60.0  # observations that the frequency of a base counts for, beside its frequency after another
_LIMIT = 3.0  # largest log odds of a hexamer


class GenomeModel(NamedTuple):
    """Log odds.

    kinds: (2, 65) int64, number of each start codon among the start codons, -1 for other codons; by codon
        read forward, for genes of the forward and of the reverse strand.
    hexamers: (4096,) of a pair of codons in a gene, against anywhere.
    context: (1 + before + after, 5, 5) of the start codon, and of each base around it given the base before,
        at starts of genes against other start codons.
    """

    kinds: npt.NDArray[np.int64]
    hexamers: npt.NDArray[np.float32]
    context: npt.NDArray[np.float32]


def _kinds(code: int) -> npt.NDArray[np.int64]:
    """`GenomeModel.kinds` of a genetic code."""
    is_start = codon_tables(code)[0][0, :64]
    kinds = np.full(64, -1, np.int64)
    kinds[is_start] = np.arange(is_start.sum())
    return np.pad(two_strands(kinds), ((0, 0), (0, 1)), constant_values=-1)


def to_frame(model: GenomeModel | None) -> pl.DataFrame:
    """A model as one column of numbers, to be stored; empty for None."""
    arrays = [] if model is None else [model.hexamers, model.context.reshape(-1)]
    return pl.DataFrame({"log_odds": np.concatenate([np.empty(0, np.float32), *arrays])})


def from_frame(frame: pl.DataFrame, code: int) -> GenomeModel | None:
    """Undo `to_frame`; code: the genetic code."""
    from elman.data.genome import genome_model_kernels as kernels

    if frame.is_empty():
        return None
    hexamers, context = np.split(frame["log_odds"].to_numpy(), [kernels.HEXAMERS])
    return GenomeModel(_kinds(code), hexamers, context.reshape(1 + kernels.BEFORE + kernels.AFTER, 5, 5))


@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    """Settings of a genome model: its fit and its weights.

    shortest: bases of a genome that gets one. longest: bases at its beginning that are used. rounds: of
    finding genes and fitting. codons, begins: weight of codon pairs and of starts, 0 for none.
    """

    shortest: int = 100_000
    longest: int = 3_000_000
    rounds: int = 2
    codons: float = 0.8
    begins: float = 3.5


def fit_genome_model(codes: Codes, genes: Sequence[Gene], code: int) -> GenomeModel | None:
    """Fit the model of a genome; None if too few of its genes are confident.

    Args:
        codes: (L,)
        genes: found in it.
        code: genetic code of NCBI.
    """
    from elman.data.genome import genome_model_kernels as kernels

    confident = [
        g
        for g in genes
        if g.probability >= MIN_PROBABILITY and g.end - g.start >= MIN_LENGTH and not g.partial
    ]
    if len(confident) < MIN_GENES:
        return None
    is_stop = codon_tables(code)[1]
    kinds = _kinds(code)
    used, every = np.full(kernels.HEXAMERS, 0.5), np.full(kernels.HEXAMERS, 0.5)
    context = np.zeros((2, 1 + kernels.BEFORE + kernels.AFTER, 5, 5))
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
    return GenomeModel(kinds, np.clip(hexamers, -_LIMIT, _LIMIT).astype(np.float32), odds)


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
        (end - begin, 4): that a gene starts at the base, forward and reverse; that a codon does, likewise.
    """
    from elman.data.genome import genome_model_kernels as kernels

    out = np.empty((end - begin, 4), np.float32)
    kernels.score_bases(codes, words, begin, end, model.kinds, model.hexamers, model.context, out)
    return out
