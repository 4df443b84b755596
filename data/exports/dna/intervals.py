"""Intervals of tagged DNA for exports: identifiers, and the two parts of those that cross an origin."""

from collections.abc import Mapping

import polars as pl

from elman.data.genome.annotation_rules import CDS

WIDTH = 60  # characters of a line of sequence


class Identifiers:
    """Numbers intervals over several frames: cds1, cds2, ... and match1, ..."""

    def __init__(self) -> None:
        self._genes = self._matches = 0

    def of(self, labels: pl.Series) -> pl.Series:
        """Identifiers of the next intervals, from their labels."""
        gene = labels == CDS
        genes = gene.cast(pl.Int64).cum_sum() + self._genes
        matches = (~gene).cast(pl.Int64).cum_sum() + self._matches
        self._genes += int(gene.sum())
        self._matches += int((~gene).sum())
        numbered = pl.when(gene).then(pl.format("cds{}", genes)).otherwise(pl.format("match{}", matches))
        return pl.select(id=numbered).to_series()


def split_at_origin(frame: pl.DataFrame, lengths: Mapping[str, int]) -> pl.DataFrame:
    """Add an `id` to each interval and split those that cross the origin of their contig.

    Args:
        frame: rows of schema.INTERVALS.
        lengths: bases of every contig.

    Returns:
        the rows with `id`; the two parts of an interval stand in the order of transcription, with their own
        phases, and share their `id`.
    """
    return split(frame.with_columns(id=Identifiers().of(frame["label"])), lengths)


def split(frame: pl.DataFrame, lengths: Mapping[str, int]) -> pl.DataFrame:
    """Split intervals as `split_at_origin`, without identifiers; other columns are repeated."""
    if not len(frame):
        return frame
    names = frame["contig"].unique()
    known = pl.Series([lengths[name] for name in names], dtype=pl.Int64)
    length = frame["contig"].replace_strict(names, known, return_dtype=pl.Int64)
    over = frame["end"] > length
    if not over.any():
        return frame
    rows = frame.with_row_index("row").with_columns(length=length, over=over)
    start, end, size = pl.col("start"), pl.col("end"), pl.col("length")
    plus, phase = pl.col("strand") == "+", pl.col("phase").fill_null(0).cast(pl.Int64)
    before, after = size - start, end - size
    first = rows.with_columns(
        start=pl.when(pl.col("over") & ~plus).then(0).otherwise(start),
        end=pl.when(~pl.col("over")).then(end).when(plus).then(size).otherwise(after),
    )
    second = rows.filter("over").with_columns(
        start=pl.when(plus).then(0).otherwise(start),
        end=pl.when(plus).then(after).otherwise(size),
        phase=((phase - pl.when(plus).then(before).otherwise(after)) % 3).cast(pl.Int8),
    )
    return pl.concat([first, second]).sort("row", maintain_order=True).select(frame.columns)
