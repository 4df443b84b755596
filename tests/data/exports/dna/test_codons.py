"""Codon positions of every base, read back by Biopython."""

import io

import polars as pl
from Bio import SeqIO

from elman.data.exports import registry
from elman.data.exports.dna import codons
from elman.data.exports.dna.intervals import split_at_origin
from elman.data.genome.nucleotides import frame_labels
from elman.data.store import schema

EXPORT = registry.find("codons")
CIRCLE = pl.DataFrame([("x.fa", "c1", 200, True)], schema=schema.TAGGED_CONTIGS, orient="row")


def test_every_base_has_its_codon_position_on_either_strand(reference, monkeypatch):
    rows = [
        ("x.fa", "c1", 150, 250, "+", 0, "CDS", 0, 0.5, "m"),  # over the origin
        ("x.fa", "c1", 61, 97, "-", 0, "CDS", 0, 0.9, "m"),
        ("x.fa", "c1", 130, 160, "-", 2, "CDS", 2, 0.9, "m"),
        ("x.fa", "c1", 64, 94, "-", 0, "family", 0, 0.9, "m"),
    ]
    frame = pl.DataFrame(rows, schema=schema.INTERVALS, orient="row")
    features = split_at_origin(frame, {"c1": 200})
    forward, reverse = (frame_labels(features.filter(strand=strand), 0, 200) for strand in "+-")
    monkeypatch.setattr(codons, "_STRETCH", 60)
    text = reference.written(EXPORT, reference.tables_of({"contigs": CIRCLE, "data": frame}))
    entries = {record.description: str(record.seq) for record in SeqIO.parse(io.StringIO(text), "fasta")}
    assert entries["c1 +"] == "".join(".012"[name] for name in forward)
    assert entries["c1 -"] == "".join("....012"[name] for name in reverse)


def test_where_genes_of_a_strand_overlap_the_more_probable_one_counts(reference):
    rows = [("x.fa", "c1", a, a + 30, "+", 0, "CDS", 0, p, "m") for a, p in ((0, 0.9), (20, 0.8))]
    frame = pl.DataFrame(rows, schema=schema.INTERVALS, orient="row")
    text = reference.written(EXPORT, reference.tables_of({"contigs": CIRCLE, "data": frame}))
    assert text.splitlines()[1] == "012" * 10 + ("012" * 10)[10:] + "." * 10
