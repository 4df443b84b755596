"""Finding genes, and what families they are of: a trained gene finder at work."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.genome.annotation_rules import CDS
from elman.data.genome.contigs import Contig
from elman.data.genome.gene_decoder import (
    LOOK_BACK,
    Gene,
    GeneDecoder,
    codon_tables,
    decoder_evidence,
    unwrap_circular,
)
from elman.data.genome.genome_model import GenomeModel, fit_genome_model, score_bases
from elman.data.genome.nucleotides import (
    BEYOND,
    STEP,
    TABLE_ROWS,
    TGA,
    UNKNOWN,
    Codes,
    ambiguous_rows,
    codons_of,
    encode_iupac,
    long_gaps,
    reverse_complement,
    step_rows,
    without_tga,
)
from elman.data.store import schema
from elman.rnn.networks.both_strands import PreparedNetwork, predict, prepare
from elman.rnn.networks.weights import from_bytes
from elman.tasks.models.gene_presets import DnaConfig
from elman.tasks.models.model_folder import Model, read
from elman.tasks.models.protein_families import WEIGHTS, FamilyTagger

T = TypeVar("T")
Logits = npt.NDArray[np.floating[Any]]  # (n, 9); half precision where many are held
Row = tuple[Any, ...]  # of schema.INTERVALS
_GROUP = 1 << 20  # bases tagged together, of one contig or of many
_STEPS = 1 << 17  # steps computed together
_SEAM = 30_000  # bases of a circle that are gone over twice
_ROWS = 1 << 14  # made a frame of together
_AROUND = 64  # bases beside a block that its genome_model depend on


@dataclass(frozen=True)
class GeneFinder:
    """A trained gene finder. `version` is what its rows name as their model; `families` tags its genes.

    A source is taken for one genome, whose genome_model are learned from its beginning; where `adapts` is False
    they are known: `genome_model`.
    """

    params: dict[str, Any]
    config: DnaConfig
    version: str
    families: FamilyTagger | None = None
    genome_model: GenomeModel | None = None
    adapts: bool = True

    @cached_property
    def weights(self) -> PreparedNetwork:
        """Made ready for tagging."""
        return prepare(self.params)

    @classmethod
    def load(cls, folder: Path) -> "GeneFinder":
        """Read a model folder, every file checked."""
        return load_model(read(folder))

    def of_code(self, code: int | None) -> "GeneFinder":
        """The same with another genetic code of NCBI; None for its own."""
        if code is None:
            return self
        return replace(self, config=replace(self.config, decode=replace(self.config.decode, code=code)))

    def tag_contig(self, bases: str, source: str = "", contig: str = "") -> pl.DataFrame:
        """Genes of one contig, rows of schema.INTERVALS by start."""
        return next(self.tag_contigs([Contig(contig, bases, None, source, 0, 1)]))

    def tag_contigs(self, contigs: Iterable[Contig]) -> Iterator[pl.DataFrame]:
        """Genes of contigs, a frame of schema.INTERVALS each, in order; those of a source in a row."""
        for _, genome in groupby(contigs, key=lambda contig: contig.source):
            yield from map(intervals, self.tag_genome(genome)[1])

    def tag_genome(self, contigs: Iterable[Contig]) -> tuple[GenomeModel | None, Iterator[list[Row]]]:
        """The genome_model of a genome, and the genes of its contigs, rows of schema.INTERVALS of each."""
        found = self._answers(contigs)
        held = self._beginning(found) if self.adapts else []
        genome_model = self._learned(held) if self.adapts else self.genome_model
        return genome_model, self._rows_of(found, held, genome_model)

    def _rows_of(
        self,
        found: Iterator[tuple["_Laid", Iterator[Logits]]],
        held: list["_Held"],
        genome_model: GenomeModel | None,
    ) -> Iterator[list[Row]]:
        for laid, blocks, rest in _handed_over(held):
            yield self._rows(laid, self._genes(laid, chain(_handed_over(blocks), rest), genome_model))
        for laid, rest in found:
            yield self._rows(laid, self._genes(laid, rest, genome_model))

    def with_genome_model(self, genome_model: GenomeModel | None) -> "GeneFinder":
        """The same for contigs of a genome whose genome_model are known, None if it is not known to have any."""
        return replace(self, genome_model=genome_model, adapts=False)

    def genome_model_of(self, contigs: Iterable[Contig]) -> GenomeModel | None:
        """The genome_model of a genome, learned from its beginning; None where that is too short."""
        return self._learned(self._beginning(self._answers(contigs)))

    def tag_raw(self, text: str) -> list[dict[str, Any]]:
        """Genes of a raw string of bases, as plain values; white space in it is left out of the count."""
        frame = self.tag_contig("".join(text.split()))
        return frame.select("start", "end", "strand", "phase", "label", "probability").to_dicts()

    def _answers(self, contigs: Iterable[Contig]) -> Iterator[tuple["_Laid", Iterator[Logits]]]:
        """Contigs with what the network says, piece by piece, in order; short ones are computed together."""
        held: list[_Laid] = []
        size = 0
        for contig in contigs:
            laid = _Laid(contig)
            if len(laid) > _GROUP:
                yield from self._together(held)
                held, size = [], 0
                yield laid, self._streamed(laid)
                continue
            held.append(laid)
            size += len(laid)
            if size >= _GROUP:
                yield from self._together(held)
                held, size = [], 0
        yield from self._together(held)

    def _together(self, contigs: list["_Laid"]) -> Iterator[tuple["_Laid", Iterator[Logits]]]:
        pieces = [(i, *span) for i, laid in enumerate(contigs) for span in self._spans(len(laid))]
        logits = iter(self._logits([contigs[i].letters(low, high) for i, _, low, _, high in pieces]))
        cores: list[list[Logits]] = [[] for _ in contigs]
        for i, start, low, end, _ in pieces:
            cores[i].append(next(logits)[start - low : end - low].astype(np.float16))
        for laid, blocks in zip(contigs, cores, strict=True):
            yield laid, iter(blocks)

    def _streamed(self, laid: "_Laid") -> Iterator[Logits]:
        """What the network says of a long contig, piece by piece."""
        spans = list(self._spans(len(laid)))
        some = max(_STEPS * STEP // (self.config.piece + 2 * self.config.margin), 1)
        for first in range(0, len(spans), some):
            here = spans[first : first + some]
            found = self._logits([laid.letters(low, high) for _, low, _, high in here])
            for (start, low, end, _), logits in zip(here, found, strict=True):
                yield logits[start - low : end - low].astype(np.float16)

    def _beginning(self, found: Iterator[tuple["_Laid", Iterator[Logits]]]) -> list["_Held"]:
        """The contigs a genome's genome_model are learned from, with their first pieces and what comes after."""
        held: list[_Held] = []
        size = 0
        while size < self.config.adapt.longest and (next_one := next(found, None)):
            laid, rest = next_one
            blocks: list[Logits] = []
            while size < self.config.adapt.longest and (block := next(rest, None)) is not None:
                blocks.append(block)
                size += len(block)
            held.append(_Held(laid, blocks, rest))
        return held

    def _learned(self, held: Sequence["_Held"]) -> GenomeModel | None:
        """What is particular to a genome: its genes are found, learned from, found again, and so on."""
        sizes = [sum(map(len, each.blocks)) for each in held]
        if sum(sizes) < self.config.adapt.shortest:
            return None
        parts: list[Codes] = []
        for (laid, _, _), n in zip(held, sizes, strict=True):
            parts += [np.minimum(laid.letters(0, n), np.uint8(UNKNOWN)), np.full(_AROUND, UNKNOWN, np.uint8)]
        codes = np.concatenate(parts)
        genome_model = None
        for _ in range(self.config.adapt.rounds):
            genes, at = list[Gene](), 0
            for (laid, blocks, _), n in zip(held, sizes, strict=True):
                found = self._decode(laid, n, iter(blocks), genome_model)
                genes += [gene._replace(start=gene.start + at, end=gene.end + at) for gene in found]
                at += n + _AROUND
            genome_model = fit_genome_model(codes, genes, self.config.decode.code)
        return genome_model

    def _genes(self, laid: "_Laid", blocks: Iterator[Logits], genome_model: GenomeModel | None) -> list[Gene]:
        """Decode a contig."""
        genes = self._decode(laid, len(laid), blocks, genome_model)
        return unwrap_circular(genes, laid.contig.length, len(laid)) if laid.contig.circular else genes

    def _decode(
        self, laid: "_Laid", size: int, blocks: Iterator[Logits], genome_model: GenomeModel | None
    ) -> list[Gene]:
        """Decode the first `size` bases of a contig."""
        decode, adapt = self.config.decode, self.config.adapt
        decoder = GeneDecoder(size, laid.gaps(size, decode.gap), decode)
        scale = np.array([adapt.begins, adapt.begins, adapt.codons, adapt.codons], np.float32)
        for logits in blocks:
            begin, end = decoder.done, decoder.done + len(logits)
            low, high = max(begin - max(_AROUND, LOOK_BACK), 0), min(end + max(_AROUND, decode.reach), size)
            codes, words = laid.read(low, high, size)
            more = None
            if genome_model is not None:
                more = score_bases(codes, words, genome_model, begin - low, end - low) * scale
            decoder.feed(decoder_evidence(logits.astype(np.float32)), words, low, more)
        return decoder.genes()

    def _spans(self, length: int) -> Iterator[tuple[int, int, int, int]]:
        """Start, start with margin, end, end with margin of each piece."""
        piece, margin = self.config.piece, self.config.margin
        for start in range(0, length, piece):
            end = min(start + piece, length)
            yield start, max(start - margin, 0), end, min(end + margin, length)

    def _logits(self, pieces: list[Codes]) -> list[Logits]:
        """(n, 9) for each piece, longest computed first."""
        if not codon_tables(self.config.decode.code)[1][0, TGA]:
            pieces = [without_tga(piece) for piece in pieces]
        steps = np.array([-(-len(piece) // STEP) for piece in pieces], np.int64)
        order = np.argsort(-steps, kind="stable")
        out: list[Logits] = [np.empty((0, 9), np.float32)] * len(pieces)
        first = 0
        while first < len(order):
            T = max(int(steps[order[first]]), 1)
            some = order[first : first + max(_STEPS // T, 1)]
            first += len(some)
            codes = np.full((len(some), T * STEP), BEYOND, np.uint8)
            mirrored = codes.copy()
            for row, i in enumerate(some):
                codes[row, : len(pieces[i])] = pieces[i]
                n = steps[i] * STEP
                mirrored[row, :n] = reverse_complement(codes[row, :n])
            rows, back = step_rows(codes), step_rows(mirrored)
            mixed = ambiguous_rows(codes, rows, TABLE_ROWS)
            mixed += ambiguous_rows(mirrored, back, TABLE_ROWS + len(mixed))
            weights = self.weights.with_ambiguous(mixed) if mixed else self.weights
            logits = predict(weights, rows.transpose(1, 0, 2), back.transpose(1, 0, 2), steps[some])
            for row, i in enumerate(some):
                out[i] = logits[row].reshape(T * STEP, -1)[: len(pieces[i])]
        return out

    def _rows(self, laid: "_Laid", genes: list[Gene]) -> list[Row]:
        place, version = (laid.contig.source, laid.contig.id), self.version
        rows: list[Row] = [
            (*place, g.start, g.end, g.strand, g.phase, CDS, g.partial, g.probability, version) for g in genes
        ]
        if self.families is not None:
            for m in self.families.matches(laid.codons, genes, self.config.decode.code):
                match = (m.start, m.end, m.strand, 0, m.label, m.partial, m.probability)
                rows.append((*place, *match, version))
            rows.sort(key=lambda row: (row[2], -row[3]))
        return rows


def intervals(rows: Iterable[Row]) -> pl.DataFrame:
    """A frame of rows of schema.INTERVALS."""
    left, frames = iter(rows), [schema.INTERVALS.to_frame()]
    while some := list(islice(left, _ROWS)):
        columns = dict(zip(schema.INTERVALS, zip(*some, strict=True), strict=True))
        frames.append(pl.DataFrame(columns, schema=schema.INTERVALS))
    return pl.concat(frames)


class _Laid:
    """A contig as it is gone over: a circle is laid out with its beginning once more behind its end.

    Letters and codons are made of a part of its text at a time.
    """

    def __init__(self, contig: Contig) -> None:
        self.contig = contig
        self._seam = contig.bases[:_SEAM] if contig.circular else ""
        self._gaps: dict[int, npt.NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return self.contig.length + len(self._seam)

    def letters(self, low: int, high: int) -> Codes:
        """Of the bases low to high."""
        length = self.contig.length
        after = self._seam[max(low - length, 0) : max(high - length, 0)]
        return encode_iupac(self.contig.bases[low:high] + after if after else self.contig.bases[low:high])

    def read(self, low: int, high: int, size: int) -> tuple[Codes, npt.NDArray[np.uint8]]:
        """Bases low to high, and the codons that begin there, of the first `size` bases."""
        codes = np.minimum(self.letters(low, min(high + 2, size)), np.uint8(UNKNOWN))
        return codes[: high - low], codons_of(codes)[: high - low]

    def codons(self, low: int, high: int) -> npt.NDArray[np.uint8]:
        """The codons that begin at the bases low to high."""
        return self.read(low, high, len(self))[1]

    def gaps(self, size: int, shortest: int) -> npt.NDArray[np.int64]:
        """Runs of unknown bases, at least so many, among the first `size` bases."""
        if size not in self._gaps:
            self._gaps = {size: long_gaps(self.letters, size, shortest)}
        return self._gaps[size]


class _Held(NamedTuple):
    """A contig, what is said of its first pieces, and of the others, not yet asked for."""

    laid: _Laid
    blocks: list[Logits]
    rest: Iterator[Logits]


def _handed_over(items: list[T]) -> Iterator[T]:
    """The items in order; whoever takes one holds the only reference."""
    items.reverse()
    while items:
        yield items.pop()


def load_model(model: Model) -> GeneFinder:
    """A gene finder from a model folder whose files have been checked."""
    params, _, _ = from_bytes(model.files["weights.safetensors"])
    families = None
    if WEIGHTS in model.files:
        families = FamilyTagger.of(model.passport, model.files[WEIGHTS])
    return GeneFinder(params, DnaConfig.from_json(model.passport["config"]), model.version, families)
