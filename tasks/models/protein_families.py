"""Protein families: the network that tags text reads genes as amino acids, and tags those in IOB2."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from mmap import mmap
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from elman.data import ragged
from elman.data.genome.amino_acids import TABLE_ROWS, TEMPLATES, Proteins, template_rows, translate
from elman.data.genome.gene_decoder import Gene
from elman.data.text.tags import tag_set
from elman.rnn.compute.arrays import Params
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.inference.decode import predict
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import from_bytes, to_bytes
from elman.rnn.training.fit import fit
from elman.rnn.training.state import FitConfig
from elman.tasks.models.tag_set import DecodingRules

WEIGHTS = "families.safetensors"
MIN_COVERAGE = 0.15  # of a gene that must be covered to give it a label of whole genes
_MOST = 0.9  # of the genes with a label of whole genes that are filled by labels in training
_TOGETHER = 1 << 18  # residues looked at together
_SPAN = 1 << 21  # bases that they lie on

Codons = Callable[[int, int], npt.NDArray[np.uint8]]

Protein = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]  # residues, IOB2 numbers
_Span = tuple[int, int, int, int, float]  # gene, first residue, residue after the last, family, probability


@dataclass(frozen=True, kw_only=True)
class FamilyConfig:
    """How a network of families is built and trained; stands in the passport.

    Attributes:
        hidden: units of the cell in each direction.
        embedding: numbers the blocks of a residue are turned into.
        others: share of the genes without a label that are learned from.
        epochs, batch, learning_rate, dropout, blocks: as in rnn.training.state.FitConfig.
    """

    hidden: int = 48
    embedding: int = 32
    others: float = 0.1
    epochs: int = 12
    batch: int = 16
    learning_rate: float = 0.003
    dropout: float = 0.3
    blocks: float = 0.2

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


class Match(NamedTuple):
    """A part of a gene that is of a family, 0-based half-open; partial as of a gene."""

    start: int
    end: int
    strand: str
    label: str
    partial: int
    probability: float


def fit_families(
    genes: Sequence[Protein],
    labels: Sequence[str],
    config: FamilyConfig,
    seed: int,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> tuple[Params, NetworkConfig]:
    """Train a network of families.

    Args:
        genes: residues and IOB2 numbers of each, as `data.genome.amino_acids.labelled` gives them.
        labels: the families, by code point.
        config: how.
        seed: of everything left to chance.
        on_epoch: is given each epoch's numbers.

    Returns:
        its weights, and the network they belong to.
    """
    chosen = np.random.default_rng([seed, 4]).random(len(genes)) < config.others
    some = [gene for gene, take in zip(genes, chosen, strict=True) if take or gene[1].any()]
    offsets = ragged.offsets_of([len(residues) for residues, _ in some])
    residues, targets = (np.concatenate([gene[i] for gene in some]) for i in (0, 1))
    tags = tag_set(labels)
    network = NetworkConfig(
        rows=TABLE_ROWS,
        classes=len(tags),
        hidden=config.hidden,
        cell="gru",
        output="crf",
        embedding=config.embedding,
    )
    how = FitConfig(
        epochs=config.epochs,
        batch=config.batch,
        learning_rate=config.learning_rate,
        dropout=config.dropout,
        blocks=config.blocks,
        unknown=0.0,
        patience=0,
    )
    scoring = DecodingRules.of(tags, False)
    sequences = Sequences(np.arange(len(residues), dtype=np.int32), offsets, targets.astype(np.int32))
    result = fit(
        network,
        how,
        _bags(residues, offsets),
        sequences,
        seed=seed,
        start_legal=scoring.start,
        transition_legal=scoring.transition,
        on_epoch=on_epoch,
    )
    return result.params, network


def whole_gene_labels(genes: Sequence[Protein], labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that are of whole genes, as a product is, rather than of parts, as a domain is.

    Args:
        genes: as for `fit_families`.
        labels: the families, by code point.
    """
    has, filled = np.zeros((2, len(labels)))
    for _, target in genes:
        here = np.unique((target[target > 0] - 1) // 2)
        has[here] += 1
        filled[here] += target.all()
    return tuple(label for label, n, full in zip(labels, has, filled, strict=True) if full > _MOST * n)


@dataclass(frozen=True)
class FamilyTagger:
    """A trained network of families at work; `whole` are labels that are given to genes as a whole."""

    labels: tuple[str, ...]
    whole: tuple[str, ...]
    params: Params
    network: NetworkConfig

    @classmethod
    def of(cls, passport: Mapping[str, Any], file: bytes | mmap) -> Self:
        """From what a passport says of families and the file of weights."""
        params, network, _ = from_bytes(file)
        return cls(tuple(passport["labels"]), tuple(passport["whole"]), params, network)

    def to_bytes(self) -> bytes:
        """The file of weights."""
        return to_bytes(self.params, self.network)

    def matches(self, codons: Codons, genes: Sequence[Gene], code: int) -> Iterator[Match]:
        """The parts of genes that are of a family.

        Args:
            codons: gives those of `data.genome.nucleotides.codons_of` of a part of the sequence the genes lie on.
            genes: as found, by start.
            code: their genetic code, of NCBI.
        """
        size, first = 0, 0
        for number, gene in enumerate(genes):
            size += (gene.end - gene.start) // 3
            ended = number + 1 == len(genes) or genes[number + 1].end - genes[first].start > _SPAN
            if size >= _TOGETHER or ended:
                yield from self._together(codons, genes[first : number + 1], code)
                size, first = 0, number + 1

    def _together(self, codons: Codons, genes: Sequence[Gene], code: int) -> Iterator[Match]:
        genes = [gene for gene in genes if gene.end - gene.start - gene.phase >= 3]
        start, end, phase = (np.array([gene[i] for gene in genes], np.int64) for i in (0, 1, 3))
        reverse = np.array([gene.strand == "-" for gene in genes], bool)
        origin = int(start.min()) if len(start) else 0
        words = codons(origin, int(end.max(initial=0)))
        proteins = translate(words, start - origin, end - origin, reverse, phase, code)
        proteins = proteins._replace(low=proteins.low + origin)
        likely = self._likely(proteins)
        for i, first, last, kind, chance in self._extended(proteins, self._spans(proteins, likely)):
            gene, at = genes[i], proteins.offsets[i]
            ends = proteins.low[at + first], proteins.low[at + last - 1]
            whole = 0, int(proteins.offsets[i + 1] - at)
            touches = (first == whole[0]) | (last == whole[1]) << 1  # the gene's 5' end, its 3' end
            if gene.strand == "-":
                touches = (touches & 1) << 1 | touches >> 1
            low, high = int(min(ends)), int(max(ends)) + 3
            yield Match(low, high, gene.strand, self.labels[kind], gene.partial & touches, chance)

    def _extended(self, proteins: Proteins, spans: Iterator[_Span]) -> Iterator[_Span]:
        """Spans by gene; those of a label of whole genes become one, if they cover enough of the gene."""
        for i, group in itertools.groupby(spans, key=lambda span: span[0]):
            size = int(proteins.offsets[i + 1] - proteins.offsets[i])
            covered: dict[int, tuple[int, float]] = {}
            for span in group:
                _, first, last, kind, chance = span
                if self.labels[kind] not in self.whole:
                    yield span
                    continue
                length, best = covered.get(kind, (0, 0.0))
                covered[kind] = length + last - first, max(best, chance)
            if covered:
                kind = max(covered, key=lambda kind: covered[kind])
                length, chance = covered[kind]
                if length >= MIN_COVERAGE * size:
                    yield i, 0, size, kind, chance

    def _likely(self, proteins: Proteins) -> npt.NDArray[np.int64]:
        """The genes in which there is a match."""
        scoring = DecodingRules.of(tag_set(self.labels), False)
        said = predict(
            self.params,
            self.network,
            _bags(proteins.residues, proteins.offsets),
            Sequences(np.arange(len(proteins.residues), dtype=np.int32), proteins.offsets),
            start_legal=scoring.start,
            transition_legal=scoring.transition,
            probabilities=False,
        )
        found = np.add.reduceat(said.tags > 0, proteins.offsets[:-1]) if len(said.tags) else np.empty(0)
        return np.flatnonzero(found)

    def _spans(self, proteins: Proteins, which: npt.NDArray[np.int64]) -> Iterator[_Span]:
        """Gene, first residue, residue after the last, family and probability of each match in some genes."""
        if not len(which):
            return
        parts = [proteins.residues[proteins.offsets[i] : proteins.offsets[i + 1]] for i in which]
        offsets, residues = ragged.offsets_of([len(part) for part in parts]), np.concatenate(parts)
        scoring = DecodingRules.of(tag_set(self.labels), False)
        said = predict(
            self.params,
            self.network,
            _bags(residues, offsets),
            Sequences(np.arange(len(residues), dtype=np.int32), offsets),
            start_legal=scoring.start,
            transition_legal=scoring.transition,
            scheme=scoring.scheme,
        ).spans
        assert said is not None
        assert said.probability is not None
        columns = said.sequence, said.start, said.end, said.kind, said.probability
        for sequence, first, last, kind, chance in zip(*(c.tolist() for c in columns), strict=True):
            yield int(which[sequence]), first, last, kind, chance


def _bags(residues: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Bags:
    """Every residue with the blocks of its own place."""
    number = np.arange(len(residues) + 1, dtype=np.int64)
    return Bags(
        template_rows(residues, offsets).reshape(-1), TEMPLATES * number, number[:-1].astype(np.int32)
    )
