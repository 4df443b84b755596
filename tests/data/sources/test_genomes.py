"""Genomes: pairing of files, and features in their places."""

import gzip

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.genome.contigs import Contig, Feature
from elman.data.sources.detect import Source
from elman.data.sources.genomes import Genome, pair, read_genome

GFF = "##gff-version 3\n{}\tx\tCDS\t{}\t{}\t.\t{}\t0\tID={}\n"


def source(path, kind):
    return Source(path, path.name, kind, None, None, 0)


def open_bytes(source):
    return gzip.open(source.path) if source.path.suffix == ".gz" else source.path.open("rb")


@pytest.fixture
def write(tmp_path):
    def put(name, text, kind):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return source(tmp_path / name, kind)

    return put


def names(genomes):
    return [([s.name for s in g.sequences], [a.name for a in g.annotations]) for g in genomes]


def test_annotations_pair_by_stem(write):
    fasta = [write("a.fna", ">c\nACGT\n", "fasta"), write("b.fa", ">c\nACGT\n", "fasta")]
    gff = [
        write(name, GFF.format("c", 1, 3, "+", "x"), "gff3") for name in ("b.gff3", "a.gff", "a.pfam.gff3")
    ]
    genomes, skipped = pair(fasta, gff, open_bytes)
    assert names(genomes) == [(["a.fna"], ["a.gff", "a.pfam.gff3"]), (["b.fa"], ["b.gff3"])]
    assert skipped == []


def test_annotations_pair_by_the_names_of_contigs(write):
    fasta = [write(f"chr{i}.fa", f">c{i}\nACGT\n", "fasta") for i in (1, 2, 3)]
    both = GFF.format("c1", 1, 3, "+", "x") + GFF.format("c3", 1, 3, "-", "y")
    stray = write("stray.gff3", GFF.format("nowhere", 1, 3, "+", "x"), "gff3")
    genomes, skipped = pair(fasta, [write("all.gff3", both, "gff3"), stray], open_bytes)
    assert names(genomes) == [(["chr1.fa", "chr3.fa"], ["all.gff3"]), (["chr2.fa"], [])]
    assert [path.name for path, _ in skipped] == ["stray.gff3"]


def test_features_outside_or_on_no_contig_are_quarantined_and_the_rest_used(write):
    lines = [("c", 1, 3, "+", "in"), ("c", 3, 9, "+", "out"), ("d", 1, 3, "+", "lost")]
    gff = write("a.gff3", "".join(GFF.format(*line) for line in lines), "gff3")
    found = list(read_genome(Genome((write("a.fa", ">c\nACGT\n", "fasta"),), (gff,)), open_bytes, Options()))
    assert [(r.reason, r.line) for r in found if isinstance(r, Quarantined)] == [
        ("outside-contig", 4),
        ("unknown-contig", 6),
    ]
    (contig,) = (r for r in found if isinstance(r, Contig))
    assert [(f.id, f.label) for f in contig.features] == [("in", "CDS"), ("out", "unreadable")]


@pytest.mark.parametrize(("strand", "phases"), [("+", [2, 0]), ("-", [0, 1])])
def test_a_feature_over_the_origin_of_a_circle_becomes_two_parts(write, strand, phases):
    text = GFF.format("c", 1, 10, "+", "c;Is_circular=true").replace("CDS", "region")
    gff = write("a.gff3", text + GFF.format("c", 7, 15, strand, "x"), "gff3")
    (contig,) = read_genome(
        Genome((write("a.fa", ">c\nACGTACGTAC\n", "fasta"),), (gff,)), open_bytes, Options()
    )
    assert [(f.start, f.end, f.phase) for f in contig.features] == [(0, 5, phases[0]), (6, 10, phases[1])]


def test_sequence_without_annotation_has_no_features_rather_than_none(write):
    alone = Genome((write("a.fa", ">c\nAC\n", "fasta"),))
    assert [c.features for c in read_genome(alone, open_bytes, Options())] == [None]
    bare = Genome(alone.sequences, (write("a.gff3", "##gff-version 3\n", "gff3"),))
    assert [c.features for c in read_genome(bare, open_bytes, Options())] == [()]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_gff3_with_its_own_sequence_is_a_genome(write, end):
    text = GFF.format("c", 1, 3, "+", "x") + "##FASTA\n>c\nACGT\n"
    gff = write("a.gff3", text.replace("\n", end), "gff3")
    genomes, skipped = pair([], [gff], open_bytes)
    (contig,) = read_genome(genomes[0], open_bytes, Options())
    assert (contig.bases, len(contig.features), contig.line, skipped) == ("ACGT", 1, 4, [])


def test_the_fixture_reads_as_published(checkout):
    folder = checkout / "tests" / "fixtures"
    genomes, _ = pair(
        [source(folder / "ecoli_100kb.fna.gz", "fasta")],
        [source(folder / "ecoli_100kb.gff3.gz", "gff3")],
        open_bytes,
    )
    (contig,) = read_genome(genomes[0], open_bytes, Options())
    assert (contig.id, contig.length) == ("U00096.3", 97086)
    assert contig.features[0] == Feature(189, 255, "+", "CDS", 0, "cds-AAC73112.1")


def test_whole_genomes_read_as_their_readme_says(corpora):
    folder = corpora / "dna" / "ecoli_k12_mg1655"
    files = [source(path, "fasta" if ".fna" in path.name else "gff3") for path in sorted(folder.glob("*.gz"))]
    fasta, gff = ([f for f in files if f.kind == kind] for kind in ("fasta", "gff3"))
    (genome,), _ = pair(fasta, gff, open_bytes)
    (contig,) = read_genome(genome, open_bytes, Options())
    ids = {(f.id, f.label) for f in contig.features}
    assert contig.length == 4_641_652
    assert [sum(label == name for _, label in ids) for name in ("CDS", "pseudogene")] == [4242, 115]


def test_the_annotation_may_say_that_a_contig_is_a_circle(write):
    text = GFF.format("c", 1, 4, "+", "c;Is_circular=true").replace("CDS", "region")
    (contig,) = read_genome(
        Genome((write("a.fa", ">c\nACGT\n", "fasta"),), (write("a.gff3", text, "gff3"),)),
        open_bytes,
        Options(),
    )
    assert contig.circular


def test_a_percent_encoded_contig_is_the_one_of_the_sequence(write):
    gff = write("g.gff3", GFF.format("m54%2F1", 1, 9, "+", "a"), "gff3")
    genome = Genome((write("g.fna", ">m54/1\nATGAAATAA\n", "fasta"),), (gff,))
    (contig,) = read_genome(genome, open_bytes, Options())
    assert [(contig.id, f.start, f.end) for f in contig.features] == [("m54/1", 0, 9)]
