"""Genes are compared one by one: exact, other start, missed, spurious; by length, start codon, distance."""

import polars as pl

from elman.data.metrics.gene_errors import gene_errors

COLUMNS = ("contig", "start", "end", "strand", "label", "id", "start_codon")
LENGTHS = {"c": 9000, "d": 5000}


def frame(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


TRUTH = frame(
    ("c", 100, 400, "+", "CDS", "a", "ATG"),
    ("c", 1000, 1600, "+", "CDS", "b", "GTG"),
    ("c", 2000, 2900, "-", "CDS", "e", "CTG"),
    ("c", 4000, 4300, "+", "CDS", "f", "ATG"),
    ("c", 6000, 6300, "+", "pseudogene", "p", "ATG"),
    ("d", 10, 40, "+", "CDS", "g", "TTG"),
    ("d", 100, 190, "+", "CDS", "g", "AAA"),  # second part
)
CALLED = frame(
    ("c", 100, 400, "+", "CDS", "1", ""),
    ("c", 1030, 1600, "+", "CDS", "2", ""),
    ("c", 2000, 2960, "-", "CDS", "3", ""),
    ("c", 6000, 6300, "+", "CDS", "4", ""),  # under the pseudogene: left out
    ("c", 8000, 8100, "-", "CDS", "5", ""),
    ("d", 10, 190, "+", "CDS", "6", ""),
).drop("start_codon")


def test_every_gene_has_its_outcome_and_coordinates():
    found = gene_errors(TRUTH, CALLED, LENGTHS).genes
    assert found.drop("contig", "strand").rows() == [
        ("exact", 100, 400, 100, 400, 300, "ATG", 0),
        ("other start", 1000, 1600, 1030, 1600, 600, "GTG", 30),
        ("other start", 2000, 2900, 2000, 2960, 900, "CTG", -60),
        ("missed", 4000, 4300, None, None, 300, "ATG", None),
        ("spurious", None, None, 8000, 8100, 100, None, None),
        ("exact", 10, 190, 10, 190, 180, "TTG", 0),
    ]


def test_genes_are_counted_by_length_start_codon_and_distance():
    found = gene_errors(TRUTH, CALLED, LENGTHS)
    assert found.by_length.rows() == [
        ("0 to 149", 0, 0, 0, 1),
        ("150 to 299", 1, 1, 1, 0),
        ("300 to 599", 2, 1, 1, 0),
        ("600 to 1199", 2, 2, 0, 0),
    ]
    assert found.by_codon.rows() == [("ATG", 2, 1, 1), ("GTG", 1, 1, 0), ("TTG", 1, 1, 1), ("other", 1, 1, 0)]
    assert found.shifts.rows() == [("31 to 99 upstream", 1), ("same start", 2), ("10 to 30 downstream", 1)]


def test_without_genes_all_tables_are_empty():
    found = gene_errors(TRUTH.clear(), CALLED.clear(), LENGTHS)
    assert all(table.is_empty() for table in found.tables().values())
