"""Scores of coding regions against an annotation: per base and per gene, strand by strand.

A base counts once on each strand. A gene is matched by its stop codon, or by both of its ends. Bases under a
pseudogene are left out, and so are genes, true or predicted, of which half or more lies under one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data import ragged
from elman.data.genome.contigs import NEITHER
from elman.data.metrics.registry import Score, register

STRANDS = ("+", "-")
_Bits = npt.NDArray[np.bool_]
_Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BaseScores:
    """Counts of bases, and their rates; a rate is 0 where it is undefined."""

    tp: int
    fp: int
    fn: int
    tn: int

    @classmethod
    def of(cls, counts: Iterable[int]) -> "BaseScores":
        """From tp, fp, fn, tn."""
        return cls(*(int(count) for count in counts))

    @property
    def precision(self) -> float:
        """Share of the predicted bases that are true."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the true bases that are predicted."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def mcc(self) -> float:
        """Matthews correlation coefficient."""
        tp, fp, fn, tn = self.tp, self.fp, self.fn, self.tn
        product = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return (float(tp) * tn - float(fp) * fn) / product**0.5 if product else 0.0

    def to_json(self) -> dict[str, float]:
        """Plain JSON values."""
        names = ("tp", "fp", "fn", "tn", "precision", "recall", "f1", "mcc")
        return {name: getattr(self, name) for name in names}


class GeneMatches(NamedTuple):
    """Genes of the truth, predicted and matched: by their stop codon, and by both ends."""

    truth: int
    predicted: int
    stops: int
    exact_truth: int
    exact_predicted: int
    exact: int

    def to_json(self) -> dict[str, float]:
        """Plain JSON values; a rate is 0 where it is undefined."""
        return {
            "truth": self.truth,
            "predicted": self.predicted,
            "stop_recall": _ratio(self.stops, self.truth),
            "stop_precision": _ratio(self.stops, self.predicted),
            "exact_recall": _ratio(self.exact, self.exact_truth),
            "exact_precision": _ratio(self.exact, self.exact_predicted),
        }


@dataclass(frozen=True)
class ContigScores:
    """Scores of one contig: its bases, each counted on either strand, and its genes."""

    contig: str
    length: int
    bases: BaseScores
    genes: GeneMatches

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, in one level."""
        return {"contig": self.contig, "bases": self.length, **self.bases.to_json(), **self.genes.to_json()}


@dataclass(frozen=True, kw_only=True)
class GeneScores:
    """Scores of a gene finder.

    Attributes:
        bases: scored.
        masked: bases under a pseudogene, left out.
        strands: by strand.
        either_strand: bases counted once, coding if they are on any strand.
        gene: genes.
        contigs: by contig.
        families: by family.
        more: results of further registered scores, by name.
    """

    bases: int
    masked: int
    strands: Mapping[str, BaseScores]
    either_strand: BaseScores
    gene: GeneMatches
    contigs: tuple[ContigScores, ...]
    families: Mapping[str, BaseScores] = field(default_factory=dict)
    more: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def per_strand(self) -> BaseScores:
        """Bases counted once on each strand."""
        return BaseScores.of(np.sum([(s.tp, s.fp, s.fn, s.tn) for s in self.strands.values()], axis=0))

    @property
    def per_type(self) -> dict[str, BaseScores]:
        """By strand of the coding regions, then by family."""
        return {**{f"CDS {strand}": scores for strand, scores in self.strands.items()}, **self.families}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; the rates of `per_strand` are repeated at the top."""
        per_strand = self.per_strand.to_json()
        return {
            **{name: per_strand[name] for name in ("precision", "recall", "f1", "mcc")},
            "per_type": {name: scores.to_json() for name, scores in self.per_type.items()},
            "bases": self.bases,
            "masked": self.masked,
            "per_strand": per_strand,
            "strands": {strand: scores.to_json() for strand, scores in self.strands.items()},
            "either_strand": self.either_strand.to_json(),
            "gene": self.gene.to_json(),
            "contigs": [scores.to_json() for scores in self.contigs],
            **self.more,
        }


def score_intervals(
    truth: pl.DataFrame, predicted: pl.DataFrame, lengths: Mapping[str, int], label: str = "CDS"
) -> GeneScores:
    """Score predicted intervals.

    Args:
        truth: contig, start, end, strand, label, id; one row a part of a gene, pseudogenes labelled so.
        predicted: contig, start, end, strand, label, and id where genes have parts.
        lengths: bases of every contig to score; others are left out.
        label: of the intervals to score.
    """
    true, called = _parts_of(truth, predicted, label)
    pseudo = _Parts(truth.filter(pl.col("label").is_in(NEITHER)))
    strands, either, matches = np.zeros((2, 4), np.int64), np.zeros(4, np.int64), np.zeros(6, np.int64)
    contigs = []
    masked = 0
    for contig, length in lengths.items():
        scored = ~pseudo.paint(contig, length).any(axis=0)
        t, p = true.paint(contig, length)[:, scored], called.paint(contig, length)[:, scored]
        by_strand = np.array([_counts(t[side], p[side]) for side in (0, 1)])
        under = ragged.offsets_of(np.asarray(~scored))
        found = _match(true.genes(contig, under), called.genes(contig, under))
        strands += by_strand
        either += _counts(t[0] | t[1], p[0] | p[1])
        masked += int((~scored).sum())
        matches += found
        contigs.append(ContigScores(contig, length, BaseScores.of(by_strand.sum(axis=0)), found))
    return GeneScores(
        bases=int(either.sum()),
        masked=masked,
        strands={name: BaseScores.of(counts) for name, counts in zip(STRANDS, strands, strict=True)},
        either_strand=BaseScores.of(either),
        gene=GeneMatches(*matches.tolist()),
        contigs=tuple(contigs),
    )


def block_counts(
    truth: pl.DataFrame,
    predicted: pl.DataFrame,
    lengths: Mapping[str, int],
    label: str = "CDS",
    size: int = 20_000,
) -> _Int:
    """Bases by outcome in blocks of contigs, (U, 4) int64: tp, fp, fn, tn, as `score_intervals` counts them.

    Args:
        truth, predicted, lengths, label: as of `score_intervals`.
        size: bases of a block; the last one of a contig may be shorter. A base counts on either strand.
    """
    true, called = _parts_of(truth, predicted, label)
    pseudo = _Parts(truth.filter(pl.col("label").is_in(NEITHER)))
    blocks = [np.zeros((0, 4), np.int64)]
    for contig, length in lengths.items():
        if not length:
            continue
        scored = ~pseudo.paint(contig, length).any(axis=0)
        t, p = true.paint(contig, length), called.paint(contig, length)
        begins = np.arange(0, length, size)
        each = [
            np.add.reduceat((bits & scored).sum(axis=0, dtype=np.int64), begins)
            for bits in (t & p, ~t & p, t & ~p, ~t & ~p)
        ]
        blocks.append(np.stack(each, axis=-1))
    return np.concatenate(blocks)


def mcc_of(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Matthews correlation coefficient of counts (..., 4) of tp, fp, fn, tn; 0 where it is undefined."""
    tp, fp, fn, tn = (counts[..., column].astype(np.float64) for column in range(4))
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    mcc: npt.NDArray[np.float64] = (tp * tn - fp * fn) / np.sqrt(np.where(product > 0, product, np.inf))
    return mcc


def genes_side_by_side(
    truth: pl.DataFrame, predicted: pl.DataFrame, lengths: Mapping[str, int], label: str = "CDS"
) -> pl.DataFrame:
    """Genes of the truth beside the predicted ones of the same stop codon; arguments as of `score_intervals`.

    Returns:
        contig, strand, stop, true_start and predicted_start (positions between bases, of the 3' and 5' ends;
        null on the side that has no gene), by contig and stop. Genes that the scores leave out are left out.
    """
    true, called = _parts_of(truth, predicted, label)
    pseudo = _Parts(truth.filter(pl.col("label").is_in(NEITHER)))
    rows: list[tuple[str, str, int, int | None, int | None]] = []
    for contig, length in lengths.items():
        under = ragged.offsets_of(np.asarray(pseudo.paint(contig, length).any(axis=0)))
        sides = [{(s, stop): five for s, five, stop in of.genes(contig, under)} for of in (true, called)]
        rows += [
            (contig, STRANDS[key[0]], key[1], sides[0].get(key), sides[1].get(key))
            for key in sorted({*sides[0], *sides[1]}, key=lambda key: (key[1], key[0]))
        ]
    schema = dict.fromkeys(("contig", "strand"), pl.String) | dict.fromkeys(
        ("stop", "true_start", "predicted_start"), pl.Int64
    )
    return pl.DataFrame(rows, schema=schema, orient="row")


def _parts_of(truth: pl.DataFrame, predicted: pl.DataFrame, label: str) -> tuple["_Parts", "_Parts"]:
    if "id" not in predicted.columns:
        predicted = predicted.with_columns(id=pl.int_range(pl.len()).cast(pl.String))
    true, called = (_Parts(frame.filter(pl.col("label") == label)) for frame in (truth, predicted))
    return true, called


def _ratio(a: int, b: int) -> float:
    return a / b if b else 0.0


class _Parts:
    """Parts of genes as arrays, sorted by contig, gene and start.

    Args:
        frame: contig, start, end, strand, id.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        frame = frame.sort("contig", "strand", "id", "start", "end")
        self.start, self.end = (frame[name].cast(pl.Int64).to_numpy() for name in ("start", "end"))
        self.reverse = (frame["strand"] == "-").to_numpy()
        gene = frame.select(pl.struct("contig", "strand", "id").rle_id()).to_series().to_numpy()
        self.first_of_gene = np.diff(gene.astype(np.int64), prepend=-1) != 0
        runs = frame["contig"].rle().struct.unnest()
        ends = runs["len"].cum_sum().to_list()
        self.rows = {
            contig: slice(end - size, end)
            for contig, size, end in zip(runs["value"].to_list(), runs["len"].to_list(), ends, strict=True)
        }

    def paint(self, contig: str, length: int) -> _Bits:
        """True for the bases of each strand of a contig under a part, (2, L)."""
        out = np.zeros((2, length), bool)
        rows = self.rows.get(contig, slice(0))
        columns = (column[rows].tolist() for column in (self.start, self.end, self.reverse))
        for start, end, reverse in zip(*columns, strict=True):
            out[int(reverse), max(start, 0) : max(end, 0)] = True
        return out

    def genes(self, contig: str, under: _Int) -> set[tuple[bool, int, int]]:
        """Strand, 5' end and 3' end of each gene of a contig that is not half or more under a pseudogene.

        under: (L + 1,) bases under a pseudogene before each base.
        """
        rows = self.rows.get(contig, slice(0))
        start, end = self.start[rows], self.end[rows]
        if not len(start):
            return set()
        first = np.flatnonzero(self.first_of_gene[rows])
        last = np.append(first[1:], len(start)) - 1
        limit = len(under) - 1
        hidden = np.add.reduceat(under[np.minimum(end, limit)] - under[np.minimum(start, limit)], first)
        seen = 2 * hidden < np.add.reduceat(end - start, first)
        low, high, reverse = start[first][seen], end[last][seen], self.reverse[rows][first][seen]
        five, three = np.where(reverse, high, low), np.where(reverse, low, high)
        return set(zip(reverse.tolist(), five.tolist(), three.tolist(), strict=True))


def _counts(true: _Bits, called: _Bits) -> _Int:
    """Bases by outcome: tp, fp, fn, tn."""
    both = int((true & called).sum())
    t, p = int(true.sum()), int(called.sum())
    return np.array([both, p - both, t - both, true.size - t - p + both], np.int64)


def _match(truth: set[tuple[bool, int, int]], called: set[tuple[bool, int, int]]) -> GeneMatches:
    stops, called_stops = {(s, b) for s, _, b in truth}, {(s, b) for s, _, b in called}
    exact = len(truth), len(called), len(truth & called)
    return GeneMatches(len(stops), len(called_stops), len(stops & called_stops), *exact)


register(Score(name="genes", family="dna", compute=score_intervals, headline="mcc"))
