"""Errors of a gene finder, gene by gene: missed, spurious, with another start; by length and start codon."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from elman.data.metrics.genes import genes_side_by_side

EXACT, START, MISSED, SPURIOUS = OUTCOMES = ("exact", "other start", "missed", "spurious")
_LENGTHS = (150, 300, 600, 1200, 2400)  # bases
_SHIFTS = (10, 31, 100, 301)  # bases
START_CODONS = ("ATG", "GTG", "TTG", "other")


@dataclass(frozen=True)
class GeneErrors:
    """Errors of a gene finder.

    Attributes:
        genes: contig, strand, outcome, start and end of the gene in the truth and predicted (0-based
            half-open, null for none), length (bases from end to end), start_codon of the truth, shift (bases
            by which the predicted start lies downstream of the true one, or negative upstream).
        by_length, by_codon: group, genes (of the truth), found (same stop), exact (both ends), and, by
            length, spurious genes.
        shifts: group (signed distance of predicted starts) and count.
    """

    genes: pl.DataFrame
    by_length: pl.DataFrame
    by_codon: pl.DataFrame
    shifts: pl.DataFrame

    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables by name."""
        return {
            "genes": self.genes,
            "genes_by_length": self.by_length,
            "genes_by_start_codon": self.by_codon,
            "start_shifts": self.shifts,
        }


def gene_errors(
    truth: pl.DataFrame, predicted: pl.DataFrame, lengths: Mapping[str, int], label: str = "CDS"
) -> GeneErrors:
    """Compare genes with the annotation; arguments as of `data.metrics.genes.score_intervals`.

    truth may have a column start_codon, the three bases at the 5' end of each part.
    """
    genes = genes_side_by_side(truth, predicted, lengths, label)
    forward = pl.col("strand") == "+"
    for side in ("true", "predicted"):
        five, stop = pl.col(f"{side}_start"), pl.when(pl.col(f"{side}_start").is_not_null()).then("stop")
        low, high = pl.when(forward).then(five).otherwise(stop), pl.when(forward).then(stop).otherwise(five)
        genes = genes.with_columns(low.alias(f"{side}_low"), high.alias(f"{side}_high"))
    shift = pl.col("predicted_start") - pl.col("true_start")
    outcome = (
        pl.when(pl.col("predicted_start").is_null())
        .then(pl.lit(MISSED))
        .when(pl.col("true_start").is_null())
        .then(pl.lit(SPURIOUS))
        .when(shift == 0)
        .then(pl.lit(EXACT))
        .otherwise(pl.lit(START))
    )
    genes = _with_codon(genes, truth, label).with_columns(
        outcome=outcome,
        shift=pl.when(forward).then(shift).otherwise(-shift),
        length=(pl.coalesce("true_start", "predicted_start") - pl.col("stop")).abs(),
    )
    genes = genes.select(
        "contig",
        "strand",
        "outcome",
        true_start="true_low",
        true_end="true_high",
        predicted_start="predicted_low",
        predicted_end="predicted_high",
        length="length",
        start_codon="start_codon",
        shift="shift",
    )
    names = _names(_LENGTHS)
    by_length = _counted(genes.with_columns(group=_binned(pl.col("length"), _LENGTHS, names)), names, True)
    codon = pl.when(pl.col("start_codon").is_in(START_CODONS)).then("start_codon").otherwise(pl.lit("other"))
    true = genes.filter(pl.col("outcome") != SPURIOUS).with_columns(group=codon)
    return GeneErrors(genes, by_length, _counted(true, START_CODONS, False), _shifts(genes))


def _with_codon(genes: pl.DataFrame, truth: pl.DataFrame, label: str) -> pl.DataFrame:
    """Add the start codon of the truth, by the 5' end of its first part."""
    if "start_codon" not in truth.columns:
        return genes.with_columns(start_codon=pl.lit(None, pl.String))
    five = pl.when(pl.col("strand") == "+").then("start").otherwise("end").cast(pl.Int64)
    codons = truth.filter(pl.col("label") == label).select("contig", "strand", "start_codon", true_start=five)
    keys = ["contig", "strand", "true_start"]
    return genes.join(codons.unique(keys, keep="first", maintain_order=True), on=keys, how="left")


def _counted(genes: pl.DataFrame, order: tuple[str, ...], spurious: bool) -> pl.DataFrame:
    outcome = pl.col("outcome")
    figures = {
        "genes": outcome != SPURIOUS,
        "found": outcome.is_in((EXACT, START)),
        "exact": outcome == EXACT,
        **({"spurious": outcome == SPURIOUS} if spurious else {}),
    }
    table = genes.group_by("group").agg(**{name: expr.sum().cast(pl.Int64) for name, expr in figures.items()})
    place = {name: number for number, name in enumerate(order)}
    return table.sort(pl.col("group").replace_strict(place, return_dtype=pl.Int64))


def _shifts(genes: pl.DataFrame) -> pl.DataFrame:
    """Number of predicted starts by their distance; "upstream" makes the gene longer."""
    names = [*(f"{name} upstream" for name in reversed(_names(_SHIFTS, 1)))]
    names += ["same start", *(f"{name} downstream" for name in _names(_SHIFTS, 1))]
    shift = pl.col("shift")
    size = _binned(shift.abs(), _SHIFTS, _names(_SHIFTS, 1))
    group = (
        pl.when(shift == 0)
        .then(pl.lit("same start"))
        .when(shift < 0)
        .then(pl.format("{} upstream", size))
        .otherwise(pl.format("{} downstream", size))
    )
    counts = dict(genes.filter(shift.is_not_null()).group_by(group=group).len().rows())
    rows = [(name, counts[name]) for name in names if name in counts]
    return pl.DataFrame(rows, schema={"group": pl.String, "count": pl.Int64}, orient="row")


def _names(edges: tuple[int, ...], least: int = 0) -> tuple[str, ...]:
    lows = (least, *edges[:-1])
    between = (f"{low} to {edge - 1}" for low, edge in zip(lows, edges, strict=True))
    return (*between, f"{edges[-1]} and more")


def _binned(value: pl.Expr, edges: tuple[int, ...], names: tuple[str, ...]) -> pl.Expr:
    out = pl.lit(names[-1])
    for edge, name in reversed(list(zip(edges, names, strict=False))):
        out = pl.when(value < edge).then(pl.lit(name)).otherwise(out)
    return out
