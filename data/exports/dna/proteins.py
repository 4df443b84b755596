"""Genes as proteins, in one letter an amino acid."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.genetic_code import iupac_codons, protein_table, translate
from elman.data.genome.nucleotides import encode_iupac
from elman.data.genome.spooled_sequence import Bases
from elman.data.store import schema

_TOGETHER = 1 << 20  # bases translated at once


def proteins(bases: Bases, genes: pl.DataFrame, code: int) -> pl.DataFrame:
    """Translate the genes of one contig.

    Args:
        bases: of the contig.
        genes: rows of schema.INTERVALS of that contig; rows of other labels are left out.
        code: genetic code of NCBI.

    Returns:
        rows of schema.PROTEINS, in order. A whole gene begins with M, whatever its start codon; its stop
        codon is left out. A codon of several meanings, and a stop codon inside, is X.
    """
    genes = genes.filter(pl.col("label") == CDS)
    letters = [protein for some in _batches(genes) for protein in _translated(bases, some, code)]
    columns = [name for name in schema.PROTEINS if name != "protein"]
    return genes.select(columns).with_columns(protein=pl.Series(letters, dtype=pl.String))


def _batches(genes: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Neighbouring genes, of about _TOGETHER bases in all."""
    if genes.height:
        ends = (genes["end"] - genes["start"]).cum_sum() // _TOGETHER
        yield from genes.with_columns(_batch=ends).partition_by("_batch", include_key=False)


def _translated(bases: Bases, genes: pl.DataFrame, code: int) -> Iterator[str]:
    start, end, phase, partial = (
        genes[name].cast(pl.Int64).to_numpy() for name in ("start", "end", "phase", "partial")
    )
    reverse = (genes["strand"] == "-").to_numpy()
    beyond = np.maximum(end - len(bases), 0).tolist()  # over the origin of a circle
    slices = [bases[a:b] + bases[:c] for a, b, c in zip(start.tolist(), end.tolist(), beyond, strict=True)]
    places = ragged.offsets_of([len(part) for part in slices])
    codons = iupac_codons(encode_iupac("".join(slices)))
    made = translate(codons, places[:-1], places[1:], reverse, phase, protein_table(code))
    text, offsets = made.residues.tobytes().decode("ascii"), made.offsets.tolist()
    begins = (partial & np.where(reverse, 2, 1)) == 0  # with a start codon
    for first, last, whole in zip(offsets[:-1], offsets[1:], begins.tolist(), strict=True):
        protein = text[first:last].removesuffix("*").replace("*", "X")
        yield "M" + protein[1:] if whole else protein
