"""Genes as proteins, translated by Biopython."""

import polars as pl

from elman.data.genome.annotation_rules import CDS
from elman.data.genome.spooled_sequence import Bases
from elman.data.store import schema


def proteins(bases: Bases, genes: pl.DataFrame, code: int) -> pl.DataFrame:
    """Translate the genes of one contig.

    Args:
        bases: of the contig.
        genes: rows of schema.INTERVALS of that contig; intervals other than CDS are skipped.
        code: genetic code, NCBI's number.

    Returns:
        rows of schema.PROTEINS, in order. A complete gene begins with M, whatever its start codon, and its
        stop codon is left out. An ambiguous codon, and a stop codon inside, is X.
    """
    from Bio.Seq import Seq

    genes, translated = genes.filter(pl.col("label") == CDS), []
    for row in genes.iter_rows(named=True):
        start, end = row["start"], row["end"]
        beyond = max(end - len(bases), 0)  # over the origin of a circle
        strand = Seq(bases[start:end] + bases[:beyond])
        if row["strand"] == "-":
            strand = strand.reverse_complement()  # type: ignore[no-untyped-call]
        codons = strand[row["phase"] :]
        codons = codons[: len(codons) // 3 * 3]
        protein = str(codons.translate(table=code)).removesuffix("*")  # type: ignore[no-untyped-call]
        first_missing = row["partial"] & (1 if row["strand"] == "+" else 2)
        if not first_missing:
            protein = "M" + protein[1:]
        translated.append(protein.replace("*", "X"))
    columns = [name for name in schema.PROTEINS if name != "protein"]
    return genes.select(columns).with_columns(protein=pl.Series(translated, dtype=pl.String))
