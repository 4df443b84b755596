"""What is particular to one genome, learned from the genes found on it for sure, without labels.

Two model: which pairs of codons its genes use, against the words of the whole sequence; and what stands
around the start codons it uses, against those it passes over (a binding site of the ribosome above all).
Prodigal's training pass does the same in its own way (Hyatt et al., 2010).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.genome.gene_decoder import Gene, codon_tables
from elman.data.genome.nucleotides import Codes

MIN_LENGTH, MIN_PROBABILITY, MIN_GENES = (
    300,
    0.8,
    50,
)  # bases and probability of a sure gene, and how many of them are needed
_LIMIT = 3.0
PSEUDOCOUNT = 60.0  # sightings that a base's own share counts for beside its share behind another base


class GenomeModel(NamedTuple):
    """Log odds.

    kinds: (2, 65) int64, row of each start codon in the first table of context, -1 for other codons; by the
        codon read forward, for the forward and for the reverse strand.
    hexamers: (4096,) a pair of codons in a gene against anywhere.
    context: (1 + before + after, 5, 5) start codon, and bases around it by the base before each, where genes
        begin against elsewhere.
    """

    kinds: npt.NDArray[np.int64]
    hexamers: npt.NDArray[np.float32]
    context: npt.NDArray[np.float32]


def _kinds(code: int) -> npt.NDArray[np.int64]:
    """`GenomeModel.kinds` of a genetic code."""
    is_start = codon_tables(code)[0][0]
    kinds = np.full((2, 65), -1, np.int64)
    kinds[0, is_start] = np.arange(is_start.sum())
    every_codon = np.arange(64).reshape(4, 4, 4)
    kinds[1, :64] = kinds[0, every_codon[::-1, ::-1, ::-1].transpose(2, 1, 0).reshape(-1)]
    return kinds


def to_frame(model: GenomeModel | None) -> pl.DataFrame:
    """All numbers of model in one column, for the disk; none for None."""
    found = [] if model is None else [model.hexamers, model.context.reshape(-1)]
    return pl.DataFrame({"log_odds": np.concatenate([np.empty(0, np.float32), *found])})


def from_frame(frame: pl.DataFrame, code: int) -> GenomeModel | None:
    """Undo `to_frame`; code: the genetic code."""
    from elman.data.genome import genome_model_kernels as kernels

    if frame.is_empty():
        return None
    hexamers, context = np.split(frame["log_odds"].to_numpy(), [kernels.HEXAMERS])
    return GenomeModel(_kinds(code), hexamers, context.reshape(1 + kernels.BEFORE + kernels.AFTER, 5, 5))


@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    """How a gene finder adapts to a genome.

    shortest: bases a genome must have; longest: bases at its beginning that it is learned from; rounds: how
    often genes are found and learned from; codons, begins: weight of either habit, 0 for none.
    """

    shortest: int = 100_000
    longest: int = 3_000_000
    rounds: int = 2
    codons: float = 0.8
    begins: float = 3.5


def fit_genome_model(codes: Codes, genes: Sequence[Gene], code: int) -> GenomeModel | None:
    """The model of a genome; None where too few of its genes are sure.

    Args:
        codes: (L,)
        genes: what was found on it.
        code: its genetic code.
    """
    from elman.data.genome import genome_model_kernels as kernels

    sure = [
        g
        for g in genes
        if g.probability >= MIN_PROBABILITY and g.end - g.start >= MIN_LENGTH and not g.partial
    ]
    if len(sure) < MIN_GENES:
        return None
    is_stop = codon_tables(code)[1]
    kinds = _kinds(code)
    used, every = np.full(kernels.HEXAMERS, 0.5), np.full(kernels.HEXAMERS, 0.5)
    context = np.zeros((2, 1 + kernels.BEFORE + kernels.AFTER, 5, 5))
    starts, ends = (np.array([g[i] for g in sure], np.int64) for i in (0, 1))
    reverses = np.array([g.strand == "-" for g in sure])
    kernels.count(codes, starts, ends, reverses, kinds[0], is_stop[0, :64], used, every, context)
    hexamers = np.log(used / used.sum()) - np.log(every / every.sum())
    known = context[..., :4]
    single = known.sum(axis=2, keepdims=True) + 2
    single /= single.sum(axis=-1, keepdims=True)
    shares = known + PSEUDOCOUNT * single  # where a pair is rare, what the base alone says
    shares /= shares.sum(axis=-1, keepdims=True)
    odds = np.zeros(context.shape[1:], np.float32)  # an unknown base says nothing
    odds[..., :4] = np.log(shares[1]) - np.log(shares[0])
    return GenomeModel(kinds, np.clip(hexamers, -_LIMIT, _LIMIT).astype(np.float32), odds)


def score_bases(
    codes: Codes, words: npt.NDArray[np.uint8], model: GenomeModel, begin: int, end: int
) -> npt.NDArray[np.float32]:
    """What the model say of bases begin to end.

    Args:
        codes: (L,)
        words: (L,) of data.genome.nucleotides.codons_of.
        model: what is looked for.
        begin, end: where.

    Returns:
        (end - begin, 4): a gene begins here, forward and reverse; a codon begins here, likewise.
    """
    from elman.data.genome import genome_model_kernels as kernels

    out = np.empty((end - begin, 4), np.float32)
    kernels.score_bases(codes, words, begin, end, model.kinds, model.hexamers, model.context, out)
    return out
