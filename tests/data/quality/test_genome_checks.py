"""Quality checks of genomes find planted faults at their place; a sound annotation has none."""

import polars as pl
import pytest

from elman.data.corpus.contig_pieces import Stretch, pieces, stretches
from elman.data.quality.genome_checks import check_genomes
from elman.data.store import schema

GENE = "ATGAAACGCATTAGCACCTAA"
BASES = "CCCCC" + GENE + "CCCCC" + "TTAGGTGCTAATGCGTTTCAT" + "C" * 30
FORWARD = {"start": 5, "end": 26, "strand": "+", "label": "CDS", "phase": 0, "id": "a"}
REVERSE = {"start": 31, "end": 52, "strand": "-", "label": "CDS", "phase": 0, "id": "b"}


def stretch(*features: dict[str, object], bases: str = BASES, source: str = "g.gff3") -> Stretch:
    frame = pl.DataFrame(list(features), schema=dict(schema.FEATURE.to_schema()))
    return Stretch(source, "c1", len(bases), 0, bases, frame)


def codes(*found: Stretch) -> dict[str, int]:
    checks = check_genomes(("train", one) for one in found)
    return {finding.code: finding.count for finding in checks.findings()}


def test_a_sound_annotation_has_no_findings(ecoli):
    assert codes(stretch(FORWARD, REVERSE)) == {}
    (whole,) = stretches(pieces(ecoli))
    assert codes(whole).get("stop-within-gene", 0) == codes(whole).get("length-not-of-codons", 0) == 0


@pytest.mark.parametrize(
    ("feature", "code"),
    [
        ({**FORWARD, "end": 25}, "length-not-of-codons"),
        ({**FORWARD, "start": 8}, "unusual-start"),
        ({**FORWARD, "end": 29}, "stop-within-gene"),
        ({**REVERSE, "start": 28}, "stop-within-gene"),
    ],
)
def test_a_planted_fault_is_found(feature, code):
    assert codes(stretch(feature)) == {code: 1}


def test_a_long_overlap_on_one_strand_is_found():
    bases = "C" * 300
    first = {**FORWARD, "start": 0, "end": 150}
    second = {**FORWARD, "start": 80, "end": 230, "id": "b"}
    assert codes(stretch(first, second, bases=bases))["long-overlap"] == 1


def test_a_source_without_genes_beside_annotated_ones_is_an_error():
    found = check_genomes([("train", stretch(FORWARD)), ("train", stretch(source="h.gff3"))]).findings()
    assert [(f.code, f.severity, f.examples[0].source) for f in found] == [
        ("genome-without-genes", "error", "h.gff3")
    ]


def test_gc_content_is_counted_by_source():
    assert check_genomes([("train", stretch(bases="GCAT", source="g"))]).to_json()["gc"] == {"g": 0.5}
