"""Coding regions against an annotation: per base and per gene, strand by strand.

A base counts once on each strand. A gene is found by the place of its stop codon, or by both of its ends.
Bases under a pseudogene are left out, and so are genes, true or predicted, that lie half or more under one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data import ragged
from elman.data.genome.contigs import PSEUDOGENE

STRANDS = ("+", "-")
_Bits = npt.NDArray[np.bool_]


def score_intervals(
    truth: pl.DataFrame, predicted: pl.DataFrame, lengths: Mapping[str, int], label: str = "CDS"
) -> dict[str, Any]:
    """Score predicted intervals.

    Args:
        truth: contig, start, end, strand, label, id; one row a part of a gene, pseudogenes labelled so.
        predicted: contig, start, end, strand, label, and id where genes have parts.
        lengths: bases of every contig that is judged; others are left out.
        label: what is scored.

    Returns:
        `per_strand`, `strands` (each alone), `either_strand`: tp, fp, fn, tn, precision, recall, f1, mcc over
        bases; `gene`: truth and predicted genes, stop_recall, stop_precision, exact_recall and
        exact_precision; `contigs`: one dict a contig; `bases`, `masked`.
    """
    wanted = truth.filter(pl.col("label") == label)
    pseudo = truth.filter(pl.col("label") == PSEUDOGENE)
    calls = predicted.filter(pl.col("label") == label)
    if "id" not in calls.columns:
        calls = (
            calls.with_row_index("number").with_columns(id=pl.col("number").cast(pl.String)).drop("number")
        )
    parts = [_by_contig(frame) for frame in (wanted, calls, pseudo)]
    strands, either = np.zeros((2, 4), np.int64), np.zeros(4, np.int64)
    genes = np.zeros(6, np.int64)
    contigs = []
    masked = 0
    for contig, length in lengths.items():
        t, p, m = (part.get(contig, []) for part in parts)
        keep = ~_paint(m, length).any(axis=0)
        true, called = _paint(t, length), _paint(p, length)
        true, called = true[:, keep], called[:, keep]
        here = np.array([_counts(true[side], called[side]) for side in (0, 1)])
        strands += here
        either += _counts(true[0] | true[1], called[0] | called[1])
        masked += int((~keep).sum())
        under = ragged.offsets_of(np.asarray(~keep))
        found = _gene_counts(_genes(t, under), _genes(p, under))
        genes += found
        contigs.append({"contig": contig, "bases": length, **rates(here.sum(axis=0)), **_gene_rates(found)})
    return {
        "bases": int(either.sum()),
        "masked": masked,
        "per_strand": rates(strands.sum(axis=0)),
        "strands": {strand: rates(counts) for strand, counts in zip(STRANDS, strands, strict=True)},
        "either_strand": rates(either),
        "gene": _gene_rates(genes),
        "contigs": contigs,
    }


def rates(counts: Iterable[int]) -> dict[str, float]:
    """Precision, recall, F1 and Matthews' correlation from tp, fp, fn, tn; 0 where undefined."""
    tp, fp, fn, tn = (int(c) for c in counts)
    product = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return {
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "mcc": (float(tp) * tn - float(fp) * fn) / product**0.5 if product else 0.0,
    }


def _ratio(a: int, b: int) -> float:
    return a / b if b else 0.0


_Part = tuple[int, int, str, str]  # start, end, strand, id


def _by_contig(frame: pl.DataFrame) -> dict[str, list[_Part]]:
    out: dict[str, list[_Part]] = {}
    for contig, *part in frame.select("contig", "start", "end", "strand", "id").iter_rows():
        out.setdefault(contig, []).append((part[0], part[1], part[2], part[3]))
    return out


def _paint(parts: list[_Part], length: int) -> _Bits:
    """(2, L): which bases of each strand lie under a part."""
    out = np.zeros((2, length), bool)
    for start, end, strand, _ in parts:
        out[STRANDS.index(strand), max(start, 0) : max(end, 0)] = True
    return out


def _counts(true: _Bits, called: _Bits) -> npt.NDArray[np.int64]:
    both = int((true & called).sum())
    t, p = int(true.sum()), int(called.sum())
    return np.array([both, p - both, t - both, true.size - t - p + both], np.int64)


def _genes(parts: list[_Part], under: npt.NDArray[np.int64]) -> set[tuple[str, int, int]]:
    """Strand, 5' end and 3' end of each gene that is not half or more under a pseudogene."""
    by_id: dict[tuple[str, str], list[_Part]] = {}
    for part in parts:
        by_id.setdefault((part[2], part[3]), []).append(part)
    out = set()
    last = len(under) - 1
    for (strand, _), some in by_id.items():
        hidden = sum(int(under[min(end, last)] - under[min(start, last)]) for start, end, _, _ in some)
        if 2 * hidden >= sum(end - start for start, end, _, _ in some):
            continue
        some.sort()
        low, high = some[0][0], some[-1][1]
        out.add((strand, low, high) if strand == "+" else (strand, high, low))
    return out


def _gene_counts(truth: set[tuple[str, int, int]], calls: set[tuple[str, int, int]]) -> npt.NDArray[np.int64]:
    """By stop, then by both ends: genes of the truth, genes called, genes found."""
    stops, called = {(s, b) for s, _, b in truth}, {(s, b) for s, _, b in calls}
    found = len(stops & called), len(truth), len(calls), len(truth & calls)
    return np.array([len(stops), len(called), *found], np.int64)


def _gene_rates(counts: Iterable[int]) -> dict[str, float]:
    truth, called, stop, exact_truth, exact_called, exact = (int(c) for c in counts)
    return {
        "truth": truth,
        "predicted": called,
        "stop_recall": _ratio(stop, truth),
        "stop_precision": _ratio(stop, called),
        "exact_recall": _ratio(exact, exact_truth),
        "exact_precision": _ratio(exact, exact_called),
    }
