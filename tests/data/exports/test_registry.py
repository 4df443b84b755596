"""Export formats register themselves, and every other part takes their names and tables from the registry."""

from dataclasses import replace

import pytest

from elman.data.errors import UsageError
from elman.data.exports import registry


def test_formats_of_both_families_are_known():
    assert registry.names("text") == (
        *("parquet", "brat", "conll", "csv", "csv-entities", "doccano", "jsonl", "label-studio", "spacy"),
    )
    assert registry.names("dna") == ("parquet", "bed", "codons", "faa", "gff3", "starts")
    assert registry.names("classes") == ("parquet", "csv", "jsonl")
    assert set(registry.names()) == {*registry.names("text"), *registry.names("dna")}


def test_classifiers_have_formats_of_their_own_under_the_same_names():
    assert registry.find("csv", "classes") != registry.find("csv")
    assert registry.needed_tables(["csv"], "classes") == {"data"}


def test_the_tables_of_several_formats_are_joined():
    assert registry.needed_tables(["parquet"]) == set()
    assert registry.needed_tables(["jsonl", "conll"]) == {"documents", "data", "texts", "tokens"}


def test_an_unknown_format_is_an_error_with_the_known_names():
    with pytest.raises(UsageError, match=r"expected a format of parquet, bed, .* Got xml"):
        registry.find("xml")


def test_a_name_is_registered_once():
    registry.register(registry.find("bed"))  # the same again changes nothing
    with pytest.raises(ValueError, match="taken"):
        registry.register(replace(registry.find("bed"), family="text"))


def test_every_format_has_a_description():
    assert all(export.description for export in registry.all_exports())


@pytest.mark.parametrize(
    ("source", "file"),
    [
        (None, "tags.gff3"),
        ("a.fna", "gff3/a.fna.gff3"),
        ("run 1/a.fna", "gff3/run_1_a.fna-"),
        ("../a.fna", "gff3/_._a.fna-"),
        ("-rf", "gff3/rf-"),
        ("x" * 300, f"gff3/{'x' * 100}-"),
        ("東京", "gff3/__-"),
    ],
)
def test_files_of_sources_have_names_that_are_safe(source, file):
    name = registry.find("gff3").file(source)
    assert name.startswith(file)
    assert len(name) < 130
    assert name.isascii()


def test_sources_of_different_names_have_files_of_different_names():
    sources = ["a b", "a_b", "a/b", "x" * 101, "x" * 102, "é", "è"]
    assert len({registry.file_stem(source) for source in sources}) == len(sources)
