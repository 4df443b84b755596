"""Export of codon positions: a FASTA-like file with a digit or dot for every base of both strands."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from elman.data.exports.dna.intervals import WIDTH, split
from elman.data.exports.registry import Chunk, Export, Tables, register
from elman.data.genome.annotation_rules import CDS

_STRETCH = WIDTH << 14  # bases whose codon positions are in memory at a time


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """Two entries per contig, one per strand, each as long as the contig.

    A coding base has its codon position, 0, 1 or 2 from the gene's 5' end on, any other base a dot; where
    genes of a strand overlap, the more probable one counts.

    Args:
        tables: contigs (schema.TAGGED_CONTIGS) and data (schema.INTERVALS).
        config: of the tagged dataset, unused.
    """
    for contigs, intervals in tables("contigs", "data"):
        lengths = dict(contigs.select("contig", "length").iter_rows())
        genes = intervals.filter(pl.col("label") == CDS).sort("probability", maintain_order=True)
        by_strand = split(genes, lengths).partition_by("contig", "strand", as_dict=True)
        for contig, length in contigs.select("contig", "length").iter_rows():
            for strand in "+-":
                yield f">{contig} {strand}\n".encode()
                yield from _positions(by_strand.get((contig, strand), genes.clear()), strand, length)


def _positions(genes: pl.DataFrame, strand: str, length: int) -> Iterator[Chunk]:
    """Lines of one strand of a contig; where genes overlap, the later one counts."""
    begins, ends = genes["start"].to_numpy(), genes["end"].to_numpy()
    phases = genes["phase"].fill_null(0).cast(pl.Int64).to_numpy()
    for low in range(0, length, _STRETCH):
        high = min(low + _STRETCH, length)
        letters = np.full(high - low, ord("."), np.uint8)
        for number in np.flatnonzero((begins < high) & (ends > low)).tolist():
            at = np.arange(max(begins[number], low), min(ends[number], high))
            far = at - begins[number] if strand == "+" else ends[number] - 1 - at
            letters[at - low] = ord("0") + (far - phases[number]) % 3
        text = letters.tobytes()
        for first in range(0, len(text), WIDTH):
            yield text[first : first + WIDTH] + b"\n"


register(
    Export(
        name="codons",
        family="dna",
        tables=("contigs", "data"),
        description="codon position of every base, FASTA-like, one entry per contig and strand",
        write=write,
        by_source=True,
    )
)
