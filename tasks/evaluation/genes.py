"""Scoring a gene finder, and its families, on the annotated contigs of a corpus."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.corpus.contig_pieces import stretches_of
from elman.data.errors import BadInput
from elman.data.exports.intervals import split_at_origin
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.contigs import Contig
from elman.data.metrics.genes import score_intervals
from elman.tasks.evaluation.reports import write_genes_report
from elman.tasks.models.gene_finder import GeneFinder
from elman.tasks.runtime.orchestration import task


@task
def evaluate_dna(
    model: str, corpus: str, split: str = "test", contents: tuple[str, ...] = (), report: str | None = None
) -> dict[str, Any]:
    """Score a gene finder on a split of a corpus.

    Args:
        model: its folder.
        corpus: folder of the corpus.
        split: train, dev, test or all.
        contents: sha256 of sources; only these, if any.
        report: folder for a table and a picture of what was found.

    Returns:
        precision, recall, f1, mcc: of bases, each counted on either strand; per_type: by strand and family;
        per_strand, strands, either_strand, gene, contigs as data/metrics/genes.py gives them.
    """
    finder = GeneFinder.load(Path(model))
    truth: list[pl.DataFrame] = []
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
            truth.append(shifted.filter(pl.col("start") < pl.col("end")))
            yield Contig(contig, stretch.bases, None, stretch.source, 0, 1, stretch.circular)

    called = [split_at_origin(frame, lengths) for frame in finder.tag_contigs(contigs())]
    if not truth:
        raise BadInput(
            f"annotated contigs in the {split} split",
            got="none",
            todo="Give --split all, or ingest FASTA with its GFF3 `--as test`.",
            source=corpus,
        )
    right, found = pl.concat(truth), pl.concat(called)
    scores = score_intervals(right, found, lengths, CDS)
    per_type = {f"{CDS} {strand}": rates for strand, rates in scores["strands"].items()}
    for label in finder.families.labels if finder.families else ():
        per_type[label] = score_intervals(right, found, lengths, label)["per_strand"]
    if report is not None:
        write_genes_report(scores["contigs"], right, found, Path(report), split)
    overall = {name: scores["per_strand"][name] for name in ("precision", "recall", "f1", "mcc")}
    return {**overall, "per_type": per_type, **scores}
