"""Candidate starts of called genes, with the parts of their scores: why a gene starts where it does.

Of each gene these are the start codons in its frame, from the stop codon before it, or UPSTREAM bases before
its start, to DOWNSTREAM bases behind it. A score is a sum of parts, in the units of the decoder. Of the sums
over bases only the difference to the called start is given, 0 for that itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from elman.data.genome.gene_decoder import DecodeConfig, Gene
from elman.data.genome.genetic_code import codon_tables
from elman.data.genome.genome_model import AdaptConfig
from elman.data.genome.nucleotides import Codes, codons_of, reverse_complement

UPSTREAM, DOWNSTREAM = 600, 150  # bases around a called start
LONGEST_OVERLAP = 45  # as of neighbour_kernels.py, which compiles
_OPERON = 60
_Floats = npt.NDArray[np.floating[Any]]


class Candidate(NamedTuple):
    """A start codon, and the gene it would begin.

    start, end: of that gene, 0-based half-open. called: True for the start of the called gene. distance: from
    the gene before it on either strand, negative where they overlap; None without one. network: of the start
    and of bases gained or lost. codons: of codons gained or lost. context, motif: of bases around the start.
    spacing: of the gene before. length: of a short gene, 0 or less. score: their sum.
    """

    start: int
    end: int
    strand: str
    called: bool
    codon: str
    distance: int | None
    score: float
    network: float
    codons: float
    context: float
    motif: float
    spacing: float
    length: float


class Stretch(NamedTuple):
    """Bases from `low` on: codes (n,), evidence (n, 14) of the decoder, scores (n, 8) of `score_bases`."""

    low: int
    codes: Codes
    evidence: _Floats
    scores: _Floats

    def reversed(self) -> "Stretch":
        """The other strand; `low` is that of the stretch still."""
        evidence = self.evidence[::-1][:, [3, 4, 5, 0, 1, 2, *range(6, 12), 13, 12]]
        scores = self.scores[::-1][:, [1, 0, 3, 2, 5, 4, 7, 6]]
        return Stretch(self.low, reverse_complement(self.codes), evidence, scores)


@dataclass(frozen=True)
class CandidateScorer:
    """Scores candidate starts as the decoder does.

    Attributes:
        decode: settings of the decoder.
        adapt: weights of the genome model.
        spacing: scores of neighbours on one strand by their distance, of `spacing.by_distance`.
    """

    decode: DecodeConfig
    adapt: AdaptConfig
    spacing: npt.NDArray[np.float64]

    def region(self, gene: Gene) -> tuple[int, int]:
        """Bases that the candidates of a gene depend on."""
        if gene.strand == "+":
            return gene.start - UPSTREAM, gene.start + DOWNSTREAM + 9
        return gene.end - DOWNSTREAM - 9, gene.end + UPSTREAM

    def candidates(self, gene: Gene, before: Gene | None, stretch: Stretch) -> Iterator[Candidate]:
        """Candidates of a gene, 5' to 3'.

        Args:
            gene: whose start is not cut off.
            before: the next gene on the side of its start, on either strand.
            stretch: the bases of `region` within the contig, without gaps between them and the gene.
        """
        n, reverse = len(stretch.codes), gene.strand == "-"
        view = stretch.reversed() if reverse else stretch
        five = stretch.low + n - gene.end if reverse else gene.start - stretch.low
        near = None  # where the gene before ends, or begins
        if before is not None:
            near = stretch.low + n - before.start if reverse else before.end - stretch.low
        places = self._places(view.codes, five, gene)
        sums = self._sums(view, five)
        starts = self.decode.begin * view.evidence[:, 12], *self._model_scores(view.scores)
        for at in places:
            distance = None if near is None else at - near
            if distance is not None and distance < -LONGEST_OVERLAP:
                continue
            same = before is not None and before.strand == gene.strand
            network, codons = (float(total[five] - total[at]) for total in sums)
            context, motif = float(starts[1][at]), float(starts[2][at])
            if same and distance is not None and distance <= _OPERON:
                motif += float(starts[3][at])
            neighbour = 0.0
            if distance is not None and near is not None:
                neighbour = self._neighbour(view, at, five, near, same)
            size = gene.end - gene.start + five - at
            length = 0.0
            if not gene.partial and size < self.decode.usual:
                length = -self.decode.brief * (1 - size / self.decode.usual)
            network += float(starts[0][at])
            parts = (network, codons, context, motif, neighbour, length)
            moved = (gene.start, gene.end + five - at) if reverse else (gene.start - five + at, gene.end)
            codon = "".join("ACGT"[code] for code in view.codes[at : at + 3])
            yield Candidate(*moved, gene.strand, at == five, codon, distance, sum(parts), *parts)

    def _places(self, codes: Codes, five: int, gene: Gene) -> list[int]:
        """Start codons in the frame of a gene, on its strand."""
        is_start, is_stop = (table[0] for table in codon_tables(self.decode.code))
        words = codons_of(codes)
        upstream = []
        for at in range(five - 3, -1, -3):
            if is_stop[words[at]]:
                break
            upstream.append(at)
        last = min(five + DOWNSTREAM, five + gene.end - gene.start - self.decode.shortest, len(codes) - 3)
        places = [*reversed(upstream), *range(five, last + 1, 3)]
        return [at for at in places if at == five or is_start[words[at]]]

    def _sums(self, view: Stretch, five: int) -> tuple[_Floats, _Floats]:
        """Running sums of the scores of bases and of codons before each base, in the frame of a gene."""
        place = (np.arange(len(view.codes)) - five) % 3
        bases = self.decode.weight * view.evidence[np.arange(len(place)), place]
        codons = np.where(place == 0, self.decode.codon + self.adapt.codons * view.scores[:, 2], 0.0)
        before, codons_before = (
            np.concatenate([[0.0], np.cumsum(x.astype(np.float64))]) for x in (bases, codons)
        )
        return before, codons_before

    def _model_scores(self, scores: _Floats) -> tuple[_Floats, _Floats, _Floats]:
        """Scores of context and motif at each base, and what inner genes of operons add."""
        adapt = self.adapt
        return adapt.begins * scores[:, 0], adapt.motifs * scores[:, 4], adapt.motifs * scores[:, 6]

    def _neighbour(self, view: Stretch, at: int, five: int, near: int, same: bool) -> float:
        """Score of the gene before: of its distance, and of bases it shares, which count once."""
        score = float(self.spacing[min(at - near, len(self.spacing) - 1 - LONGEST_OVERLAP) + LONGEST_OVERLAP])
        score = score if same else 0.0
        if at >= near:
            return score
        i = np.arange(at, near)
        own = self._base_scores(view, i, (i - five) % 3, 0)
        other = self._base_scores(view, i, (i - near) % 3 if same else (near - 1 - i) % 3, 0 if same else 3)
        cost = self.decode.overlap if same else self.decode.divergent
        return score + float((np.maximum(own, other) - own - other).sum()) - cost * len(i)

    def _base_scores(
        self, view: Stretch, i: npt.NDArray[np.int64], place: npt.NDArray[np.int64], first: int
    ) -> _Floats:
        codon = self.decode.codon + self.adapt.codons * view.scores[i, 2 + first // 3]
        scores: _Floats = self.decode.weight * view.evidence[i, first + place] + np.where(
            place == 0, codon, 0.0
        )
        return scores
