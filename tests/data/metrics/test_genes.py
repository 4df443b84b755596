"""Scores of coding regions, equal to an independent scorer on real genomes."""

import importlib.util

import numpy as np
import polars as pl
import pytest

from elman.data.exports import registry
from elman.data.metrics.genes import BaseScores, block_counts, mcc_of, score_intervals

KEYS = ("contig", "start", "end", "strand", "label", "id")


def frame(*rows):
    return pl.DataFrame([dict(zip(KEYS, row, strict=True)) for row in rows])


def test_a_base_counts_once_on_each_strand():
    truth = frame(("c", 0, 6, "+", "CDS", "a"))
    called = frame(("c", 0, 6, "-", "CDS", "a"))
    scores = score_intervals(truth, called, {"c": 10})
    assert scores.per_strand == BaseScores(tp=0, fp=6, fn=6, tn=8)
    assert scores.either_strand.mcc == 1.0
    assert scores.strands["+"].recall == 0.0


def test_genes_are_found_by_their_stop_or_by_both_ends():
    truth = frame(
        ("c", 0, 9, "+", "CDS", "a"), ("c", 20, 29, "-", "CDS", "b"), ("c", 40, 49, "-", "CDS", "c")
    )
    called = frame(
        ("c", 3, 9, "+", "CDS", "x"), ("c", 20, 29, "-", "CDS", "y"), ("c", 43, 49, "-", "CDS", "z")
    )
    gene = score_intervals(truth, called, {"c": 60}).gene.to_json()
    assert (gene["stop_recall"], gene["exact_recall"]) == (2 / 3, 1 / 3)


def test_what_lies_under_a_pseudogene_is_not_counted():
    truth = frame(("c", 0, 30, "+", "pseudogene", "p"), ("c", 40, 49, "+", "CDS", "a"))
    called = frame(("c", 0, 30, "+", "CDS", "x"), ("c", 40, 49, "+", "CDS", "y"))
    scores = score_intervals(truth, called, {"c": 60})
    assert (scores.per_strand.mcc, scores.masked, scores.gene.predicted) == (1.0, 30, 1)


def test_every_contig_has_its_own_line_even_without_genes():
    truth = frame(("c", 0, 9, "+", "CDS", "a"))
    scores = score_intervals(truth, truth, {"c": 20, "d": 30})
    assert [(line.contig, line.bases.mcc) for line in scores.contigs] == [("c", 1.0), ("d", 0.0)]


@pytest.mark.parametrize("genome", ["ecoli_k12_mg1655", "btheta_jmh43", "phages14"])
def test_figures_equal_those_of_an_independent_scorer(corpora, tmp_path, genome):
    script = corpora.parent / "tools" / "score_dna.py"
    spec = importlib.util.spec_from_file_location("independent_scorer", script)
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    folder = corpora / "dna" / genome
    genes, lengths = other.read_any(folder / f"{genome}.gff3.gz", {"CDS"})
    truth = frame(
        *(
            (g.seq, start, end, g.strand, "pseudogene" if g.pseudo else "CDS", str(i))
            for i, g in enumerate(genes)
            for start, end, _ in g.parts
        )
    )
    rng = np.random.default_rng(1)
    called = (
        truth.filter(pl.Series(rng.random(len(truth)) < 0.9))
        .with_columns(start=pl.when(pl.col("start") % 3 == 0).then(pl.col("start") + 30).otherwise("start"))
        .with_columns(strand=pl.when(pl.col("start") % 9 == 0).then(pl.lit("+")).otherwise("strand"))
        .with_columns(
            label=pl.lit("CDS"),
            phase=pl.lit(0),
            partial=pl.lit(0),
            probability=pl.lit(1.0),
            model=pl.lit("m"),
        )
        .filter(pl.col("start") < pl.col("end"))
        .drop("id")
    )
    path = tmp_path / "called.gff3"
    contigs = pl.DataFrame({"contig": list(lengths), "length": list(lengths.values()), "circular": False})
    frames = {"contigs": contigs, "data": called}
    lines = registry.find("gff3").write(lambda *names: iter([tuple(frames[name] for name in names)]), {})
    path.write_bytes(b"".join(lines))
    theirs = other.score(genes, other.read_any(path, {"CDS"})[0], lengths)
    ours = score_intervals(truth, called, lengths).to_json()
    for table in ("per_strand", "either_strand"):
        for name in ("tp", "fp", "fn", "tn", "precision", "recall", "f1", "mcc"):
            assert ours[table][name] == pytest.approx(theirs[table][name], abs=1e-6)
    for name in ("stop_recall", "stop_precision", "exact_recall", "exact_precision"):
        assert ours["gene"][name] == pytest.approx(theirs["gene"][name], abs=1e-6)
    assert ours["masked"] == theirs["masked_bp"]


def test_counts_of_blocks_add_up_to_those_of_the_whole_and_give_its_mcc():
    columns = ("contig", "start", "end", "strand", "label", "id")
    truth = pl.DataFrame(
        [
            ("a", 10, 40, "+", "CDS", "1"),
            ("a", 35, 90, "-", "CDS", "2"),
            ("a", 60, 70, "+", "pseudogene", "3"),
            ("b", 0, 25, "+", "CDS", "4"),
        ],
        schema=columns,
        orient="row",
    )
    called = [("a", 12, 45, "+", "CDS", "1"), ("a", 33, 80, "-", "CDS", "2")]
    predicted = pl.DataFrame(called, schema=columns, orient="row")
    lengths = {"a": 100, "b": 30, "c": 0}
    counts = block_counts(truth, predicted, lengths, size=20)
    assert counts.shape == (7, 4)
    scores = score_intervals(truth, predicted, lengths).per_strand
    assert counts.sum(axis=0).tolist() == [scores.tp, scores.fp, scores.fn, scores.tn]
    assert mcc_of(counts.sum(axis=0)) == pytest.approx(scores.mcc)
    assert mcc_of(np.array([[5, 0, 0, 0], [0, 0, 0, 0]])).tolist() == [0.0, 0.0]
