"""Family tagger: the tagger network over the residues of genes, with IOB2 tags of protein families."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from mmap import mmap
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from elman.data import ragged
from elman.data.genome.amino_acids import TABLE_ROWS, TEMPLATES, template_rows, with_exchanges
from elman.data.genome.gene_decoder import Gene
from elman.data.genome.genetic_code import Translation, residue_table, translate
from elman.data.text.tags import tag_set
from elman.rnn.compute.arrays import Params
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.decode import Decoder
from elman.rnn.layers import crf
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import from_bytes, to_bytes
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import NO_CALLBACKS, Callbacks, Data, Trainer
from elman.tasks.models.passport import GenePassport
from elman.tasks.models.tag_set import tag_scheme

WEIGHTS = "families.safetensors"
MIN_COVERAGE = 0.15  # share of a gene that must be covered to give it a whole-gene label
_MOST = 0.9  # share of the genes of a whole-gene label that are labelled throughout in training
_TOGETHER = 1 << 18  # residues tagged at once
_SPAN = 1 << 21  # bases that they lie on

Codons = Callable[[int, int], npt.NDArray[np.uint8]]

Protein = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]  # residues, IOB2 numbers
_Span = tuple[int, int, int, int, float]  # gene, first residue, residue after the last, family, probability


@dataclass(frozen=True, kw_only=True)
class FamilyConfig:
    """Settings of a family tagger: network and training; part of the passport.

    Attributes:
        hidden: units of the cell in each direction.
        embedding: width of the embedding of a residue.
        others: share of the genes without a family that are trained on.
        copies: of each gene with a family, beside itself, whose residues are exchanged.
        exchanged: largest share of residues that are exchanged, of the copies and as often of other genes.
        least: mean probability over the residues of a gene from which it has a label of whole genes; None:
            the best tags cover MIN_COVERAGE of it, as in earlier models.
        epochs, batch, learning_rate, dropout, blocks: as in FitConfig.
    """

    hidden: int = 48
    embedding: int = 32
    others: float = 0.1
    copies: int = 0
    exchanged: float = 0.5
    least: float | None = None
    epochs: int = 12
    batch: int = 16
    learning_rate: float = 0.003
    dropout: float = 0.3
    blocks: float = 0.2

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


class Match(NamedTuple):
    """Part of a gene with the label of a family, 0-based half-open; partial as in Gene."""

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
    """Train a family tagger.

    Args:
        genes: residues and IOB2 numbers of each, of `data.genome.amino_acids.labelled_proteins`.
        labels: the families, by code point.
        config: of the network and the training.
        seed: of all random draws.
        on_epoch: receives the metrics of each epoch.

    Returns:
        weights, and the config of their network.
    """
    chosen = np.random.default_rng([seed, 4]).random(len(genes)) < config.others
    some = [gene for gene, take in zip(genes, chosen, strict=True) if take or gene[1].any()]
    if config.copies:
        some = _with_copies(some, config, np.random.default_rng([seed, 5]))
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
    sequences = Sequences(np.arange(len(residues), dtype=np.int32), offsets, targets.astype(np.int32))
    data = Data(_bags(residues, offsets), sequences)
    trainer = Trainer(network, how, data, scheme=tag_scheme(tags, False), seed=seed)
    callbacks = NO_CALLBACKS if on_epoch is None else Callbacks(on_epoch)
    return trainer.run(callbacks).params, network


def _with_copies(genes: Sequence[Protein], config: FamilyConfig, rng: np.random.Generator) -> list[Protein]:
    """Genes, and copies of those with a family; a copy, or a gene without one as often, has exchanges."""
    out = []
    for residues, target in genes:
        first = 0 if target.any() else rng.integers(config.copies + 1)
        for number in range(first, config.copies + 1 if target.any() else first + 1):
            share = config.exchanged * rng.random() if number else 0.0
            out.append((with_exchanges(residues, share, rng), target))
    return out


def whole_gene_labels(genes: Sequence[Protein], labels: Sequence[str]) -> tuple[str, ...]:
    """Labels of whole genes, such as products, as opposed to those of parts, such as domains.

    Args:
        genes: as for `fit_families`.
        labels: the families, by code point.
    """
    labelled, covered = np.zeros((2, len(labels)))
    for _, target in genes:
        kinds = np.unique((target[target > 0] - 1) // 2)
        labelled[kinds] += 1
        covered[kinds] += target.all()
    return tuple(label for label, n, full in zip(labels, labelled, covered, strict=True) if full > _MOST * n)


@dataclass(frozen=True)
class FamilyTagger:
    """A trained family tagger; `whole`: labels that cover a gene as a whole; `least`: as in FamilyConfig."""

    labels: tuple[str, ...]
    whole: tuple[str, ...]
    params: Params
    network: NetworkConfig
    least: float | None = None

    @classmethod
    def of(cls, passport: GenePassport, file: bytes | mmap) -> Self:
        """Load from the passport of a model and its file of weights."""
        params, network, _ = from_bytes(file)
        least = passport.config.get("families", {}).get("least")
        return cls(tuple(passport.labels), tuple(passport.whole), params, network, least)

    @cached_property
    def _decoder(self) -> Decoder:
        return Decoder(self.network, self.params, tag_scheme(tag_set(self.labels), False))

    def to_bytes(self) -> bytes:
        """The file of weights."""
        return to_bytes(self.params, self.network)

    def by_batch(
        self, codons: Codons, genes: Iterable[Gene], code: int
    ) -> Iterator[tuple[list[Gene], list[Match]]]:
        """Yield genes that are looked at together, with the parts of them that belong to a family.

        Args:
            codons: reads those of `nucleotides.codons_of` from a first base of the contig to a last.
            genes: of the contig, by start.
            code: genetic code of NCBI.
        """
        batch: list[Gene] = []
        size = 0
        for gene in genes:
            if batch and (size >= _TOGETHER or gene.end - batch[0].start > _SPAN):
                yield batch, list(self._matches(codons, batch, code))
                batch, size = [], 0
            batch.append(gene)
            size += (gene.end - gene.start) // 3
        if batch:
            yield batch, list(self._matches(codons, batch, code))

    def _matches(self, codons: Codons, genes: Sequence[Gene], code: int) -> Iterator[Match]:
        genes = [gene for gene in genes if gene.end - gene.start - gene.phase >= 3]
        start, end, phase = (np.array([gene[i] for gene in genes], np.int64) for i in (0, 1, 3))
        reverse = np.array([gene.strand == "-" for gene in genes], bool)
        origin = int(start.min()) if len(start) else 0
        words = codons(origin, int(end.max(initial=0)))
        proteins = translate(words, start - origin, end - origin, reverse, phase, residue_table(code))
        proteins = proteins._replace(low=proteins.low + origin)
        spans = self._spans(proteins, self._matching(proteins))
        if self.least is None:
            spans = self._extended(proteins, spans)
        else:
            parts = (span for span in spans if self.labels[span[3]] not in self.whole)
            spans = itertools.chain(parts, self._whole_genes(proteins, self.least))
        for i, first, last, kind, probability in spans:
            gene, at = genes[i], proteins.offsets[i]
            ends = proteins.low[at + first], proteins.low[at + last - 1]
            whole = 0, int(proteins.offsets[i + 1] - at)
            touches = (first == whole[0]) | (last == whole[1]) << 1  # the gene's 5' end, its 3' end
            if gene.strand == "-":
                touches = (touches & 1) << 1 | touches >> 1
            low, high = int(min(ends)), int(max(ends)) + 3
            yield Match(low, high, gene.strand, self.labels[kind], gene.partial & touches, probability)

    def _extended(self, proteins: Translation, spans: Iterator[_Span]) -> Iterator[_Span]:
        """Spans by gene; those of whole-gene labels become one of the gene if they cover enough of it."""
        for i, group in itertools.groupby(spans, key=lambda span: span[0]):
            size = int(proteins.offsets[i + 1] - proteins.offsets[i])
            covered: dict[int, tuple[int, float]] = {}
            for span in group:
                _, first, last, kind, probability = span
                if self.labels[kind] not in self.whole:
                    yield span
                    continue
                length, best = covered.get(kind, (0, 0.0))
                covered[kind] = length + last - first, max(best, probability)
            if covered:
                kind = max(covered, key=lambda kind: covered[kind])
                length, probability = covered[kind]
                if length >= MIN_COVERAGE * size:
                    yield i, 0, size, kind, probability

    def _whole_genes(self, proteins: Translation, least: float) -> Iterator[_Span]:
        """Spans of whole genes: the likeliest label of whole genes, of a mean probability of `least`."""
        kinds = np.flatnonzero([label in self.whole for label in self.labels])
        if not len(kinds) or not len(proteins.residues):
            return
        probability = np.zeros((len(proteins.residues), len(kinds)), np.float32)
        sequences = Sequences(np.arange(len(proteins.residues), dtype=np.int32), proteins.offsets)
        decoder = self._decoder
        with single_threaded():
            for some in decoder.emissions(_bags(proteins.residues, proteins.offsets), sequences):
                tags = crf.forward_backward(some.weights, some.starts, decoder.weights).marginals
                probability[some.places] = tags[:, 2 * kinds + 1] + tags[:, 2 * kinds + 2]
        sizes = np.diff(proteins.offsets)
        means = np.add.reduceat(probability, proteins.offsets[:-1]) / sizes[:, None]
        for i in np.flatnonzero(means.max(axis=1) >= least).tolist():
            best = int(means[i].argmax())
            yield i, 0, int(sizes[i]), int(kinds[best]), float(means[i, best])

    def _matching(self, proteins: Translation) -> npt.NDArray[np.int64]:
        """Numbers of the genes with a match: by the best tags alone, which are faster than probabilities."""
        prediction = self._decoder.tag(
            _bags(proteins.residues, proteins.offsets),
            Sequences(np.arange(len(proteins.residues), dtype=np.int32), proteins.offsets),
        )
        tagged = prediction.tags > 0
        return (
            np.flatnonzero(np.add.reduceat(tagged, proteins.offsets[:-1]))
            if len(tagged)
            else np.empty(0, int)
        )

    def _spans(self, proteins: Translation, which: npt.NDArray[np.int64]) -> Iterator[_Span]:
        """Matches in the genes of these numbers."""
        if not len(which):
            return
        parts = [proteins.residues[proteins.offsets[i] : proteins.offsets[i + 1]] for i in which]
        offsets, residues = ragged.offsets_of([len(part) for part in parts]), np.concatenate(parts)
        spans = self._decoder.tag_with_probabilities(
            _bags(residues, offsets), Sequences(np.arange(len(residues), dtype=np.int32), offsets)
        ).spans
        assert spans is not None
        assert spans.probability is not None
        columns = spans.sequence, spans.start, spans.end, spans.kind, spans.probability
        for sequence, first, last, kind, probability in zip(*(c.tolist() for c in columns), strict=True):
            yield int(which[sequence]), first, last, kind, probability


def _bags(residues: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Bags:
    """A feature bag for every residue."""
    number = np.arange(len(residues) + 1, dtype=np.int64)
    return Bags(
        template_rows(residues, offsets).reshape(-1), TEMPLATES * number, number[:-1].astype(np.int32)
    )
