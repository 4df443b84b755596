"""Export formats register themselves, and every other part takes their names and tables from the registry."""

from dataclasses import replace

import pytest

from elman.data.errors import UsageError
from elman.data.exports import registry


def test_formats_of_both_families_are_known():
    assert registry.names("text") == ("parquet", "conll", "jsonl")
    assert registry.names("dna") == ("parquet", "bed", "codons", "faa", "gff3")
    assert set(registry.names()) == {*registry.names("text"), *registry.names("dna")}


def test_the_tables_of_several_formats_are_joined():
    assert registry.needed_tables(["parquet"]) == set()
    assert registry.needed_tables(["jsonl", "conll"]) == {"documents", "data", "tokens"}


def test_an_unknown_format_is_an_error_with_the_known_names():
    with pytest.raises(UsageError, match=r"expected a format of parquet, bed, .* Got xml"):
        registry.find("xml")


def test_a_name_is_registered_once():
    registry.register(registry.find("bed"))  # the same again changes nothing
    with pytest.raises(ValueError, match="taken"):
        registry.register(replace(registry.find("bed"), family="text"))


def test_every_format_has_a_description():
    assert all(export.description for export in registry.all_exports().values())
