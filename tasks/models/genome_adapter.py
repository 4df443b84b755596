"""Genome adapter: decodes genes with the scores of one genome, which it fits on the genes it finds."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from elman.data.genome.gene_decoder import LOOK_BACK, DecodeConfig, Gene, GeneDecoder, decoder_evidence
from elman.data.genome.genome_model import AdaptConfig, GenomeModel, fit_genome_model, score_bases, weighted
from elman.data.genome.nucleotides import UNKNOWN, Codes
from elman.data.genome.start_candidates import DOWNSTREAM, UPSTREAM, Candidate, CandidateScorer, Stretch
from elman.data.starts.motifs import LARGEST_INNER
from elman.data.starts.spacing import SpacingCounts, by_distance, spacing_odds
from elman.tasks.models.gene_windows import Logits, TaggedContig, UnrolledContig

_HELD = 1 << 14  # bases kept for starts near the beginning of a block
_CONTEXT = 64  # bases beside a block that the scores of its bases depend on
T = TypeVar("T")


class Beginning(NamedTuple):
    """A contig at the beginning of a genome: its first blocks of logits, and the others, not yet computed."""

    contig: UnrolledContig
    blocks: list[Logits]
    rest: Iterator[Logits]

    @property
    def size(self) -> int:
        """Bases of the first blocks."""
        return sum(map(len, self.blocks))


@dataclass(frozen=True)
class GenomeAdapter:
    """Decodes contigs, and fits the genome model on the beginning of a genome.

    Attributes:
        decode: settings of the gene decoder.
        adapt: settings of the genome model.
    """

    decode: DecodeConfig
    adapt: AdaptConfig

    def beginning(self, tagged: Iterator[TaggedContig]) -> list[Beginning]:
        """Take the contigs and blocks that the genome model is fitted on."""
        taken: list[Beginning] = []
        size = 0
        while size < self.adapt.longest and (contig := next(tagged, None)):
            blocks: list[Logits] = []
            while size < self.adapt.longest and (block := next(contig.blocks, None)) is not None:
                blocks.append(block)
                size += len(block)
            taken.append(Beginning(contig.contig, blocks, contig.blocks))
        return taken

    def fit(self, beginning: Sequence[Beginning]) -> GenomeModel | None:
        """Find genes and fit the genome model on them, in turns; None if there are too few bases or genes."""
        if sum(part.size for part in beginning) < self.adapt.shortest:
            return None
        model = None
        for number in range(self.adapt.rounds):
            last = number == self.adapt.rounds - 1
            parts = list(beginning if last else _shortened(beginning, self.adapt.early))
            model = self._fit_once(parts, model)
        return model

    def _fit_once(self, beginning: Sequence[Beginning], model: GenomeModel | None) -> GenomeModel | None:
        """Find genes by a model, and fit the next model on them."""
        parts: list[Codes] = []
        genes, at = list[Gene](), 0
        for part in beginning:
            codes = np.minimum(part.contig.codes(0, part.size), np.uint8(UNKNOWN))
            parts += [codes, np.full(_CONTEXT, UNKNOWN, np.uint8)]
            own = self.genes(part.contig, part.size, iter(part.blocks), model)
            genes += [gene._replace(start=gene.start + at, end=gene.end + at) for gene in own]
            at += part.size + _CONTEXT
        return fit_genome_model(np.concatenate(parts), genes, self.decode.code, self.adapt)

    def genes(
        self, contig: UnrolledContig, size: int, blocks: Iterator[Logits], model: GenomeModel | None
    ) -> Iterator[Gene]:
        """Decode the first `size` bases of a contig from blocks of their logits; genes by start."""
        adapt = self.adapt
        inner = LARGEST_INNER * adapt.motifs
        gaps = contig.gaps(size, self.decode.gap)
        decoder = GeneDecoder(size, gaps, self.decode, self._spacing(model), inner)
        for logits in blocks:
            begin, end = decoder.done, decoder.done + len(logits)
            low = max(begin - max(_CONTEXT, LOOK_BACK), 0)
            high = min(end + max(_CONTEXT, self.decode.reach), size)
            codes, words = contig.read(low, high, size)
            more = None
            if model is not None:
                more = weighted(score_bases(codes, words, model, begin - low, end - low), adapt)
            decoder.feed(decoder_evidence(logits.astype(np.float32)), words, low, more)
            yield from decoder.settled()
        yield from decoder.genes()

    def candidates(
        self, contig: UnrolledContig, blocks: Iterator[Logits], genes: list[Gene], model: GenomeModel | None
    ) -> Iterator[tuple[Gene, Candidate]]:
        """Candidate starts of the genes of a contig, with the gene, by the place of its start.

        Args:
            contig: decoded before.
            blocks: of its logits, once more.
            genes: called, by start, as in the contig.
            model: of the genome.
        """
        scorer = CandidateScorer(self.decode, self.adapt, self._spacing(model))
        size, gaps = len(contig), contig.gaps(len(contig), self.decode.gap)
        waiting = sorted(_with_gene_before(genes, contig), key=lambda pair: scorer.region(pair[0])[1])
        held, low, at = np.empty((0, 14), np.float32), 0, 0
        for logits in blocks:
            held = np.concatenate([held[-_HELD:], decoder_evidence(logits.astype(np.float32))])
            at += len(logits)
            low = at - len(held)
            while waiting and (min(scorer.region(waiting[0][0])[1], size) <= at):
                gene, before = waiting.pop(0)
                first, last = (min(max(place, low), size) for place in scorer.region(gene))
                first, last = _within_gaps(first, last, gene, gaps)
                around = max(first - _CONTEXT, 0), min(last + _CONTEXT, size)
                codes, words = contig.read(*around, size)
                scores = np.zeros((last - first, 8), np.float32)
                if model is not None:
                    scores = score_bases(codes, words, model, first - around[0], last - around[0])
                own = codes[first - around[0] : last - around[0]]
                stretch = Stretch(first, own, held[first - low : last - low], scores)
                for candidate in scorer.candidates(gene, before, stretch):
                    yield gene, candidate

    def _spacing(self, model: GenomeModel | None) -> npt.NDArray[np.float64]:
        """Scores of neighbours on one strand by their distance, of a genome or of those trained on."""
        prior = self.adapt.spacing_prior
        odds = spacing_odds(SpacingCounts.none(), prior) if model is None else model.spacing
        return by_distance(odds, self.adapt.spacing)


def _with_gene_before(genes: list[Gene], contig: UnrolledContig) -> Iterator[tuple[Gene, Gene | None]]:
    """Genes whose start is not cut off, with the gene before the start of each.

    Those at the beginning of a circle are moved behind its end, where what lies before them is unrolled.
    """
    length, circular = contig.contig.length, contig.contig.circular
    for i, gene in enumerate(genes):
        forward = gene.strand == "+"
        if gene.partial & (1 if forward else 2):
            continue
        j, turn = (i - 1 if forward else i + 1), 0
        if j < 0 or j == len(genes):
            j, turn = j % len(genes), -length if forward else length
        before = _moved(genes[j], turn) if not turn or (circular and len(genes) > 1) else None
        move = length if circular and forward and gene.start < UPSTREAM else 0
        if gene.start + move + DOWNSTREAM + 9 >= len(contig):
            move = 0
        yield _moved(gene, move), before and _moved(before, move)


def _moved(gene: Gene, by: int) -> Gene:
    return gene._replace(start=gene.start + by, end=gene.end + by)


def _within_gaps(first: int, last: int, gene: Gene, gaps: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Bases first to last without gaps and what lies beyond them, seen from the gene."""
    for start, end, _ in gaps[(gaps[:, 0] < last) & (gaps[:, 1] > first)].tolist():
        if end <= gene.start:
            first = max(first, end)
        elif start >= gene.end:
            last = min(last, start)
    return first, last


def _shortened(beginning: Sequence[Beginning], bases: int | None) -> Iterator[Beginning]:
    """The first blocks of a beginning, of about so many bases; all of it for None."""
    left = sys.maxsize if bases is None else bases
    for contig, blocks, rest in beginning:
        some = []
        for block in blocks:
            if left > 0:
                some.append(block)
                left -= len(block)
        if some:
            yield Beginning(contig, some, rest)


def consumed(items: list[T]) -> Iterator[T]:
    """The items in order, each removed from the list first, so that it is freed after use."""
    items.reverse()
    while items:
        yield items.pop()
