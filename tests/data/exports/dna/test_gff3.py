"""GFF3 of tagged DNA equals that of a row-by-row writer and is read back by gffutils and our reader."""

import io
from pathlib import Path

import gffutils
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.exports import registry
from elman.data.formats.common.options import Options
from elman.data.sources.detect import Source
from elman.data.sources.genomes import Genome, read_genome
from elman.data.store import schema

EXPORT = registry.find("gff3")
ROWS = [
    ("x.fa", "c1", 0, 92, "+", 2, "CDS", 1, 0.5, "dna-default-s0-ab;1"),
    ("x.fa", "c1", 100, 190, "-", 0, "CDS", 0, 0.75, "dna-default-s0-ab;1"),
    ("x.fa", "odd name|1%", 5, 95, "-", 1, "CDS", 2, 1.0, None),
]
CONTIGS = [("x.fa", "c1", 200, False), ("x.fa", "odd name|1%", 95, False), ("y.fa", "empty", 7, False)]
CIRCLE = ("x.fa", "c1", 200, True)
SOURCE = Source(Path("tags.gff3"), "tags.gff3", "gff3", None, None, 0)
INTERVAL = st.tuples(
    st.integers(0, 99),
    st.integers(1, 199),
    st.sampled_from("+-"),
    st.sampled_from([None, 0, 1, 2]),
    st.sampled_from(["CDS", "a;b,c%=&\x7f", "family"]),
    st.integers(0, 3),
    st.one_of(st.none(), st.floats(0, 1, width=32), st.integers(0, 32).map(lambda n: n / 32)),
    st.sampled_from([None, "m", "m;1"]),
)


def shard(contigs, rows):
    return {
        "contigs": pl.DataFrame(contigs, schema=schema.TAGGED_CONTIGS, orient="row"),
        "data": pl.DataFrame(rows, schema=schema.INTERVALS, orient="row"),
    }


def over_origin(strand):
    return ("x.fa", "c1", 150, 250, strand, 0, "CDS", 0, 0.5, "m")  # 50 bases on either side


@pytest.fixture
def gff3(reference):
    """Text of a GFF3 file of some shards."""
    return lambda *shards, **config: reference.written(EXPORT, reference.tables_of(*shards), **config)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(INTERVAL, max_size=5), max_size=3), st.sampled_from([None, 4]))
def test_intervals_equal_the_row_by_row_writer(reference, shards, code):
    frames = [shard([], [("x", "c", a, a + n, *rest) for a, n, *rest in rows]) for rows in shards]
    tables = reference.tables_of(*frames)
    text = reference.written(EXPORT, tables, genetic_code=code)
    assert text == "##gff-version 3\n" + "".join(reference.gff3_intervals(tables, code))


def test_gff3_reads_back_with_the_same_coordinates_phases_and_attributes(gff3, tmp_path):
    path = tmp_path / "tags.gff3"
    path.write_text(gff3(shard(CONTIGS[:1], ROWS[:2]), shard(CONTIGS[1:], ROWS[2:]), genetic_code=11))
    database = gffutils.create_db(str(path), ":memory:")
    features = [
        (f.seqid, f.start - 1, f.end, f.strand, int(f.frame), f.featuretype, float(f.score))
        for f in database.all_features(order_by=("start", "end"))
    ]
    assert {f[1:] for f in features} == {(*row[2:7], row[8]) for row in ROWS}
    assert database["cds1"].attributes["model"] == ["dna-default-s0-ab;1"]
    assert database["cds1"].attributes["transl_table"] == ["11"]
    assert "sequence-region empty 1 7" in database.directives


def test_gff3_begins_with_its_version_and_names_every_contig(gff3):
    lines = gff3(shard(CONTIGS, ROWS)).splitlines()
    regions = ("c1 1 200", "odd%20name|1%25 1 95", "empty 1 7")
    assert lines[:4] == ["##gff-version 3", *(f"##sequence-region {region}" for region in regions)]
    assert lines[-1].startswith("odd%20name|1%25\t")


def test_partial_genes_are_marked_at_the_end_that_is_missing(gff3, tmp_path):
    path = tmp_path / "tags.gff3"
    path.write_text(gff3(shard(CONTIGS, ROWS)))
    database = gffutils.create_db(str(path), ":memory:")
    attributes = [database[f"cds{i}"].attributes for i in (1, 2, 3)]
    assert [a.get("partial") for a in attributes] == [["true"], None, ["true"]]
    assert [a.get("start_range") for a in attributes] == [[".", "1"], None, None]
    assert [a.get("end_range") for a in attributes] == [None, None, ["95", "."]]


def test_contigs_of_one_name_are_one_region(gff3):
    lines = gff3(shard(CONTIGS, []), shard([("z.fa", "c1", 300, False)], [])).splitlines()
    assert [line for line in lines if " c1 " in line] == ["##sequence-region c1 1 200"]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_gene_over_the_origin_ends_beyond_its_circular_contig(gff3, strand):
    lines = gff3(shard([CIRCLE], [over_origin(strand)])).splitlines()
    assert lines[2] == "c1\telman\tregion\t1\t200\t.\t+\t.\tID=c1;Is_circular=true"
    assert lines[3:] == [f"c1\telman\tCDS\t151\t250\t0.5000\t{strand}\t0\tID=cds1;model=m"]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_gene_over_the_origin_is_read_back_as_its_two_parts(gff3, strand):
    text = gff3(shard([CIRCLE], [over_origin(strand)])) + "##FASTA\n>c1\n" + "A" * 200 + "\n"
    (contig,) = read_genome(Genome((SOURCE,)), lambda source: io.BytesIO(text.encode()), Options())
    assert contig.circular
    assert {(f.start, f.end, f.strand) for f in contig.features} == {(150, 200, strand), (0, 50, strand)}
