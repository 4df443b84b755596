"""Gene finder: its rows, and what does not change them."""

import polars as pl

from elman.data.genome.contigs import Contig


def test_rows_are_of_the_schema_and_name_their_model(finder, ecoli):
    frame = finder.tag_contig(ecoli.bases, "x.fa", "c")
    assert frame["model"].unique().to_list() == ["small"]
    assert frame["start"].is_sorted()
    assert frame.select((pl.col("end") - pl.col("start") >= 60).all()).item()


def test_the_other_strand_is_tagged_as_the_mirror_image(finder, ecoli):
    bases = ecoli.bases[:30_000]
    letters = bases[::-1].translate(str.maketrans("ACGT", "TGCA"))
    forward, reverse = finder.tag_contig(bases), finder.tag_contig(letters)
    mirrored = reverse.select(
        start=30_000 - pl.col("end"),
        end=30_000 - pl.col("start"),
        strand=pl.col("strand").replace({"+": "-", "-": "+"}),
        phase="phase",
    ).sort("start")
    assert forward.select("start", "end", "strand", "phase").equals(mirrored)


def test_lower_case_is_tagged_like_upper_case(finder, ecoli):
    bases = ecoli.bases[:12_000]
    assert finder.tag_contig(bases.lower()).equals(finder.tag_contig(bases))
    assert finder.tag_contig("ACGTN").height == 0


def test_genes_of_a_circle_do_not_depend_on_its_origin(finder, ecoli):
    size, turn = 42_000, 12_000  # whole steps
    bases = ecoli.bases[:size]
    found = []
    for text in (bases, bases[turn:] + bases[:turn]):
        (frame,) = finder.tag_contigs([Contig("c", text, None, "x", 0, 1, True)])
        assert frame.select((pl.col("start") < size).all(), (pl.col("partial") == 0).all()).row(0) == (
            True,
            True,
        )
        found.append(frame)
    original, turned = (
        {
            ((a + shift) % size, b - a, s, p)
            for a, b, s, p in f.select("start", "end", "strand", "phase").rows()
        }
        for f, shift in zip(found, (0, turn), strict=True)
    )
    assert len(original ^ turned) <= 0.01 * len(original)  # a margin of 600 bases is not all there is


def test_raw_strings_give_plain_values(finder, ecoli):
    found = finder.tag_raw(ecoli.bases[:6000] + "\n")
    assert {"start", "end", "strand", "phase", "label", "probability"} == found[0].keys()
