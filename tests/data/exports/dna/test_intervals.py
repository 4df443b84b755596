"""Intervals that cross the origin are split into two parts with their phases."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data.exports.dna.intervals import Identifiers, split_at_origin
from elman.data.genome.contigs import Feature, over_origin
from elman.data.store import schema


def interval(start, end, strand, phase=0, label="CDS"):
    return ("x.fa", "c1", start, end, strand, phase, label, 0, 0.5, "m")


@given(st.integers(0, 199), st.integers(1, 199), st.sampled_from("+-"), st.integers(0, 2))
def test_parts_equal_those_of_a_feature(start, length, strand, phase):
    frame = pl.DataFrame(
        [interval(start, start + length, strand, phase)], schema=schema.INTERVALS, orient="row"
    )
    feature = Feature(start, start + length, strand, "CDS", phase, "")
    expected = over_origin(feature, 200) if feature.end > 200 else [feature]
    parts = split_at_origin(frame, {"c1": 200})
    assert parts.select("start", "end", "phase").rows() == [(p.start, p.end, p.phase) for p in expected]
    assert parts["id"].to_list() == ["cds1"] * len(expected)


def test_identifiers_count_genes_and_matches_over_frames():
    identifiers = Identifiers()
    assert identifiers.of(pl.Series(["CDS", "fam", "CDS"])).to_list() == ["cds1", "match1", "cds2"]
    assert identifiers.of(pl.Series(["fam", "CDS"])).to_list() == ["match2", "cds3"]
    assert identifiers.of(pl.Series([], dtype=pl.String)).to_list() == []


@pytest.mark.parametrize("rows", [[], [interval(0, 50, "+")]])
def test_without_an_interval_over_an_origin_rows_are_unchanged(rows):
    frame = pl.DataFrame(rows, schema=schema.INTERVALS, orient="row")
    assert split_at_origin(frame, {"c1": 200}).drop("id").equals(frame)
