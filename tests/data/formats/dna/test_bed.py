"""BED as labels: intervals of six columns, coding blocks of twelve, bad lines refused alone."""

import io

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.dna.bed import read_bed
from elman.data.genome.contigs import Contig
from elman.data.sources.reading import collect_sources
from elman.data.sources.reading import read as read_source

TWELVE = "c1\t10\t100\tg\t0\t{strand}\t20\t80\t0\t3\t20,10,35,\t0,30,55,\n"


def read(text: str | bytes):
    return read_bed(io.BytesIO(text if isinstance(text, bytes) else text.encode()), "x.bed")


def places(annotation, contig="c1"):
    return [
        (r.feature.start, r.feature.end, r.feature.strand, r.feature.phase) for r in annotation.rows[contig]
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("between", ["\t", " "])
def test_a_line_of_six_columns_is_a_coding_part(end, between):
    text = f'track name="x y"{end}# c{end}browser position c1{end}c1 0 9 g 0 +{end}c1 12 30 . 0 -'
    annotation = read(text.replace("c1 0 9 g 0 +", between.join(["c1", "0", "9", "g", "0", "+"])))
    assert places(annotation) == [(0, 9, "+", 0), (12, 30, "-", 0)]
    assert annotation.quarantined == []


@pytest.mark.parametrize(
    ("strand", "parts"),
    [
        ("+", [(20, 30, "+", 0), (40, 50, "+", 2), (65, 80, "+", 1)]),
        ("-", [(65, 80, "-", 0), (40, 50, "-", 0), (20, 30, "-", 2)]),
    ],
)
def test_blocks_within_the_thick_part_are_coding(strand, parts):
    annotation = read(TWELVE.format(strand=strand))
    assert places(annotation) == parts
    assert len({row.feature.id for row in annotation.rows["c1"]}) == 1


def test_a_line_without_a_thick_part_is_read_and_not_coding():
    annotation = read(TWELVE.format(strand="+").replace("\t20\t80\t", "\t10\t10\t"))
    assert (annotation.rows["c1"], annotation.quarantined) == ([], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("c1\t0\t9\n", "wrong-columns"),
        ("c1\t0\t9\tg\t0\t.\n", "no-strand"),
        ("c1\t9\t9\tg\t0\t+\n", "bad-location"),
        ("c1\tx\t9\tg\t0\t+\n", "bad-location"),
        ("c1\t0\t\u0669\tg\t0\t+\n", "bad-location"),
        ("\t0\t9\tg\t0\t+\n", "no-contig"),
        (TWELVE.format(strand="+").replace("\t3\t", "\t4\t"), "bad-location"),
        ("c1\t0\t9\tg\xff\t0\t+\n", "invalid-utf8"),
        ("c1\t0\t9\t" + "g" * (1 << 20) + "\t0\t+\n", "line-too-long"),
    ],
)
def test_a_bad_line_costs_only_itself(line, reason):
    good = "c1\t0\t9\tg\t0\t+\n"
    raw = (good + line + good).encode("latin-1" if reason == "invalid-utf8" else "utf-8")
    annotation = read(raw)
    assert [(record.reason, record.line, record.byte_offset) for record in annotation.quarantined] == [
        (reason, 2, len(good))
    ]
    assert len(annotation.rows["c1"]) == 2


def test_it_labels_the_fasta_file_beside_it(tmp_path):
    (tmp_path / "g.fna").write_text(">c1\n" + "ACGT" * 30 + "\n>c2\nACGT\n")
    (tmp_path / "g.bed").write_text(TWELVE.format(strand="+") + "c1\t0\t200\tlong\t0\t+\nc9\t0\t2\tx\t0\t+\n")
    (source,), _ = collect_sources([tmp_path])
    assert [s.kind for s in source.sources] == ["fasta", "bed"]
    records = list(read_source(source, Options()))
    assert [len(r.features) for r in records if isinstance(r, Contig)] == [4, 0]
    assert sorted(r.reason for r in records if isinstance(r, Quarantined)) == [
        "outside-contig",
        "unknown-contig",
    ]
