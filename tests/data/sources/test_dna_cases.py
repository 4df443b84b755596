"""DNA and annotations as other programs write them: read with the right value, or quarantined by name."""

import gzip
import warnings
from pathlib import Path

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.genome.contigs import Contig
from elman.data.sources.reading import collect_sources, read

HEAD = "##gff-version 3\n"


@pytest.fixture
def records(tmp_path):
    """Read files given as {name: content}."""

    def records(**files: str | bytes) -> list[Contig | Quarantined]:
        for name, content in files.items():
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        items, _ = collect_sources([tmp_path])
        return [record for item in items for record in read(item, Options())]

    return records


def row(
    start: int, end: int, phase: str = "0", ninth: str = "ID=a", type_: str = "CDS", strand: str = "+"
) -> str:
    return f"c1\tx\t{type_}\t{start}\t{end}\t.\t{strand}\t{phase}\t{ninth}\n"


def places(contig) -> list[tuple[int, int, int]]:
    assert isinstance(contig, Contig), contig
    return [(feature.start, feature.end, feature.phase) for feature in contig.features]


FASTA = ">c1\n" + "ACGT" * 60 + "\n"


@pytest.mark.parametrize("ninth", [".", ""])
def test_a_line_without_attributes_is_read(records, ninth):
    (contig,) = records(
        g__fna=FASTA, g__gff3=HEAD + row(1, 240, ".", ninth, "region") + row(1, 9, "0", ninth)
    )
    assert places(contig) == [(0, 9, 0)]


def test_contig_names_and_values_are_percent_decoded(records):
    gff3 = HEAD + row(1, 9, ninth="ID=cds-gnl|b0240|CDS=288%3B1").replace("c1", "m54%2F1")
    (contig,) = records(g__fna=FASTA.replace("c1", "m54/1"), g__gff3=gff3)
    assert contig.features[0].id == "cds-gnl|b0240|CDS=288;1"


def test_missing_phases_are_counted_on_from_the_part_before(records):
    parts = (
        row(1, 50, ".")
        + row(101, 150, ".")
        + row(161, 170, ".", "ID=b", strand="-")
        + row(181, 191, ".", "ID=b", strand="-")
    )
    (contig,) = records(g__fna=FASTA, g__gff3=HEAD + parts)
    assert places(contig) == [(0, 50, 0), (100, 150, 1), (160, 170, 1), (180, 191, 0)]


def test_a_genome_with_genes_and_no_cds_counts_as_not_annotated(records):
    with pytest.warns(UserWarning, match=r"g\.gff3: genes without a CDS"):
        (contig,) = records(g__fna=FASTA, g__gff3=HEAD + row(1, 9, ".", "ID=g", "gene"))
    assert contig.features is None


def test_regions_alone_mean_no_genes(records):
    (contig,) = records(g__fna=FASTA, g__gff3=HEAD + row(1, 240, ".", ".", "region"))
    assert contig.features == ()


@pytest.mark.parametrize("name", ["g__fna", "g__txt"])
def test_a_byte_order_mark_before_fasta_belongs_to_no_record(records, name):
    found = records(**{name: b"\xef\xbb\xbf>c1\nATGAAATAA\n>c2\nATGCCCTAA\n"})
    assert [contig.id for contig in found] == ["c1", "c2"]


def test_a_byte_order_mark_before_gff3_belongs_to_no_record(records):
    (contig,) = records(g__fna=FASTA, g__gff3=b"\xef\xbb\xbf" + row(1, 9).encode())
    assert places(contig) == [(0, 9, 0)]


def genbank(locus: str, location: str = "1..9", origin: bool = True) -> str:
    sequence = "ORIGIN\n        1 " + "acgt" * 15 + "\n" if origin else ""
    return (
        f"LOCUS       {locus}\nDEFINITION  x\nACCESSION   X1\nVERSION     X1.1\n"
        "FEATURES             Location/Qualifiers\n"
        f"     CDS             {location}\n{sequence}//\n"
    )


def test_name_and_length_run_together_in_a_locus_line_are_read(records):
    content = genbank("contig_00001_length_6060 bp    DNA     linear   BCT 01-JAN-2020")
    (contig,) = records(g__gbk=content)
    assert places(contig) == [(0, 9, 0)]


def test_an_entry_without_sequence_is_quarantined_as_such(records):
    whole = genbank("X1 60 bp    DNA     linear   BCT 01-JAN-2020")
    refused, contig = records(
        g__gbk=genbank("X2 60 bp    DNA     linear   BCT 01-JAN-2020", origin=False) + whole
    )
    assert refused.reason == "empty-record"
    assert isinstance(contig, Contig)


def test_a_byte_that_is_not_utf8_is_quarantined_as_such(records):
    content = genbank("X1 60 bp    DNA     linear   BCT 01-JAN-2020")
    (refused,) = records(g__gbk=content.encode().replace(b"DEFINITION  x", b"DEFINITION  \xe9"))
    assert refused.reason == "invalid-utf8"


def test_a_location_over_the_origin_of_a_circle_is_used_and_not_quarantined(records):
    content = genbank("X1                60 bp    DNA     circular BCT 01-JAN-2020", "51..9")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (contig,) = records(g__gbk=content)
    assert sorted(place[:2] for place in places(contig)) == [(0, 9), (50, 60)]


def test_the_same_cases_are_read_from_compressed_files(records):
    (contig,) = records(g__fna=FASTA, **{"g__gff3__gz": gzip.compress((HEAD + row(1, 9, "0", ".")).encode())})
    assert places(contig) == [(0, 9, 0)]
    assert isinstance(contig.source, str)
    assert Path(contig.source).name == "g.fna"
