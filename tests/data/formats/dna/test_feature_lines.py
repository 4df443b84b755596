"""Features in other columns than the format's are read as those in its columns."""

import io

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.dna.embl import EMBL
from elman.data.formats.dna.feature_lines import in_columns
from elman.data.formats.dna.genbank import GENBANK
from tests.data.formats.samples import SAMPLES

ENTRY = SAMPLES["genbank"].raw.decode()
GOOD = "     CDS             1..9\n"
PARTS = [(0, 18, "-"), (36, 54, "-")]


def parts_of(raw: str, flat=GENBANK) -> list[tuple[int, int, str]]:
    (contig,) = flat.read(io.BytesIO(raw.encode()), "x", Options())
    assert not isinstance(contig, Quarantined), contig.detail
    return [(f.start, f.end, f.strand) for f in contig.features]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.replace("     CDS             ", "     CDS\t").replace(" " * 21 + "/", "\t\t\t/"),
        lambda s: s.replace("     CDS             ", "\tCDS\t").replace(" " * 21 + "/", "\t\t/"),
        lambda s: s.replace("     CDS             ", "  CDS  ").replace(" " * 21 + "/", "    /"),
        lambda s: s.replace("     CDS             ", "CDS ").replace(" " * 21 + "/", "/"),
        lambda s: s.replace("(1..18,37..54)", "(1..18,\n\t\t37..54)").replace("     CDS  ", "\tCDS\t"),
        lambda s: s.replace("LOCUS       ", "LOCUS\t").replace("     CDS             ", "     CDS\t"),
        lambda s: s.replace("LOCUS       ", "LOCUS "),
        lambda s: s.replace("FEATURES             Location", "features  location"),
        lambda s: s.replace("ORIGIN", "origin"),
        lambda s: s.replace("ORIGIN", "ORIGIN      "),
        lambda s: s.replace("LOCUS", "locus"),
        lambda s: s.replace(" CDS ", " cds "),
        lambda s: s.replace("\n", "\r"),
        lambda s: s.replace("\n", "\r\n"),
        lambda s: "X1.SEQ  Genetic Sequence Data Bank\n\n" + s,
    ],
)
def test_an_entry_of_genbank_in_other_columns_has_its_features(change):
    assert parts_of(change(ENTRY)) == PARTS


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.replace("FT   CDS             ", "FT\tCDS\t").replace("FT" + " " * 19, "FT\t\t"),
        lambda s: s.replace("FT   CDS             ", "FT CDS "),
        lambda s: s.replace("\n", "\r"),
        lambda s: s.replace("SQ   ", "SQ\t"),
    ],
)
def test_an_entry_of_embl_in_other_columns_has_its_features(change):
    assert parts_of(change(SAMPLES["embl"].raw.decode()), EMBL) == PARTS


def test_text_of_a_qualifier_is_no_feature():
    note = '\t\t/note="a gene 1..9 and\n\t\tCDS 3..8 of\n\n\t\tothers"'
    assert parts_of(ENTRY.replace('                     /product="a; b"', note)) == PARTS


def test_an_entry_in_its_columns_is_left_as_it_is():
    assert in_columns(ENTRY, "") == ENTRY


def test_an_entry_of_amino_acids_is_no_dna():
    (bad,) = GENBANK.read(io.BytesIO(ENTRY.replace("72 bp", "72 aa").encode()), "x", Options())
    assert (bad.reason, "amino acids" in bad.detail) == ("not-dna", True)


@pytest.mark.parametrize(
    "location", ["20.31", "20..31,", "31..20x", "20..31)", "(20..31", "join(20..31,\n%s31" % (" " * 21)]
)
def test_a_location_that_cannot_be_read_costs_its_feature_alone_whose_stretch_is_masked(location):
    entry = ENTRY.replace("complement(join(1..18,37..54))", location).replace("ORIGIN", GOOD + "ORIGIN")
    bad, contig = GENBANK.read(io.BytesIO(entry.encode()), "x", Options())
    assert bad.reason == "bad-location"
    assert [(f.start, f.end, f.label) for f in contig.features] == [(0, 9, "CDS"), (19, 31, "unreadable")]
