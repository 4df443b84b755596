"""Genome adapter: decodes genes with the scores of one genome, which it fits on the genes it finds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from elman.data.genome.gene_decoder import LOOK_BACK, DecodeConfig, Gene, GeneDecoder, decoder_evidence
from elman.data.genome.genome_model import AdaptConfig, GenomeModel, fit_genome_model, score_bases
from elman.data.genome.nucleotides import UNKNOWN, Codes
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
        parts: list[Codes] = []
        for contig, blocks, _ in beginning:
            size = sum(map(len, blocks))
            codes = np.minimum(contig.codes(0, size), np.uint8(UNKNOWN))
            parts += [codes, np.full(_CONTEXT, UNKNOWN, np.uint8)]
        codes = np.concatenate(parts)
        model = None
        for _ in range(self.adapt.rounds):
            genes, at = list[Gene](), 0
            for part in beginning:
                own = self.genes(part.contig, part.size, iter(part.blocks), model)
                genes += [gene._replace(start=gene.start + at, end=gene.end + at) for gene in own]
                at += part.size + _CONTEXT
            model = fit_genome_model(codes, genes, self.decode.code)
        return model

    def genes(
        self, contig: UnrolledContig, size: int, blocks: Iterator[Logits], model: GenomeModel | None
    ) -> Iterator[Gene]:
        """Decode the first `size` bases of a contig from blocks of their logits; genes by start."""
        decoder = GeneDecoder(size, contig.gaps(size, self.decode.gap), self.decode)
        adapt = self.adapt
        scale = np.array([adapt.begins, adapt.begins, adapt.codons, adapt.codons], np.float32)
        for logits in blocks:
            begin, end = decoder.done, decoder.done + len(logits)
            low = max(begin - max(_CONTEXT, LOOK_BACK), 0)
            high = min(end + max(_CONTEXT, self.decode.reach), size)
            codes, words = contig.read(low, high, size)
            more = None
            if model is not None:
                more = score_bases(codes, words, model, begin - low, end - low) * scale
            decoder.feed(decoder_evidence(logits.astype(np.float32)), words, low, more)
            yield from decoder.settled()
        yield from decoder.genes()


def consumed(items: list[T]) -> Iterator[T]:
    """The items in order, each removed from the list first, so that it is freed after use."""
    items.reverse()
    while items:
        yield items.pop()
