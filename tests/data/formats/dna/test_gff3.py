"""GFF3: labels and phases, pseudogenes, and bad lines that cost only themselves."""

import io

import pytest

from elman.data.formats.dna.gff3 import read_gff3
from elman.data.genome.annotation_rules import CODING, AnnotationRule
from elman.data.genome.contigs import Feature

HEAD = b"##gff-version 3\n##sequence-region c 1 900\n"


def read(*lines: str, rules=CODING):
    text = "".join(line.replace(" ", "\t") + "\n" for line in lines)
    return read_gff3(io.BytesIO(HEAD + text.encode()), "x.gff3", rules)


def features(*lines: str, **more):
    return [row.feature for row in read(*lines, **more).rows.get("c", [])]


def test_coordinates_become_0_based_half_open():
    assert features("c x CDS 1 9 . + 0 ID=a") == [Feature(0, 9, "+", "CDS", 0, "a")]


def test_parts_of_one_gene_share_its_id_and_keep_their_phases():
    rows = features("c x CDS 1 10 . - 1 ID=a", "c x CDS 20 30 . - 2 ID=a")
    assert [(f.id, f.phase, f.strand) for f in rows] == [("a", 1, "-"), ("a", 2, "-")]


def test_only_labelled_types_are_stored():
    assert features("c x gene 1 9 . + . ID=g", "c x tRNA 1 9 . + . ID=t") == []


@pytest.mark.parametrize(
    "lines",
    [
        ["c x CDS 1 9 . + 0 ID=a;pseudo=true"],
        ["c x CDS 1 9 . + 0 ID=a;pseudogene=unknown"],
        ["c x pseudogene 1 9 . + . ID=g", "c x CDS 1 9 . + 0 ID=a;Parent=g"],
        ["c x CDS 1 9 . + 0 ID=a;Parent=g", "c x gene 1 9 . + . ID=g;pseudo=true"],
    ],
)
def test_a_pseudogene_is_marked_by_itself_or_by_its_parent(lines):
    assert [f.label for f in features(*lines)] == ["pseudogene"]


def test_a_feature_has_the_label_of_every_rule_it_matches():
    rules = (*CODING, AnnotationRule(label="abc", key="product", pattern="ABC transporter"))
    lines = "c x CDS 1 9 . + 0 ID=a;product=abc%20transporter", "c x CDS 11 19 . + 0 ID=b;product=other"
    assert [f.label for f in features(*lines, rules=rules)] == ["CDS", "abc", "CDS"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("c x CDS 1 9 . + 0", "wrong-columns"),
        ("c x CDS one 9 . + 0 ID=a", "bad-location"),
        ("c x CDS 9 1 . + 0 ID=a", "bad-location"),
        ("c x CDS 0 9 . + 0 ID=a", "bad-location"),
        ("c x CDS 1 9 . ? 0 ID=a", "no-strand"),
        ("c x CDS 1 9 . + 7 ID=a", "bad-phase"),
        ("c x CDS 1 9 . + 0 gene_a", "bad-attributes"),
        (". x CDS 1 9 . + 0 ID=a", "no-contig"),
    ],
)
def test_a_bad_line_is_quarantined_alone(line, reason):
    found = read("c x CDS 1 9 . + 0 ID=a", line, "c x CDS 11 19 . + 0 ID=b")
    (bad,) = found.quarantined
    assert (bad.reason, bad.line) == (reason, 4)
    assert bad.raw == line.replace(" ", "\t").encode() + b"\n"
    assert len(found.rows["c"]) == 2


@pytest.mark.parametrize(
    ("attributes", "id"),
    [
        ("ID=cds-gnl|b0240|CDS=288;Parent=gene-b0240", "cds-gnl|b0240|CDS=288"),  # = inside a value
        ("ID=a%3Bb%252C;", "a;b%2C"),
        ('Note="one; two";ID=a', "a"),
        ("ID=a;Note", "a"),
        (".", "line3"),
        ("ID=a;Parent=a", "line3"),  # its own parent
        ("Parent=g", "line3"),
    ],
)
def test_attributes_are_read_as_gff3_has_them(attributes, id):
    found = read(f"c x CDS 1 9 . + 0 {attributes}".replace("one; two", "one;%20two"))
    assert (found.quarantined, [row.feature.id for row in found.rows["c"]]) == ([], [id])


def test_a_line_without_attributes_names_its_contig_and_no_feature():
    found = read("c1 x region 1 9 . . . .")
    assert (found.quarantined, found.rows, list(found.contigs)) == ([], {}, ["c", "c1"])


def test_contig_names_are_percent_decoded():
    found = read("m54%2F1 x CDS 1 9 . + 0 ID=a", "##sequence-region m54%2F2 1 9")
    assert list(found.rows) == ["m54/1"]
    assert "m54/1" in found.contigs


def test_columns_2_6_and_8_count_as_attributes_of_a_rule():
    rules = (AnnotationRule(label="x", key="source", pattern="^Prodigal$"),)
    assert [f.label for f in features("c Prodigal CDS 1 9 . + 0 .", "c x CDS 1 9 . + 0 .", rules=rules)] == [
        "x"
    ]


def test_the_place_of_the_sequence_section_is_known():
    assert read_gff3(io.BytesIO(HEAD + b"##FASTA\n>c\nACGT\n"), "x").fasta == (len(HEAD) + 8, 4)


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_lines_may_end_in_any_way_however_many_there_are(end):
    line = "c\tx\tCDS\t{}\t{}\t.\t+\t0\tID=g{}" + end
    lines = [line.format(3 * n + 1, 3 * n + 90, n) for n in range(40_000)]
    assert sum(map(len, lines)) > 1 << 20
    found = read_gff3(io.BytesIO("".join(lines).encode()), "x")
    rows = found.rows["c"]
    assert (len(rows), found.quarantined) == (40_000, [])
    assert (rows[-1].place.line, rows[-1].place.byte_offset) == (40_000, sum(map(len, lines[:-1])))


def test_an_endless_line_is_quarantined_alone():
    long, good = b"c\tx\t" + b"A" * (1 << 21) + b"\n", b"c\tx\tCDS\t1\t9\t.\t+\t0\tID=a\n"
    found = read_gff3(io.BytesIO(HEAD + long + good), "x")
    (bad,) = found.quarantined
    assert (bad.reason, bad.byte_offset, bad.raw) == ("line-too-long", len(HEAD), long[: 1 << 20])
    assert found.rows["c"][0].place.byte_offset == len(HEAD) + len(long)


@pytest.mark.parametrize("type_", ["CDS", "cds", "Cds", "SO:0000316"])
def test_a_coding_sequence_is_known_by_any_spelling_of_its_term(type_):
    (feature,) = features(f"c\t.\t{type_}\t1\t9\t.\t+\t0\tID=x")
    assert (feature.label, feature.start, feature.end) == ("CDS", 0, 9)


def test_empty_columns_after_the_ninth_are_left_out():
    (feature,) = features("c\t.\tCDS\t1\t9\t.\t+\t0\tID=x\t\t")
    assert feature.id == "x"
