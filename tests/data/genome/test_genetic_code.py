"""Genetic codes: tables and translation agree with Biopython on both strands."""

import numpy as np
import pytest
from Bio.Data import CodonTable
from Bio.Seq import Seq

from elman.data.genome.genetic_code import (
    AMINO_ACIDS,
    GENETIC_CODES,
    TgaUse,
    codon_tables,
    count_tga,
    iupac_codons,
    protein_table,
    residue_table,
    translate,
    two_strands,
)
from elman.data.genome.nucleotides import IUPAC, codons_of, encode_bases, encode_iupac

LETTERS = np.array([*AMINO_ACIDS, "*"])
CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT"]


def random_bases(size: int, letters: str = "ACGT") -> str:
    return "".join(np.random.default_rng(0).choice(list(letters), size))


def one_gene(start: int, end: int, strand: str, phase: int = 0):
    return np.array([start]), np.array([end]), np.array([strand == "-"]), np.array([phase])


def of_biopython(bases: str, strand: str, phase: int, code: int) -> str:
    gene = Seq(bases) if strand == "+" else Seq(bases).reverse_complement()
    return str(gene[phase : phase + (len(bases) - phase) // 3 * 3].translate(table=code))


def test_every_code_offered_has_stops_that_are_stops_alone_and_a_common_start():
    for code in GENETIC_CODES:
        table = CodonTable.unambiguous_dna_by_id[code]
        is_start, is_stop = (marks[0, :64] for marks in codon_tables(code))
        assert {codon for codon, stop in zip(CODONS, is_stop, strict=True) if stop} == set(table.stop_codons)
        assert not set(table.stop_codons) & set(table.forward_table)
        assert is_start[CODONS.index("ATG")]
    left_out = set(CodonTable.unambiguous_dna_by_id) - set(GENETIC_CODES)
    assert all(
        set(CodonTable.unambiguous_dna_by_id[code].stop_codons)
        & set(CodonTable.unambiguous_dna_by_id[code].forward_table)
        for code in left_out
    )


@pytest.mark.parametrize("code", [4, 11, 25])
@pytest.mark.parametrize(("strand", "phase"), [("+", 0), ("+", 2), ("-", 0), ("-", 1)])
def test_residues_are_those_of_biopython(strand, phase, code):
    bases = random_bases(900)
    gene = one_gene(90, 390, strand, phase)
    made = translate(codons_of(encode_bases(bases)), *gene, residue_table(code))
    assert "".join(LETTERS[made.residues]) == of_biopython(bases[90:390], strand, phase, code)


@pytest.mark.parametrize("code", [1, 4, 11])
@pytest.mark.parametrize("strand", ["+", "-"])
def test_proteins_with_ambiguous_letters_are_those_of_biopython(strand, code):
    bases = random_bases(9000, IUPAC + "ACGT" * 8)
    made = translate(iupac_codons(encode_iupac(bases)), *one_gene(0, 9000, strand), protein_table(code))
    assert made.residues.tobytes().decode() == of_biopython(bases, strand, 0, code)


def test_a_residue_has_the_lowest_base_of_its_codon():
    words = codons_of(encode_bases(random_bases(30)))
    assert translate(words, *one_gene(6, 15, "+"), residue_table(11)).low.tolist() == [6, 9, 12]
    assert translate(words, *one_gene(6, 16, "-", 1), residue_table(11)).low.tolist() == [12, 9, 6]


def test_a_codon_with_an_unknown_base_is_no_residue_and_no_start_or_stop():
    is_start, is_stop = codon_tables(11)
    assert not is_start[:, 64].any()
    assert not is_stop[:, 64].any()
    assert (residue_table(11)[:, 64] == 20).all()


@pytest.mark.parametrize("code", [1, 4, 11])
def test_starts_and_stops_are_those_of_the_code_read_on_either_strand(code):
    is_start, is_stop = codon_tables(code)
    table = CodonTable.unambiguous_dna_by_id[code]
    for strand in (0, 1):
        own = [str(Seq(codon).reverse_complement()) if strand else codon for codon in CODONS]
        starts = {codon for codon, mark in zip(own, is_start[strand], strict=False) if mark}
        assert starts == set(table.start_codons) & {"ATG", "GTG", "TTG"}
        stops = {codon for codon, mark in zip(own, is_stop[strand], strict=False) if mark}
        assert stops == set(table.stop_codons)


def test_a_table_of_both_strands_reads_the_reverse_complement():
    numbers = two_strands(np.arange(64))
    assert [CODONS[n] for n in numbers[1]] == [str(Seq(codon).reverse_complement()) for codon in CODONS]


@pytest.mark.parametrize(
    ("per_thousand", "code"),
    [((0, 12), 11), ((0.6, 16), 11), ((9.6, 0.9), 4), ((6, 6), 4), ((20, 10), 25), ((6, 13), 25)],
)
def test_tga_within_genes_tells_the_genetic_code(per_thousand, code):
    tga, tgg = (round(40 * n) for n in per_thousand)
    assert TgaUse(40_000, tga, tgg).code == code


def test_few_codons_tell_no_genetic_code():
    assert TgaUse(2999, 30, 3).code is None


def test_tga_is_counted_in_the_first_half_of_genes_on_either_strand():
    gene = "ATG" + "TGA" * 2 + "TGG" + "GCA" * 4 + "TGA" * 3 + "TAA"  # half of 12 codons
    bases = "CC" + gene + "G" + str(Seq(gene).reverse_complement())
    codons = codons_of(encode_bases(bases))
    start, end = np.array([2, 39]), np.array([38, 75])
    assert count_tga(codons, start, end, np.array([False, True])) == TgaUse(12, 4, 2)
    assert count_tga(codons, start[:0], end[:0], np.zeros(0, bool)) == TgaUse(0, 0, 0)
