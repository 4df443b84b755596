"""BED equals that of a row-by-row writer, on linear and circular contigs."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.exports import registry
from elman.data.store import schema

EXPORT = registry.find("bed")
PROBABILITY = st.one_of(st.none(), st.floats(-0.5, 1.5, width=32), st.integers(0, 16).map(lambda n: n / 16))
INTERVAL = st.tuples(
    st.sampled_from(["c1", "c 2"]),
    st.integers(0, 199),
    st.integers(1, 199),
    st.sampled_from("+-"),
    st.sampled_from([None, 0, 1, 2]),
    st.sampled_from(["CDS", "a b\x1f"]),
    PROBABILITY,
)


def shard(intervals):
    contigs = [("x", "c1", 200, True), ("x", "c 2", 100_000, False)]
    rows = [("x", c, a, a + n, strand, f, label, 0, p, "m") for c, a, n, strand, f, label, p in intervals]
    return {
        "contigs": pl.DataFrame(contigs, schema=schema.TAGGED_CONTIGS, orient="row"),
        "data": pl.DataFrame(rows, schema=schema.INTERVALS, orient="row"),
    }


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(INTERVAL, max_size=5), max_size=3))
def test_lines_equal_the_row_by_row_writer(reference, shards):
    tables = reference.tables_of(*map(shard, shards))
    assert reference.written(EXPORT, tables) == "".join(reference.bed(tables))


@pytest.mark.parametrize(("strand", "parts"), [("+", [(150, 200), (0, 50)]), ("-", [(0, 50), (150, 200)])])
def test_a_gene_over_the_origin_is_two_lines_in_the_order_of_transcription(reference, strand, parts):
    tables = reference.tables_of(shard([("c1", 150, 100, strand, 0, "CDS", 0.5)]))
    lines = [line.split("\t") for line in reference.written(EXPORT, tables).splitlines()]
    assert [(int(line[1]), int(line[2])) for line in lines] == parts


def test_bed_has_six_columns(reference):
    tables = reference.tables_of(shard([("c1", 100, 90, "-", 0, "CDS", 0.75)]))
    assert reference.written(EXPORT, tables) == "c1\t100\t190\tCDS\t750\t-\n"
