"""From class probabilities to legal genes: the most probable set of open reading frames on both strands.

A gene runs from a start codon to the first stop codon in its frame; one that runs over an end of the contig
or into a gap, a long run of unknown bases, is partial. Shorter runs are read on. Neighbours may overlap a
little; a base they share counts once, for the class that fits it better.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

LOOK_BACK = 48  # bases before a block that the decoder looks back on
_ORDER = "ACGT"
_COMMON_STARTS = frozenset(("ATG", "GTG", "TTG"))


class Gene(NamedTuple):
    """A gene, 0-based half-open.

    phase: bases to skip from its 5' end to the first whole codon. probability: mean over its bases of their
    own class. partial: its low end (1), its high end (2) or both (3) are cut off by the contig or a gap.
    """

    start: int
    end: int
    strand: str
    phase: int
    probability: float
    partial: int


@dataclass(frozen=True, kw_only=True)
class DecodeConfig:
    """What the decoder believes.

    code: genetic code of NCBI, for its stop codons. weight: of the network's evidence for a base, whose
    neighbours say nearly the same. begin: of its evidence for a start codon. gene: what a gene costs;
    overlap: what a shared base costs; partial: what an end cut off by the contig costs, in log units.
    brief: what a gene costs besides if it is shorter than `usual` bases, in proportion to what it lacks.
    shortest, shortest_partial: bases. gap: so many unknown bases on end part a contig.
    """

    code: int = 11
    weight: float = 0.05
    gene: float = -4.5
    begin: float = 1.2
    overlap: float = 0.1
    partial: float = 2.0
    brief: float = 12.0
    usual: int = 200
    shortest: int = 90
    shortest_partial: int = 60
    gap: int = 50

    @property
    def reach(self) -> int:
        """Bases after a block that the decoder looks ahead on."""
        return max(self.usual, self.shortest) + 3


def decoder_evidence(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What the decoder reads of a network's answer.

    Args:
        logits: (n, 9), as rnn/networks/both_strands.py gives them for each base: none, three positions forward, begin
            forward, three positions reverse, begin reverse.

    Returns:
        (n, 14): log odds of six classes against none, their probabilities, log odds of begins.
    """
    from elman.data.genome import gene_decoder_kernels as kernels

    out = np.empty((len(logits), 14), np.float32)
    kernels.evidence(np.ascontiguousarray(logits), out)
    return out


class GeneDecoder:
    """Decodes one contig, block by block; memory is that of a block and of the genes.

    Args:
        length: L, its bases.
        gaps: (n, 2) runs of unknown bases that part the contig.
        config: what it believes.
    """

    def __init__(self, length: int, gaps: npt.NDArray[np.int64], config: DecodeConfig) -> None:
        self.config, self.length, self.gaps = config, length, gaps
        self.is_start, self.is_stop = codon_tables(config.code)
        self.done = 0
        self._lead = np.zeros((0, 16), np.float32)
        self._state = np.zeros((7, 4))
        self._state[1:, 0] = -np.inf
        self._link = np.full((7, 3), -1, np.int64)
        self._events = np.empty((4096, 6))
        self._count = 0

    def feed(
        self,
        evidence: npt.NDArray[Any],
        words: npt.NDArray[np.uint8],
        first: int,
        more: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Go on over the next bases.

        Args:
            evidence: (n, 14) of `decoder_evidence`.
            words: of `data.genome.nucleotides.codons_of`; from LOOK_BACK bases before these, where there are so many, to
                `config.reach` after them.
            first: the base where the first of them begins.
            more: (n, 4) what else speaks for a begin, forward and reverse, and for a codon that begins here.
        """
        from elman.data.genome import gene_decoder_kernels as kernels

        n = len(evidence)
        rows = np.empty((len(self._lead) + n, 16), np.float32)
        rows[: len(self._lead)] = self._lead
        rows[-n:, :14] = evidence
        rows[-n:, 12:14] *= self.config.begin
        rows[-n:, 14:] = 0
        if more is not None:
            rows[-n:, 12:] += more
        lead, end = len(self._lead), self.done + n
        c = self.config
        costs = (
            c.gene,
            c.overlap,
            float(c.shortest),
            float(c.shortest_partial),
            c.partial,
            c.weight,
            c.brief,
            float(c.usual),
        )
        while True:
            state, link = self._state.copy(), self._link.copy()
            count = kernels.run(
                words, first, self.length, self.gaps, self.done, end, rows, lead, self.is_start,
                self.is_stop, costs, state, link, self._events, self._count,
            )  # fmt: skip
            if count >= 0:
                break
            self._make_room()
        self._state, self._link, self._count, self.done = state, link, count, end
        self._lead = rows[-LOOK_BACK:].copy()

    def _make_room(self) -> None:
        """Forget the events that no open end leads back to; where that helps little, take twice the room."""
        from elman.data.genome import gene_decoder_kernels as kernels

        before, self._count = self._count, kernels.prune(self._events, self._count, self._link)
        if self._count == before or 2 * self._count > len(self._events):
            self._events = np.concatenate([self._events, np.empty_like(self._events)])

    def genes(self) -> list[Gene]:
        """The genes found, by start. After the last block."""
        found = []
        at = int(self._link[0, 1])
        while at >= 0:
            begin, end, state, before, chance, missing = self._events[at].tolist()
            found.append(_gene(int(begin), int(end), int(state), chance, int(missing)))
            at = int(before)
        return sorted(found)


def unwrap_circular(genes: list[Gene], length: int, laid: int) -> list[Gene]:
    """The genes of a circle, each once.

    Args:
        genes: of the circle's sequence laid out with its beginning once more behind its end.
        length: bases of the circle.
        laid: bases laid out.

    Returns:
        genes by start, which is within the circle; the end of one that runs over the origin counts on.
    """
    whole = [gene for gene in genes if not gene.partial]
    places = {gene[:3] for gene in whole}
    cut = (laid - length) // 2  # where nothing is found twice
    for gene in whole:  # from the first that is, what follows it has seen both sides of the origin
        if (gene.start + length, gene.end + length, gene.strand) in places:
            cut = gene.start
            break
    out = []
    for gene in genes:
        open_end = (gene.partial & 1 and gene.start == 0) or (gene.partial & 2 and gene.end == laid)
        if cut <= gene.start < cut + length and not open_end:
            back = length if gene.start >= length else 0
            out.append(gene._replace(start=gene.start - back, end=gene.end - back))
    return sorted(out)


def _gene(start: int, end: int, state: int, chance: float, missing: int) -> Gene:
    if state <= 3:
        return Gene(start, end, "+", (state - 1 - start) % 3, min(chance, 1.0), missing)
    return Gene(start, end, "-", (end - (state - 4)) % 3, min(chance, 1.0), missing)


@cache
def codon_tables(code: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Start and stop codons, (2, 65) bool each: by codon as read on the forward strand, for either strand.

    Of a code's start codons only ATG, GTG and TTG count: the others are legal but very rare.
    """
    from Bio.Data import CodonTable

    table: Any = CodonTable.unambiguous_dna_by_id[code]
    is_start, is_stop = np.zeros((2, 65), bool), np.zeros((2, 65), bool)
    for words, marks in (
        (set(table.start_codons) & _COMMON_STARTS, is_start),
        (set(table.stop_codons), is_stop),
    ):
        for word in words:
            x, y, z = (_ORDER.index(letter) for letter in word)
            marks[0, x * 16 + y * 4 + z] = True
            marks[1, (3 - z) * 16 + (3 - y) * 4 + (3 - x)] = True
    return is_start, is_stop
