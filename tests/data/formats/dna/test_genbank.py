"""GenBank: the same genes as the GFF3 of the same genome, and bad entries that cost only themselves."""

import io

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.dna.genbank import GENBANK
from elman.data.genome.contigs import Contig, Feature

ENTRY = """\
LOCUS       {id}                30 bp    DNA     linear   BCT 01-JAN-2020
DEFINITION  test.
ACCESSION   {id}
VERSION     {id}.1
FEATURES             Location/Qualifiers
     source          1..30
     CDS             {location}
                     /gene="a"{more}
ORIGIN
        1 acgtacgtac gtacgtacgt acgtacgtNN
//
"""


def entry(id="A1", location="1..9", more=""):
    return ENTRY.format(id=id, location=location, more=more).encode()


def read(raw: bytes):
    return list(GENBANK.read(io.BytesIO(raw), "x.gb", Options()))


def test_an_entry_is_a_contig_with_its_case_and_features():
    (contig,) = read(entry())
    assert contig == Contig("A1.1", "acgt" * 7 + "NN", (Feature(0, 9, "+", "CDS", 0, "CDS1"),), "x.gb", 0, 1)


@pytest.mark.parametrize(
    ("location", "parts"),
    [
        ("complement(4..9)", [(3, 9, "-", 0)]),
        ("join(1..4,10..14)", [(0, 4, "+", 0), (9, 14, "+", 2)]),
        ("complement(join(1..4,10..14))", [(0, 4, "-", 1), (9, 14, "-", 0)]),
        ("<1..>9", [(0, 9, "+", 0)]),
        ("join(28..30,1..3)", [(0, 3, "+", 0), (27, 30, "+", 0)]),
    ],
)
def test_locations_become_parts_with_phases(location, parts):
    (contig,) = read(entry(location=location))
    assert [(f.start, f.end, f.strand, f.phase) for f in contig.features] == parts


def test_codon_start_is_the_phase_of_the_first_part():
    (contig,) = read(entry(location="join(<1..4,10..14)", more="\n                     /codon_start=2"))
    assert [f.phase for f in contig.features] == [1, 0]


def test_a_pseudogene_is_called_so():
    assert read(entry(more="\n                     /pseudo"))[0].features[0].label == "pseudogene"


def test_bad_entries_are_quarantined_alone():
    raw = entry() + entry() + entry("A2").replace(b"acgtacgtNN", b"acgtacgtEF") + entry("A3")
    good, twice, protein, last = read(raw)
    assert (twice.reason, twice.byte_offset, twice.line) == ("duplicate-id", len(entry()), 12)
    assert (protein.reason, protein.raw) == ("not-dna", entry("A2").replace(b"acgtacgtNN", b"acgtacgtEF"))
    assert [good.id, last.id] == ["A1.1", "A3.1"]


def test_a_feature_outside_its_entry_is_quarantined_and_the_entry_used():
    bad, good = read(entry(location="20..40"))
    assert (bad.reason, good.features) == ("outside-contig", (Feature(19, 30, "+", "unreadable", 0, "CDS1"),))


def test_an_entry_without_its_end_is_truncated():
    good, bad = read(entry() + entry("A2")[:-3])
    assert isinstance(good, Contig)
    assert isinstance(bad, Quarantined)
    assert bad.reason == "truncated"


def test_an_entry_without_sequence_says_what_to_download():
    raw = entry()
    (bad,) = read(raw[: raw.index(b"ORIGIN")] + b"CONTIG      join(A9.1:1..30)\n//\n")
    assert (bad.reason, "gbwithparts" in bad.todo) == ("empty-record", True)


def test_the_topology_of_an_entry_is_kept():
    linear, circular = read(entry() + entry("A2").replace(b"linear  ", b"circular"))
    assert (linear.circular, circular.circular) == (False, True)


def test_a_location_over_the_origin_is_used_of_a_circle_and_refused_of_a_line():
    linear = entry(location="25..6")
    (contig,) = read(linear.replace(b"linear  ", b"circular"))
    assert [(f.start, f.end, f.phase) for f in contig.features] == [(0, 6, 0), (24, 30, 0)]
    refused, used, _ = read(linear + entry("B2"))
    assert (refused.reason, [f.label for f in used.features]) == ("bad-location", ["unreadable"])


def test_a_codon_start_that_is_none_costs_the_feature_alone():
    refused, contig = read(entry(more='\n                     /codon_start="x"'))
    assert (refused.reason, [f.label for f in contig.features]) == ("bad-location", ["unreadable"])


def test_a_locus_line_that_cannot_be_read_is_shown_beside_one_that_can():
    (quarantined,) = read(b"LOCUS       NODE_1_length_90_cov_20 bp DNA\nORIGIN\n        1 atgaaataa\n//\n")
    assert "expected a line as `LOCUS name 1200 bp" in quarantined.detail
    assert "'LOCUS       NODE_1_length_90_cov_20 bp DNA'" in quarantined.detail
