"""Input formats register themselves, and every other part takes what it needs from the registry."""

import re
from dataclasses import replace

import pytest

from elman.data.formats import registry
from elman.data.formats.registry import Head, TextFormat


def test_formats_are_tried_in_the_order_of_their_ranks():
    names = [format_.name for format_ in registry.all_formats()]
    ranked = [
        "brat_labels",
        "parquet",
        "arrow",
        "midi",
        "wav",
        "flac",
        "ogg",
        "genbank",
        "embl",
        "fastq",
        "gff3",
        "bed",
        "abc",
        "rolls",
        "musicxml",
        "transcripts",
        "fasta",
        "label_studio",
        "pubtator",
        "json_records",
        "token_jsonl",
        "jsonl",
        "conll",
        "delimited",
        "sentence_lines",
        "brat",
        "plain",
    ]
    assert names == ranked


@pytest.mark.parametrize(
    ("name", "raw", "kind"),
    [
        ("a", b"PAR1...", "parquet"),
        ("a", b"LOCUS  x\n", "genbank"),
        ("a", b"##gff-version 3\n", "gff3"),
        ("a.fna", b"x\n", "fasta"),
        ("a", b'{"text": "x"}\n', "jsonl"),
        ("a", b"Sam\tB-PER\n", "conll"),
        ("a", b"Sam left.\n", "plain"),
    ],
)
def test_the_first_format_that_matches_is_taken(name, raw, kind):
    assert registry.detect(Head(name, raw, whole=True)).name == kind


def test_named_columns_make_a_table_a_file_of_columns():
    table = Head("a.tsv", b"Sam\t1\nLi\t2\n", whole=True)
    assert registry.detect(table).name == "plain"
    assert registry.detect(table, columns=True).name == "conll"


@pytest.mark.parametrize("change", [{"name": "other"}, {"rank": 41}])
def test_a_name_and_a_rank_are_registered_once(change):
    fasta = registry.format_of("fasta")
    assert registry.register(fasta) is fasta  # the same again changes nothing
    with pytest.raises(ValueError, match="taken"):
        registry.register(replace(fasta, **change))


def test_a_format_of_dna_is_none_of_text():
    with pytest.raises(TypeError, match="expected a format of text"):
        registry.text_format("fasta")


def test_messages_list_what_can_be_ingested():
    assert re.fullmatch(
        r"Give CoNLL columns \(.*\), JSON lines .*, FASTA, .*, ABC tunes, .*, OGG or WAV; .*",
        registry.supported(),
    )


def test_every_format_documents_its_quarantine_reasons(checkout):
    for format_ in registry.documented():
        module = "plaintext" if format_.name == "plain" else format_.name
        (path,) = (checkout / "data" / "formats").glob(f"*/{module}.py")
        code = path.read_text()
        raised = re.findall(r"(?:BadRecord|_BadRow\(\w+,|quarantine|_BadRow)\(?\s*\(?\"([a-z0-9-]+)\"", code)
        assert set(raised) <= set(format_.reasons), format_.name


def test_only_text_may_span_several_slices_of_one_document():
    assert [f.name for f in registry.all_formats() if isinstance(f, TextFormat) and f.one_document] == [
        "sentence_lines",
        "plain",
    ]
