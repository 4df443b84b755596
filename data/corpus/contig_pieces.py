"""Rows of a DNA corpus: contigs divided into pieces, and neighbouring pieces joined again."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.genome.contigs import Contig
from elman.data.genome.nucleotides import soft_masked
from elman.data.store import schema
from elman.data.store.dataset import Dataset

PIECE = 100_000  # bases in a row of the table; dev blocks are as long
AT_ONCE = 10_000_000  # bases of contigs that are read together: each reading scans the corpus
KEY = ("source", "byte_offset", "contig")  # of a contig in the table


def pieces(
    contig: Contig, split: str | Sequence[str] = "train", size: int = PIECE, numbers: range | None = None
) -> pl.DataFrame:
    """A contig, or some pieces of it, as rows of schema.DNA.

    Args:
        contig: as read.
        split: of all pieces of the contig, or of each.
        size: bases in a piece; the last may be shorter.
        numbers: pieces to make, from 0; all if None.

    Returns:
        one row a piece, each with all features that overlap it, whole, and its share of the masked intervals:
        lower case, unless all of the contig is.
    """
    numbers = range(-(-contig.length // size)) if numbers is None else numbers
    starts = [number * size for number in numbers]
    parts = [contig.bases[at : at + size] for at in starts]
    lower = not any(re.search("[A-Z]", contig.bases[at : at + size]) for at in range(0, contig.length, size))
    features: list[list[dict[str, object]] | None] = [None] * len(starts)
    if contig.features is not None:
        lists: list[list[dict[str, object]]] = [[] for _ in starts]
        for f in contig.features:
            row = {
                "start": f.start,
                "end": f.end,
                "strand": f.strand,
                "label": f.label,
                "phase": f.phase,
                "id": f.id,
            }
            first, last = max(f.start // size, numbers.start), min((f.end - 1) // size + 1, numbers.stop)
            for number in range(first, last):
                lists[number - numbers.start].append(row)
        features = list(lists)
    return pl.DataFrame(
        {
            "contig": [contig.id] * len(starts),
            "contig_length": [contig.length] * len(starts),
            "split": [split] * len(starts) if isinstance(split, str) else [split[n] for n in numbers],
            "start": starts,
            "bases": parts,
            "circular": [contig.circular] * len(starts),
            "masked": [
                [] if lower else _intervals(soft_masked(part) + at)
                for at, part in zip(starts, parts, strict=True)
            ],
            "features": features,
            "source": [contig.source] * len(starts),
            "byte_offset": [contig.byte_offset] * len(starts),
        },
        schema=schema.DNA,
    )


def _intervals(places: npt.NDArray[np.int64]) -> list[dict[str, int]]:
    return [{"start": start, "end": end} for start, end in places.tolist()]


@dataclass(frozen=True)
class Stretch:
    """Neighbouring pieces of one contig, joined again.

    start: where it begins in the contig.
    bases: exactly as in the source.
    circular: True if it is the whole of a circular contig.
    features: one row a part of a feature, as in schema.FEATURE, contig coordinates; None without annotation.
    """

    source: str
    contig: str
    contig_length: int
    start: int
    bases: str
    features: pl.DataFrame | None
    circular: bool = False

    def __len__(self) -> int:
        return len(self.bases)


def stretches(frame: pl.DataFrame) -> Iterator[Stretch]:
    """Join the pieces of schema.DNA rows, in any order, into the longest unbroken stretches of contigs."""
    frame = frame.sort(*KEY, "start")
    lengths = frame["bases"].str.len_bytes().to_numpy()
    starts = frame["start"].to_numpy()
    same = (frame.select(pl.struct(KEY).rle_id()).to_series()).to_numpy()
    fresh = np.ones(len(frame), bool)
    fresh[1:] = (same[1:] != same[:-1]) | (starts[1:] != starts[:-1] + lengths[:-1])
    firsts = np.flatnonzero(fresh).tolist()
    for first, last in zip(firsts, [*firsts[1:], len(frame)], strict=True):
        some = frame[first:last]
        labelled = some.filter(pl.col("features").is_not_null())
        features = None
        if len(labelled):
            features = labelled.select(pl.col("features").list.explode(empty_as_null=False)).unnest(
                "features"
            )
            features = features.unique(maintain_order=True).sort("start", "end", maintain_order=True)
        row = some.row(0, named=True)
        bases = "".join(some["bases"])
        yield Stretch(
            row["source"],
            row["contig"],
            row["contig_length"],
            row["start"],
            bases,
            features,
            row["circular"] and len(bases) == row["contig_length"],
        )


def stretches_of(corpus: Path, split: str, contents: Collection[str] = ()) -> Iterator[Stretch]:
    """Stretches of a split, or of those contents in it; contigs of AT_ONCE bases or one in memory."""
    dataset = Dataset.open(corpus)
    frame = (dataset.made_of(contents) if contents else dataset).scan("data")
    if split != "all":
        frame = frame.filter(pl.col("split") == split)
    contigs = frame.group_by(KEY).agg(pl.col("contig_length").first()).collect().sort(KEY)
    ends = contigs["contig_length"].cum_sum()
    groups = contigs.with_columns(group=(ends - contigs["contig_length"]) // AT_ONCE)
    for some in groups.partition_by("group", maintain_order=True):
        yield from stretches(frame.join(some.lazy(), on=KEY, how="semi").collect())
