"""Candidate starts are lines of tab-separated columns under one head line."""

import polars as pl

from elman.data.exports import registry
from elman.data.store import schema

EXPORT = registry.find("starts")
PARTS = (1.5, 2.0, -0.25, 0.5, 0.25, -1.0, 0.0)


def test_a_candidate_is_a_line_with_its_parts_and_a_dot_for_no_distance(reference):
    rows = [
        ("x.fa", "c1", 10, 100, 10, 100, "+", True, "ATG", None, *PARTS, "m"),
        ("x.fa", "c1", 10, 100, 22, 100, "+", False, "GTG", -4, *PARTS, "m"),
    ]
    frame = pl.DataFrame(rows, schema=schema.STARTS, orient="row")
    head, *lines = reference.written(EXPORT, reference.tables_of({"starts": frame})).splitlines()
    assert head.split("\t")[-7:] == ["score", "network", "codons", "context", "motif", "spacing", "length"]
    assert [line.split("\t")[3:9] for line in lines] == [
        ["10", "100", "+", "true", "ATG", "."],
        ["22", "100", "+", "false", "GTG", "-4"],
    ]
    assert [float(value) for value in lines[0].split("\t")[9:]] == list(PARTS)
