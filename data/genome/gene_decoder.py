"""Gene decoder: the best set of legal genes on both strands for the logits of the network.

A gene is an open reading frame, from a start codon to the first stop codon in its frame. One that is cut off
by an end of the contig or by a gap, a long run of unknown bases, is partial; shorter runs are read through.
Neighbours may overlap by a few bases; a shared base counts once, for the class with the higher score.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from elman.data.genome.genetic_code import codon_tables

LOOK_BACK = 48  # bases before a block that the decoder needs again


class Gene(NamedTuple):
    """A gene, 0-based half-open.

    phase: bases to skip from the 5' end to the first whole codon. probability: mean probability of its bases'
    classes. partial: the low end (1), the high end (2) or both (3) are cut off by the contig or a gap.
    """

    start: int
    end: int
    strand: str
    phase: int
    probability: float
    partial: int


@dataclass(frozen=True, kw_only=True)
class DecodeConfig:
    """Scores of the gene decoder, in log units.

    code: genetic code of NCBI. weight: of the log odds of a base, as neighbouring bases are not independent.
    begin: weight of the log odds of a start codon. gene: cost of a gene. overlap, convergent,
    divergent: cost of a base shared by neighbours on one strand, of ends, of starts. codon: score of a codon.
    partial: cost of an end that is cut off. brief: further cost of a gene shorter than `usual` bases, in
    proportion to the missing ones. shortest, shortest_partial: bases of a gene. gap: unknown bases of a gap.
    """

    code: int = 11
    weight: float = 0.05
    gene: float = -4.5
    codon: float = 0.0
    begin: float = 1.2
    overlap: float = 0.1
    convergent: float = 0.1
    divergent: float = 0.1
    partial: float = 2.0
    brief: float = 12.0
    usual: int = 200
    shortest: int = 90
    shortest_partial: int = 60
    gap: int = 50

    @property
    def reach(self) -> int:
        """Bases after a block that the decoder looks ahead at."""
        return max(self.usual, self.shortest) + 3


def decoder_evidence(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Log odds and probabilities of bases, from their logits.

    Args:
        logits: (n, 9) of rnn/networks/both_strands.py: none, three codon positions and the start of a gene
            forward, the same four reverse.

    Returns:
        (n, 14): log odds of six classes against none, their probabilities, log odds of starts by strand.
    """
    from elman.data.genome import gene_decoder_kernels as kernels

    out = np.empty((len(logits), 14), np.float32)
    kernels.evidence(np.ascontiguousarray(logits), out)
    return out


class GeneDecoder:
    """Decodes one contig block by block, in memory for a block and the genes that are not settled.

    Args:
        length: L, bases of the contig.
        gaps: (n, 2) runs of unknown bases that no gene crosses, or (n, 3) of `masks.with_mask`.
        config: scores.
        spacing: scores of neighbours on one strand by their distance, of `spacing.by_distance`; none if None.
        inner: largest score that inner genes of operons add.
    """

    def __init__(
        self,
        length: int,
        gaps: npt.NDArray[np.int64],
        config: DecodeConfig,
        spacing: npt.NDArray[np.float64] | None = None,
        inner: float = 0.0,
    ) -> None:
        from elman.data.genome import gene_decoder_kernels as kernels
        from elman.data.starts import neighbour_kernels

        self.config, self.length = config, length
        self.gaps = gaps if gaps.shape[1] == 3 else np.pad(gaps, ((0, 0), (0, 1)))
        if spacing is None:
            spacing = np.zeros(neighbour_kernels.LONGEST_OVERLAP + neighbour_kernels.FARTHEST + 2)
        self.is_start, self.is_stop = codon_tables(config.code)
        self.done = 0
        self._lead = np.zeros((0, kernels.COLUMNS), np.float32)  # rows of the last LOOK_BACK bases
        self._state = np.zeros((7, 4))
        self._state[1:, kernels.SCORE] = -np.inf
        self._link = np.full((7, 3), -1, np.int64)
        self._ended = np.empty((neighbour_kernels.ENDED, 5))
        self._ended[0] = 0, 0, neighbour_kernels.NO_GENE, -1, 0
        self._filled = np.ones(1, np.int64)
        self._events = np.empty((4096, 6))
        self._count = 0
        self._settled: list[npt.NDArray[np.float64]] = []
        self._costs = kernels.Costs(
            gene=config.gene,
            overlap=np.array([config.overlap, config.convergent, config.divergent]),
            spacing=spacing,
            slack=float(max(spacing.max(), 0) - min(spacing.min(), 0)) + 2 * inner,
            shortest=float(config.shortest),
            shortest_partial=float(config.shortest_partial),
            partial=config.partial,
            weight=config.weight,
            brief=config.brief,
            usual=float(config.usual),
        )

    def feed(
        self,
        evidence: npt.NDArray[Any],
        words: npt.NDArray[np.uint8],
        first: int,
        more: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Decode the next n bases.

        Args:
            evidence: (n, 14) of `decoder_evidence`.
            words: of `nucleotides.codons_of`, from LOOK_BACK bases before these to `config.reach` after them,
                within the contig.
            first: base of the first of `words`.
            more: (n, 6) scores to add: of the start of a gene, forward and reverse, of a codon that starts
                at the base, likewise, and of the start of an inner gene of an operon, which adds to that of
                other starts, at most `inner`.
        """
        from elman.data.genome import gene_decoder_kernels as kernels

        n = len(evidence)
        rows = np.empty((len(self._lead) + n, kernels.COLUMNS), np.float32)
        rows[: len(self._lead)] = self._lead
        rows[-n:, :14] = evidence
        rows[-n:, 12:14] *= self.config.begin
        rows[-n:, 14:] = 0
        rows[-n:, 14:16] = self.config.codon
        if more is not None:
            rows[-n:, 12:] += more
        lead, end = len(self._lead), self.done + n
        while True:
            state, link = self._state.copy(), self._link.copy()
            ended, filled = self._ended.copy(), self._filled.copy()
            count = kernels.run(
                words, first, self.length, self.gaps, self.done, end, rows, lead, self.is_start,
                self.is_stop, self._costs, state, link, ended, filled, self._events, self._count,
            )  # fmt: skip
            if count >= 0:
                break
            self._prune()
        self._state, self._link, self._count, self.done = state, link, count, end
        self._ended, self._filled = ended, filled
        self._lead = rows[-LOOK_BACK:].copy()

    def _prune(self) -> None:
        """Drop events that lead to no open state, and settle those that lead to all of them.

        The array is doubled if that frees less than half of it.
        """
        from elman.data.genome import gene_decoder_kernels as kernels

        before = self._count
        self._count = kernels.prune(self._events, self._count, self._link, self._ended, self._filled)
        self._settle()
        if self._count == before or 2 * self._count > len(self._events):
            self._events = np.concatenate([self._events, np.empty_like(self._events)])

    def _settle(self) -> None:
        """Set apart the events that all open and ended genes lead back to: no later base changes them.

        They are the first of the pruned events, each the one before the next.
        """
        from elman.data.genome import gene_decoder_kernels as kernels
        from elman.data.starts import neighbour_kernels

        ended = self._ended[: self._filled[0], neighbour_kernels.EVENT]
        lasts = [*self._link[:, kernels.BEFORE].tolist(), *ended.astype(np.int64).tolist()]
        before = self._events[: self._count, kernels.EVENT_BEFORE].astype(np.int64).tolist()
        states = [0] * (self._count + 1)  # that lead back to each event; the last stands for "none before"
        for last in lasts:
            states[last] += 1
        for event in range(self._count - 1, -1, -1):
            states[before[event]] += states[event]
        settled = states[: self._count].count(len(lasts))
        if settled:
            self._settled.append(self._events[:settled].copy())
            self._count -= settled
            self._events[: self._count] = self._events[settled : settled + self._count]
            events = self._events[: self._count, kernels.EVENT_BEFORE]
            for numbers in (events, self._link[:, kernels.BEFORE], ended):
                np.maximum(numbers - settled, -1, out=numbers)

    def settled(self) -> Iterator[Gene]:
        """Take the next genes by start that no later base changes."""
        for events in self._settled:
            for begin, end, state, _, probability, missing in events.tolist():
                yield _gene(int(begin), int(end), int(state), probability, int(missing))
        self._settled.clear()

    def genes(self) -> list[Gene]:
        """Genes of the contig by start, once its last block is decoded, without those taken before."""
        from elman.data.genome import gene_decoder_kernels as kernels

        genes = []
        at = int(self._link[0, kernels.BEFORE])
        while at >= 0:
            begin, end, state, before, probability, missing = self._events[at].tolist()
            genes.append(_gene(int(begin), int(end), int(state), probability, int(missing)))
            at = int(before)
        return [*self.settled(), *sorted(genes)]


def unwrap_circular(genes: list[Gene], length: int, unrolled: int) -> list[Gene]:
    """Genes of a circular contig without duplicates.

    Args:
        genes: of the contig unrolled: its sequence, followed by its first bases once more.
        length: bases of the contig.
        unrolled: bases with the repeated ones.

    Returns:
        genes by start, which is below `length`; the end of one that crosses the origin is above it.
    """
    whole = [gene for gene in genes if not gene.partial]
    places = {gene[:3] for gene in whole}
    cut = (unrolled - length) // 2  # if no gene is found twice
    for gene in whole:  # genes after the first that is found twice were decoded with both sides of the origin
        if (gene.start + length, gene.end + length, gene.strand) in places:
            cut = gene.start
            break
    out = []
    for gene in genes:
        cut_off = (gene.partial & 1 and gene.start == 0) or (gene.partial & 2 and gene.end == unrolled)
        if cut <= gene.start < cut + length and not cut_off:
            back = length if gene.start >= length else 0
            out.append(gene._replace(start=gene.start - back, end=gene.end - back))
    return sorted(out)


def _gene(start: int, end: int, state: int, probability: float, missing: int) -> Gene:
    if state <= 3:
        return Gene(start, end, "+", (state - 1 - start) % 3, min(probability, 1.0), missing)
    return Gene(start, end, "-", (end - (state - 4)) % 3, min(probability, 1.0), missing)
