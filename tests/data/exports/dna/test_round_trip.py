"""Genes written as GFF3 and BED are read again on the same contigs, whatever these are called."""

import io
from pathlib import Path

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elman.data.exports import registry
from elman.data.formats.common.options import Options
from elman.data.sources.detect import Source
from elman.data.sources.genomes import Genome, read_genome
from elman.data.store import schema

LENGTH = 300
NAME = st.lists(
    st.sampled_from([*"ab=%;&,|\"'/#.:-@>\x01\x7f", "é", "\U0001f600", "%3B", "track"]),
    min_size=1,
    max_size=6,
).map("".join)
GENE = st.tuples(st.integers(0, 99), st.integers(1, 2), st.sampled_from("+-"), st.integers(0, 2))
SOURCE = Source(Path("tags.gff3"), "tags.gff3", "gff3", None, None, 0)
FASTA = Source(Path("x.fna"), "x.fna", "fasta", None, None, 0)
BED = Source(Path("tags.bed"), "tags.bed", "bed", None, None, 0)


def fasta_of(genome):
    return "".join(f">{name}\n{'A' * LENGTH}\n" for name in genome)


@st.composite
def genomes(draw):
    """Genes by contig: start, end, strand and phase of each."""
    names = draw(st.lists(NAME, min_size=1, max_size=4, unique=True))
    return {
        name: [(3 * a, 3 * (a + n), *rest) for a, n, *rest in sorted(draw(st.sets(GENE, max_size=4)))]
        for name in names
    }


def tables_of(reference, genome):
    rows = [
        ("x.fna", name, start, end, strand, phase, "CDS", 0, 0.5, "m")
        for name, genes in genome.items()
        for start, end, strand, phase in genes
        if end <= LENGTH
    ]
    contigs = [("x.fna", name, LENGTH, False) for name in genome]
    return reference.tables_of(
        {
            "contigs": pl.DataFrame(contigs, schema=schema.TAGGED_CONTIGS, orient="row"),
            "data": pl.DataFrame(rows, schema=schema.INTERVALS, orient="row"),
        }
    ), [(name, start, end, strand, phase) for _, name, start, end, strand, phase, *_ in rows]


@settings(max_examples=60, deadline=None)
@given(genomes())
@example({".": [(0, 3, "+", 0)], "..": [], "%2E": []})
def test_gff3_is_read_on_the_same_contigs(reference, genome):
    tables, expected = tables_of(reference, genome)
    text = f"{reference.written(registry.find('gff3'), tables)}##FASTA\n{fasta_of(genome)}"
    contigs = list(read_genome(Genome((SOURCE,)), lambda source: io.BytesIO(text.encode()), Options()))
    assert [contig.id for contig in contigs] == list(genome)
    found = [(c.id, f.start, f.end, f.strand, f.phase) for c in contigs for f in c.features or ()]
    assert sorted(found) == sorted(expected)


@settings(max_examples=60, deadline=None)
@example({"track": [(0, 3, "+", 0)], "browser": [(3, 6, "-", 0)]})
@given(genomes().filter(lambda genome: not any(name.startswith("#") for name in genome)))  # comments of BED
def test_bed_is_read_on_the_same_contigs(reference, genome):
    tables, expected = tables_of(reference, genome)
    bed = reference.written(registry.find("bed"), tables)
    texts = {"fasta": fasta_of(genome), "bed": bed}
    opened = lambda source, *_: io.BytesIO(texts[source.kind].encode())  # noqa: E731 (of two texts)
    contigs = list(read_genome(Genome((FASTA,), (BED,)), opened, Options()))
    assert [contig.id for contig in contigs] == list(genome)
    found = [(c.id, f.start, f.end, f.strand) for c in contigs for f in c.features or ()]
    assert sorted(found) == sorted(row[:4] for row in expected)
