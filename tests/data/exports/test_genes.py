"""GFF3, BED and FASTA of tagged DNA, read back by independent parsers."""

import io
from pathlib import Path
from types import SimpleNamespace

import gffutils
import polars as pl
import pytest
from Bio import SeqIO

from elman.data.exports import genes
from elman.data.exports.genes import bed_lines, codons_lines, faa_lines, gff3_lines, split_at_origin
from elman.data.genome.nucleotides import frame_labels
from elman.data.sources.genomes import Genome, read_genome
from elman.data.store import schema

ROWS = [
    ("x.fa", "c1", 0, 92, "+", 2, "CDS", 1, 0.5, "dna-default-s0-ab;1"),
    ("x.fa", "c1", 100, 190, "-", 0, "CDS", 0, 0.75, "dna-default-s0-ab;1"),
    ("x.fa", "odd name|1%", 5, 95, "-", 1, "CDS", 2, 1.0, None),
]
FRAME = pl.DataFrame(ROWS, schema=schema.INTERVALS, orient="row")
CONTIGS = [("x.fa", "c1", 200, False), ("x.fa", "odd name|1%", 95, False), ("y.fa", "empty", 7, False)]


def contigs(*rows):
    """As gff3_lines asks for them, a frame each."""
    return lambda: iter([pl.DataFrame([row], schema=schema.TAGGED_CONTIGS, orient="row") for row in rows])


SOURCE = SimpleNamespace(path=Path("tags.gff3"), name="tags.gff3", kind="gff3")
LINEAR, CIRCLE = contigs(*CONTIGS), contigs(("x.fa", "c1", 200, True))


def over_origin(strand):
    row = ("x.fa", "c1", 150, 250, strand, 0, "CDS", 0, 0.5, "m")  # 50 bases on either side
    return pl.DataFrame([row], schema=schema.INTERVALS, orient="row")


def test_gff3_reads_back_with_the_same_coordinates_phases_and_attributes(tmp_path):
    path = tmp_path / "tags.gff3"
    path.write_text("".join(gff3_lines(LINEAR, [FRAME[:2], FRAME[2:]], code=11)))
    database = gffutils.create_db(str(path), ":memory:")
    found = [
        (f.seqid, f.start - 1, f.end, f.strand, int(f.frame), f.featuretype, float(f.score))
        for f in database.all_features(order_by=("start", "end"))
    ]
    assert {f[1:] for f in found} == {(*row[2:7], row[8]) for row in ROWS}
    assert database["cds1"].attributes["model"] == ["dna-default-s0-ab;1"]
    assert database["cds1"].attributes["transl_table"] == ["11"]
    assert "sequence-region empty 1 7" in database.directives


def test_gff3_begins_with_its_version_and_names_every_contig():
    lines = list(gff3_lines(LINEAR, [FRAME]))
    regions = ("c1 1 200", "odd%20name|1%25 1 95", "empty 1 7")
    assert lines[:4] == ["##gff-version 3\n", *(f"##sequence-region {region}\n" for region in regions)]
    assert lines[-1].startswith("odd%20name|1%25\t")


def test_partial_genes_are_marked_at_the_end_that_is_missing(tmp_path):
    path = tmp_path / "tags.gff3"
    path.write_text("".join(gff3_lines(LINEAR, [FRAME])))
    database = gffutils.create_db(str(path), ":memory:")
    found = [database[f"cds{i}"].attributes for i in (1, 2, 3)]
    assert [f.get("partial") for f in found] == [["true"], None, ["true"]]
    assert [f.get("start_range") for f in found] == [[".", "1"], None, None]
    assert [f.get("end_range") for f in found] == [None, None, ["95", "."]]


def test_contigs_of_one_name_are_one_region():
    lines = list(gff3_lines(contigs(*CONTIGS, ("z.fa", "c1", 300, False)), []))
    assert [line for line in lines if " c1 " in line] == ["##sequence-region c1 1 200\n"]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_in_gff3_a_gene_over_the_origin_ends_beyond_its_circle(strand):
    lines = list(gff3_lines(CIRCLE, [over_origin(strand)]))
    assert lines[2] == "c1\telman\tregion\t1\t200\t.\t+\t.\tID=c1;Is_circular=true\n"
    assert lines[3:] == [f"c1\telman\tCDS\t151\t250\t0.5000\t{strand}\t0\tID=cds1;model=m\n"]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_gene_over_the_origin_is_read_back_from_gff3_as_it_was(strand):
    text = "".join(gff3_lines(CIRCLE, [over_origin(strand)])) + "##FASTA\n>c1\n" + "A" * 200 + "\n"
    (contig,) = read_genome(Genome((SOURCE,)), lambda source: io.BytesIO(text.encode()))
    assert contig.circular
    assert {(f.start, f.end, f.strand) for f in contig.features} == {(150, 200, strand), (0, 50, strand)}


@pytest.mark.parametrize(
    ("strand", "parts"), [("+", [(150, 200, 0), (0, 50, 1)]), ("-", [(0, 50, 0), (150, 200, 1)])]
)
def test_in_bed_a_gene_over_the_origin_is_two_parts_in_the_order_of_transcription(strand, parts):
    bed = [line.split("\t")[1:3] for line in bed_lines([(*CIRCLE(), over_origin(strand))])]
    assert [(int(a), int(b)) for a, b in bed] == [part[:2] for part in parts]
    rows = split_at_origin(over_origin(strand), {"c1": 200})
    assert rows.select("start", "end", "phase").rows() == parts
    assert rows["id"].unique().to_list() == ["cds1"]


def test_bed_has_six_columns():
    lines = list(bed_lines([(pl.concat(LINEAR()), FRAME)]))
    assert lines[1] == "c1\t100\t190\tCDS\t750\t-\n"
    assert all(len(line.split("\t")) == 6 for line in lines)


def test_every_base_has_its_codon_position_on_either_strand(monkeypatch):
    rows = [
        ("x.fa", "c1", 150, 250, "+", 0, "CDS", 0, 0.5, "m"),  # over the origin
        ("x.fa", "c1", 61, 97, "-", 0, "CDS", 0, 0.9, "m"),
        ("x.fa", "c1", 130, 160, "-", 2, "CDS", 2, 0.9, "m"),
        ("x.fa", "c1", 64, 94, "-", 0, "family", 0, 0.9, "m"),
    ]
    frame = pl.DataFrame(rows, schema=schema.INTERVALS, orient="row")
    features = split_at_origin(frame, {"c1": 200})
    forward, reverse = (frame_labels(features.filter(strand=strand), 0, 200) for strand in "+-")
    monkeypatch.setattr(genes, "_STRETCH", 60)
    text = "".join(codons_lines([(*CIRCLE(), frame)]))
    found = {record.description: str(record.seq) for record in SeqIO.parse(io.StringIO(text), "fasta")}
    assert found["c1 +"] == "".join(".012"[name] for name in forward)
    assert found["c1 -"] == "".join("....012"[name] for name in reverse)


def test_where_genes_of_a_strand_overlap_the_more_probable_one_counts():
    rows = [("x.fa", "c1", a, a + 30, "+", 0, "CDS", 0, p, "m") for a, p in ((0, 0.9), (20, 0.8))]
    frame = pl.DataFrame(rows, schema=schema.INTERVALS, orient="row")
    line = list(codons_lines([(*CIRCLE(), frame)]))[1]
    assert line == "012" * 10 + ("012" * 10)[10:] + "." * 10 + "\n"


def test_proteins_carry_the_id_of_their_interval_and_its_place():
    columns = [name for name in schema.PROTEINS if name != "protein"]
    frame = FRAME.select(columns).with_columns(protein=pl.Series(["MK" * 50, "M", "AC"]))
    found = list(SeqIO.parse(io.StringIO("".join(faa_lines([frame[:1], frame[1:]]))), "fasta"))
    assert [str(record.seq) for record in found] == ["MK" * 50, "M", "AC"]
    assert [record.id for record in found] == ["cds1", "cds2", "cds3"]
    assert found[0].description == "cds1 c1:1-92(+) partial=true probability=0.5000"
