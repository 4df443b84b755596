"""Gene finder: a trained model that finds the genes of genomes, and their families."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.genome.annotation_rules import CDS
from elman.data.genome.contigs import Contig
from elman.data.genome.gene_decoder import Gene, unwrap_circular
from elman.data.genome.genetic_code import TgaUse, codon_tables, count_tga
from elman.data.genome.genome_model import GenomeModel, is_sure
from elman.data.genome.masks import Masks
from elman.data.genome.nucleotides import TGA
from elman.data.store import schema
from elman.rnn.compute.arrays import Params
from elman.rnn.networks.both_strands import prepare
from elman.rnn.networks.weights import from_bytes
from elman.tasks.models.gene_presets import DnaConfig
from elman.tasks.models.gene_windows import Logits, TaggedContig, UnrolledContig, Windows
from elman.tasks.models.genome_adapter import Beginning, GenomeAdapter, consumed
from elman.tasks.models.model_folder import Model, read
from elman.tasks.models.protein_families import WEIGHTS, FamilyTagger

Row = tuple[Any, ...]  # of schema.INTERVALS
_ROWS = 1 << 14  # rows of a frame made at once
_TESTED = 300_000  # bases of a genome from which its genetic code is told


@dataclass(frozen=True)
class GeneFinder:
    """A trained gene finder.

    A source is taken for one genome, whose genome model is fitted on its beginning.

    Attributes:
        params: weights of the network.
        config: how it was built and is run.
        version: named by its rows as their model.
        families: tags the genes it finds.
        genome_model: of the genome, where it is known.
        adapts: False if `genome_model` is used as it is, also where it is None.
        masks: intervals of each contig that no gene may lie on.
    """

    params: Params
    config: DnaConfig
    version: str
    families: FamilyTagger | None = None
    genome_model: GenomeModel | None = None
    adapts: bool = True
    masks: Masks = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "GeneFinder":
        """Load a model folder; every file is checked."""
        return load_model(read(folder))

    def of_code(self, code: int | None) -> "GeneFinder":
        """The same finder with another genetic code of NCBI; None for its own."""
        if code is None:
            return self
        return replace(self, config=replace(self.config, decode=replace(self.config.decode, code=code)))

    def with_genome_model(self, genome_model: GenomeModel | None) -> "GeneFinder":
        """The same finder for contigs of a genome whose model is fitted; None if it has none."""
        return replace(self, genome_model=genome_model, adapts=False)

    @cached_property
    def windows(self) -> Windows:
        """Runs its network."""
        is_stop = codon_tables(self.config.decode.code)[1]
        tga = not is_stop[0, TGA]
        return Windows(prepare(self.params), self.config.piece, self.config.margin, tga, self.masks)

    @property
    def adapter(self) -> GenomeAdapter:
        """Decodes genes and fits genome models."""
        return GenomeAdapter(self.config.decode, self.config.adapt)

    def tag_contig(self, bases: str, source: str = "", contig: str = "") -> pl.DataFrame:
        """Genes of one contig, rows of schema.INTERVALS by start."""
        return next(self.tag_contigs([Contig(contig, bases, None, source, 0, 1)]))

    def tag_contigs(self, contigs: Iterable[Contig]) -> Iterator[pl.DataFrame]:
        """Genes of each contig, a frame of schema.INTERVALS; neighbours of one source are one genome."""
        for _, genome in groupby(contigs, key=lambda contig: contig.source):
            yield from map(intervals, self.tag_genome(genome)[1])

    def tag_raw(self, text: str) -> list[dict[str, Any]]:
        """Genes of a raw string of bases as plain values; white space is removed and not counted."""
        frame = self.tag_contig("".join(text.split()))
        return frame.select("start", "end", "strand", "phase", "label", "probability").to_dicts()

    def tag_genome(self, contigs: Iterable[Contig]) -> tuple[GenomeModel | None, Iterator[Iterator[Row]]]:
        """The genome model, and the genes of each contig as rows of schema.INTERVALS.

        Rows come as the contig is decoded: those of one contig are to be taken before the next contig is.
        """
        tagged = self.windows.tag(contigs)
        if not self.adapts:
            return self.genome_model, self._genome_rows([], tagged, self.genome_model)
        beginning = self.adapter.beginning(tagged)
        model = self.adapter.fit(beginning)
        return model, self._genome_rows(beginning, tagged, model)

    def genome_model_of(self, contigs: Iterable[Contig]) -> GenomeModel | None:
        """Fit the model of a genome on its beginning; None if that is too short."""
        return self.adapter.fit(self.adapter.beginning(self.windows.tag(contigs)))

    def tga_use(self, contigs: Iterable[Contig]) -> TgaUse:
        """How the beginning of a genome uses TGA: in genes found as if it were no stop codon."""
        reader, size, total = self.of_code(4), 0, TgaUse(0, 0, 0)
        for contig in contigs:
            some = replace(contig, bases=contig.bases[: _TESTED - size], circular=False)
            size += some.length
            for unrolled, blocks in reader.windows.tag([some]):
                sure = [g for g in reader.adapter.genes(unrolled, some.length, blocks, None) if is_sure(g)]
                start, end = (np.array([gene[i] for gene in sure], np.int64) for i in (0, 1))
                reverse = np.array([gene.strand == "-" for gene in sure], bool)
                own = count_tga(unrolled.codons(0, some.length), start, end, reverse)
                total = TgaUse(*(a + b for a, b in zip(total, own, strict=True)))
            if size >= _TESTED:
                break
        return total

    def start_rows(self, contig: Contig, rows: Iterable[Row], model: GenomeModel | None) -> Iterator[Row]:
        """Candidate starts of the genes of a contig, rows of schema.STARTS; computes its logits once more.

        Args:
            contig: tagged before.
            rows: of schema.INTERVALS of the contig.
            model: of the genome.
        """
        genes = [Gene(row[2], row[3], row[4], row[5], row[8], row[7]) for row in rows if row[6] == CDS]
        for unrolled, blocks in self.windows.tag([contig]):
            for gene, found in self.adapter.candidates(unrolled, blocks, genes, model):
                back = contig.length if gene.start >= contig.length else 0
                ends = (gene.start - back, gene.end - back, found.start - back, found.end - back)
                yield (contig.source, contig.id, *ends, *found[2:], self.version)

    def _genome_rows(
        self, beginning: list[Beginning], rest: Iterator[TaggedContig], model: GenomeModel | None
    ) -> Iterator[Iterator[Row]]:
        for contig, blocks, more in consumed(beginning):
            yield self._rows(contig, self._genes(contig, chain(consumed(blocks), more), model))
        for contig, blocks_left in rest:
            yield self._rows(contig, self._genes(contig, blocks_left, model))

    def _genes(
        self, contig: UnrolledContig, blocks: Iterator[Logits], model: GenomeModel | None
    ) -> Iterator[Gene]:
        genes = self.adapter.genes(contig, len(contig), blocks, model)
        if contig.contig.circular:
            return iter(unwrap_circular(list(genes), contig.contig.length, len(contig)))
        return genes

    def _rows(self, contig: UnrolledContig, genes: Iterator[Gene]) -> Iterator[Row]:
        """Rows by start, the longer first, a gene before its families; genes come by start."""
        place, version = (contig.contig.source, contig.contig.id), self.version
        if self.families is None:
            for g in genes:
                yield (*place, g.start, g.end, g.strand, g.phase, CDS, g.partial, g.probability, version)
            return
        held: list[Row] = []
        for some, matches in self.families.by_batch(contig.codons, genes, self.config.decode.code):
            first = some[0].start  # no later row starts before it
            yield from (row for row in held if row[2] < first)
            held = [row for row in held if row[2] >= first]
            for g in some:
                held.append(
                    (*place, g.start, g.end, g.strand, g.phase, CDS, g.partial, g.probability, version)
                )
            for m in matches:
                held.append((*place, m.start, m.end, m.strand, 0, m.label, m.partial, m.probability, version))
            held.sort(key=lambda row: (row[2], -row[3], row[6] != CDS))
        yield from held


def intervals(rows: Iterable[Row]) -> pl.DataFrame:
    """A frame of rows of schema.INTERVALS."""
    left, frames = iter(rows), [schema.INTERVALS.to_frame()]
    while some := list(islice(left, _ROWS)):
        columns = dict(zip(schema.INTERVALS, zip(*some, strict=True), strict=True))
        frames.append(pl.DataFrame(columns, schema=schema.INTERVALS))
    return pl.concat(frames)


def load_model(model: Model) -> GeneFinder:
    """A gene finder from a model folder whose files have been checked."""
    params, _, _ = from_bytes(model.files["weights.safetensors"])
    families = None
    if WEIGHTS in model.files:
        families = FamilyTagger.of(model.of_dna, model.files[WEIGHTS])
    return GeneFinder(params, DnaConfig.from_json(model.of_dna.config), model.version, families)
