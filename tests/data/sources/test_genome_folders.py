"""Folders of genomes as they are downloaded: what belongs to them, what does not, names that do not match."""

import pytest

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.genome.contigs import Contig
from elman.data.sources.reading import collect_sources, read

GFF3 = "##gff-version 3\n{contig}\tx\tCDS\t1\t9\t.\t{strand}\t0\tID=a\n"
GTF = 'c1\tx\tCDS\t1\t6\t.\t+\t0\tgene_id "a"; transcript_id "b";\n'
FASTA = ">{contig}\nATGAAATAA\n"


@pytest.fixture
def folder(tmp_path):
    def write(**files: str):
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_text(content)
        return tmp_path

    return write


def test_logs_reports_proteins_and_gtf_beside_a_genome_are_skipped_and_listed(folder):
    path = folder(
        g_fna=FASTA.format(contig="c1"),
        g_gff3=GFF3.format(contig="c1", strand="+"),
        g_gtf=GTF,
        g_faa=">p1\nMKSAG\n",
        run_log="Started at noon.\n",
        report_txt="One contig.\n",
        page_html="<html><body>One contig.</body></html>\n",
    )
    (source,), skipped = collect_sources([path])
    assert [file.name for file in source.sources] == ["g.fna", "g.gff3"]
    assert {path.name for path, _ in skipped} == {"g.gtf", "g.faa", "run.log", "report.txt", "page.html"}


def test_more_texts_than_genomes_are_refused_with_their_names(folder):
    path = folder(g_fna=FASTA.format(contig="c1"), a_txt="One.\n", b_txt="Two.\n")
    with pytest.raises(BadInput, match=r"a\.txt, b\.txt \(text\) and g\.fna \(DNA\)"):
        collect_sources([path])


def test_a_text_that_is_named_is_not_left_out(folder):
    path = folder(g_fna=FASTA.format(contig="c1"), a_txt="One.\n")
    with pytest.raises(BadInput, match="--kind text"):
        collect_sources([path / "g.fna", path / "a.txt"])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("g.gtf", GTF, "GTF"),
        ("p.faa", ">p1\nMKSAG\n", "proteins"),
        ("p.fasta", ">p1\nMKVLEEFQIPL\nMKLE\n", "proteins"),
        (
            "p.dat",
            "ID   A_B    Reviewed;   2 AA.\nAC   Q6;\nSQ   SEQUENCE   2 AA;\n     MK\n//\n",
            "proteins",
        ),
    ],
)
def test_what_is_no_dna_is_refused_by_name(tmp_path, name, content, says):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=says):
        collect_sources([tmp_path / name])


@pytest.mark.parametrize(
    ("fasta", "gff3"),
    [("c1.1", "c1"), ("c1", "c1.2"), ("gi|9|ref|NC_1.3|", "NC_1.3"), ("NC_1.3", "ref|NC_1|"), ("C1", "c1")],
)
@pytest.mark.parametrize("annotation", ["g_gff3", "other_gff3"])
def test_a_contig_in_another_form_is_refused_with_both_names(folder, fasta, gff3, annotation):
    content = GFF3.format(contig=gff3, strand="+")
    path = folder(g_fna=FASTA.format(contig=fasta), **{annotation: content})
    message = refusal(path)
    assert repr(fasta) in message
    assert repr(gff3) in message


@pytest.mark.parametrize(("written", "strand"), [("1", "+"), ("-1", "-"), ("+1", "+"), (" - ", "-")])
def test_strands_may_be_numbers(folder, written, strand):
    path = folder(g_fna=FASTA.format(contig="c1"), g_gff3=GFF3.format(contig="c1", strand=written))
    assert features(path) == [(0, 9, strand, "CDS")]


@pytest.mark.parametrize("head", ["##gff-version 3\n", ""])
def test_columns_may_stand_between_spaces(folder, head):
    line = "c1  Prodigal_v2  CDS   1  9  .  +  0  ID=a;product=a b c\n"
    assert features(folder(g_fna=FASTA.format(contig="c1"), g_gff3=head + line)) == [(0, 9, "+", "CDS")]


@pytest.mark.parametrize("wrong", ["c1\tx\tCDS\t1\t9\t.\t?\t0\tID=b\n", "c1\tx\tCDS\t1\t9\t.\t+\t0\n"])
def test_the_stretch_of_a_bad_line_is_neither_coding_nor_not(folder, wrong):
    path = folder(g_fna=FASTA.format(contig="c1"), g_gff3="##gff-version 3\n" + wrong)
    assert features(path) == [(0, 9, "+", "unreadable")]


def refusal(path) -> str:
    """The message that refuses a folder, or the first line of its annotation."""
    try:
        ((source,), _) = collect_sources([path])
    except BadInput as error:
        return str(error)
    return next(record.detail for record in read(source, Options()) if isinstance(record, Quarantined))


def features(path) -> list[tuple[int, int, str, str]]:
    ((source,), _) = collect_sources([path])
    (contig,) = (record for record in read(source, Options()) if isinstance(record, Contig))
    return [(f.start, f.end, f.strand, f.label) for f in contig.features]
