"""GFF3 and BED of tagged DNA, read back by a parser that is not ours."""

import gffutils
import polars as pl

from data import schema
from data.export_dna import bed_lines, gff3_lines

ROWS = [
    ("x.fa", "c1", 0, 92, "+", 2, "CDS", 0.5, "dna-default-s0-ab;1"),
    ("x.fa", "c1", 100, 190, "-", 0, "CDS", 0.75, "dna-default-s0-ab;1"),
    ("x.fa", "odd name|1%", 5, 95, "-", 1, "CDS", 1.0, None),
]
FRAME = pl.DataFrame(ROWS, schema=schema.INTERVALS, orient="row")


def test_gff3_reads_back_with_the_same_places_phases_and_attributes(tmp_path):
    path = tmp_path / "tags.gff3"
    path.write_text("".join(gff3_lines([FRAME[:2], FRAME[2:]], {"c1": 200, "odd name|1%": 95, "empty": 7})))
    database = gffutils.create_db(str(path), ":memory:")
    found = [
        (f.seqid, f.start - 1, f.end, f.strand, int(f.frame), f.featuretype, float(f.score))
        for f in database.all_features(order_by=("start", "end"))
    ]
    wanted = [(*row[1:6], row[6], float(f"{row[7]:.4f}")) for row in ROWS]
    assert {f[1:] for f in found} == {row[1:] for row in wanted}
    assert database["cds1"].attributes["model"] == ["dna-default-s0-ab;1"]
    assert "sequence-region empty 1 7" in database.directives


def test_gff3_begins_with_its_version_and_names_every_contig():
    lines = list(gff3_lines([FRAME], {"c1": 200, "empty": 7}))
    assert lines[:3] == ["##gff-version 3\n", "##sequence-region c1 1 200\n", "##sequence-region empty 1 7\n"]
    assert lines[-1].startswith("odd%20name|1%25\t")


def test_bed_has_six_columns():
    assert list(bed_lines([FRAME]))[1] == "c1\t100\t190\tCDS\t750\t-\n"
    assert all(len(line.split("\t")) == 6 for line in bed_lines([FRAME]))
