"""Evaluation of a gene finder and its families on the annotated contigs of a corpus."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from elman.data.corpus.contig_pieces import stretches_of
from elman.data.errors import BadInput
from elman.data.exports.dna.intervals import split_at_origin
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.contigs import Contig
from elman.data.metrics.genes import GeneScores, score_intervals
from elman.data.metrics.registry import further_scores
from elman.tasks.evaluation.reports import write_genes_report
from elman.tasks.models.gene_finder import GeneFinder
from elman.tasks.runtime.orchestration import task


@task(task_run_name="score {model} on {split} of {corpus}", tags=("evaluation",))
def evaluate_dna(
    model: str, corpus: str, split: str = "test", contents: tuple[str, ...] = (), report: str | None = None
) -> GeneScores:
    """Score a gene finder on a split of a corpus.

    Args:
        model: its folder.
        corpus: folder of the corpus.
        split: train, dev, test or all.
        contents: sha256 of sources; only these, if any.
        report: folder for a table and a plot of the contigs.

    Raises:
        BadInput: no contig of the split is annotated.
    """
    finder = GeneFinder.load(Path(model))
    annotated: list[pl.DataFrame] = []
    lengths: dict[str, int] = {}

    def contigs() -> Iterator[Contig]:
        for stretch in stretches_of(Path(corpus), split, contents):
            if stretch.features is None:
                continue
            contig = f"{stretch.source}:{stretch.contig}:{stretch.start}"
            lengths[contig] = len(stretch)
            shifted = stretch.features.with_columns(
                contig=pl.lit(contig),
                start=(pl.col("start") - stretch.start).clip(0, len(stretch)),
                end=(pl.col("end") - stretch.start).clip(0, len(stretch)),
            )
            annotated.append(shifted.filter(pl.col("start") < pl.col("end")))
            yield Contig(contig, stretch.bases, None, stretch.source, 0, 1, stretch.circular)

    called = [split_at_origin(frame, lengths) for frame in finder.tag_contigs(contigs())]
    if not annotated:
        raise BadInput(
            f"annotated contigs in the {split} split",
            got="none",
            todo="Give --split all, or ingest FASTA with its GFF3 `--as test`.",
            source=corpus,
        )
    truth, predicted = pl.concat(annotated), pl.concat(called)
    scores = score_intervals(truth, predicted, lengths, CDS)
    labels = finder.families.labels if finder.families else ()
    families = {label: score_intervals(truth, predicted, lengths, label).per_strand for label in labels}
    if report is not None:
        write_genes_report(scores.contigs, truth, predicted, Path(report), split)
    more = {score.name: score.compute(truth, predicted, lengths) for score in further_scores("dna")}
    return replace(scores, families=families, more=more)
