"""FASTA of proteins, read back by Biopython, with the identifiers of the intervals."""

import io

import polars as pl
from Bio import SeqIO
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.exports import registry
from elman.data.store import schema

EXPORT = registry.find("faa")


def shard(rows):
    full = [("x.fa", "c1", a, a + 3, "+", "CDS", partial, p, protein) for a, partial, p, protein in rows]
    return {"proteins": pl.DataFrame(full, schema=schema.PROTEINS, orient="row")}


PROTEIN = st.tuples(
    st.integers(0, 99),
    st.integers(0, 3),
    st.floats(0, 1, width=32),
    st.one_of(st.text("MKX", max_size=9), st.integers(0, 200).map(lambda n: "M" * n)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(PROTEIN, max_size=4), max_size=3))
def test_entries_equal_the_row_by_row_writer(reference, shards):
    tables = reference.tables_of(*map(shard, shards))
    assert reference.written(EXPORT, tables) == "".join(reference.faa(tables))


def test_proteins_carry_the_id_of_their_interval_and_its_place(reference):
    tables = reference.tables_of(shard([(0, 1, 0.5, "MK" * 50)]), shard([(9, 0, 0.5, "M"), (19, 0, 1, "AC")]))
    records = list(SeqIO.parse(io.StringIO(reference.written(EXPORT, tables)), "fasta"))
    assert [str(record.seq) for record in records] == ["MK" * 50, "M", "AC"]
    assert [record.id for record in records] == ["cds1", "cds2", "cds3"]
    assert records[0].description == "cds1 c1:1-3(+) partial=true probability=0.5000"
