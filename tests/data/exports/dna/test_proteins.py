"""Translation of complete genes equals Biopython's; partial genes are handled."""

import polars as pl
import pytest
from Bio.Seq import Seq

from elman.data.exports.dna.proteins import proteins
from elman.data.store import schema


def translated(bases, *places, code=11):
    rows = [
        ("x", "c", a, b, strand, phase, "CDS", partial, 0.5, "m") for a, b, strand, phase, partial in places
    ]
    return proteins(bases, pl.DataFrame(rows, schema=schema.INTERVALS, orient="row"), code)[
        "protein"
    ].to_list()


def test_complete_genes_equal_biopythons():
    gene = "GTGAAATTGCCATAA"
    assert translated("CC" + gene, (2, 17, "+", 0, 0)) == [str(Seq(gene).translate(table=11, cds=True))]
    assert translated("C" + str(Seq(gene).reverse_complement()), (1, 16, "-", 0, 0)) == ["MKLP"]


def test_complete_genes_of_a_real_genome_equal_biopythons(ecoli):
    genes = [f for f in ecoli.features if f.label == "CDS" and (f.end - f.start) % 3 == 0]
    places = [(f.start, f.end, f.strand, f.phase, 0) for f in genes]
    strands = [Seq(ecoli.bases[f.start : f.end]) for f in genes]
    strands = [s if f.strand == "+" else s.reverse_complement() for s, f in zip(strands, genes, strict=True)]
    assert translated(ecoli.bases, *places) == [str(s.translate(table=11, cds=True)) for s in strands]


@pytest.mark.parametrize(("code", "protein"), [(11, "MX"), (1, "MX"), (4, "MW")])
def test_the_genetic_code_decides_what_a_codon_means(code, protein):
    assert translated("ATGTGATAA", (0, 9, "+", 0, 0), code=code) == [protein]


def test_a_gene_cut_off_begins_with_its_first_whole_codon():
    assert translated("CAAATTGCC", (0, 9, "+", 1, 1)) == ["KL"]
    assert translated("GGCAATTTG", (0, 9, "-", 1, 2)) == ["KL"]


def test_a_gene_cut_off_at_its_stop_keeps_its_start():
    assert translated("TTGAAATT", (0, 8, "+", 0, 2)) == ["MK"]


def test_a_gene_over_the_origin_is_read_on():
    assert translated("AATAACCCATGA", (8, 17, "+", 0, 0)) == ["MK"]


def test_an_ambiguous_codon_is_x_unless_all_its_codons_mean_the_same():
    assert translated("ATGNNAGGNTAA", (0, 12, "+", 0, 0)) == ["MXG"]
