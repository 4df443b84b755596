"""Genome adapter: decodes genes with the scores of one genome, which it fits on the genes it finds."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from elman.data.genome.gene_decoder import LOOK_BACK, DecodeConfig, Gene, GeneDecoder, decoder_evidence
from elman.data.genome.genome_model import AdaptConfig, GenomeModel, fit_genome_model, score_bases, weighted
from elman.data.genome.nucleotides import UNKNOWN, Codes
from elman.data.starts.motifs import LARGEST_INNER
from elman.data.starts.spacing import SpacingCounts, by_distance, spacing_odds
from elman.tasks.models.gene_windows import Logits, TaggedContig, UnrolledContig

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
        odds = spacing_odds(SpacingCounts.none(), adapt.spacing_prior) if model is None else model.spacing
        spacing = by_distance(odds, adapt.spacing)
        inner = LARGEST_INNER * adapt.motifs
        decoder = GeneDecoder(size, contig.gaps(size, self.decode.gap), self.decode, spacing, inner)
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
