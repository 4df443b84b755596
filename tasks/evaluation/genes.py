"""Evaluation of a gene finder and its families on the annotated contigs of a corpus."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from elman.data.corpus.contig_pieces import stretches_of
from elman.data.errors import BadInput
from elman.data.exports.dna.intervals import split_at_origin
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.contigs import Contig
from elman.data.genome.nucleotides import reverse_complement_text
from elman.data.metrics.gene_errors import gene_errors
from elman.data.metrics.genes import GeneScores, score_intervals
from elman.data.metrics.registry import further_scores
from elman.tasks.evaluation.gene_report import write_gene_report
from elman.tasks.evaluation.reports import LEARNING_CURVE, REPORT, write_genes_report
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
        report: folder of the run's files: a table and a plot of the contigs, and `evaluation_SPLIT/`.

    Raises:
        BadInput: no contig of the split is annotated.
    """
    calls = call_genes(Path(model), Path(corpus), split, contents)
    truth, predicted, lengths = calls.truth, calls.predicted, calls.lengths
    scores = score_intervals(truth, predicted, lengths, CDS)
    families = {
        label: score_intervals(truth, predicted, lengths, label).per_strand for label in calls.families
    }
    more = {score.name: score.compute(truth, predicted, lengths) for score in further_scores("dna")}
    scores = replace(scores, families=families, more=more)
    if report is not None:
        write_genes_report(scores.contigs, truth, predicted, Path(report), split)
        errors = gene_errors(truth, predicted, lengths, CDS)
        title = f"{Path(model).name} on {Path(corpus).name}, {split}"
        pictures = [Path(report) / name for name in (f"genome_{split}.png", LEARNING_CURVE)]
        write_gene_report(title, scores, errors, Path(report) / REPORT.format(split), pictures)
    return scores


@dataclass(frozen=True, kw_only=True)
class GeneCalls:
    """Genes that a model finds in annotated contigs, beside the annotation.

    Attributes:
        truth, predicted: intervals, as `score_intervals` takes them.
        lengths: bases of each contig.
        families: labels that the model has beside coding regions.
    """

    truth: pl.DataFrame
    predicted: pl.DataFrame
    lengths: Mapping[str, int]
    families: tuple[str, ...]


def call_genes(model: Path, corpus: Path, split: str, contents: Sequence[str] = ()) -> GeneCalls:
    """Find the genes of the annotated contigs of a split; arguments and errors as of `evaluate_dna`."""
    finder = GeneFinder.load(model)
    annotated: list[pl.DataFrame] = []
    lengths: dict[str, int] = {}

    def contigs() -> Iterator[Contig]:
        for stretch in stretches_of(corpus, split, contents):
            if stretch.features is None:
                continue
            contig = f"{stretch.source}:{stretch.contig}:{stretch.start}"
            lengths[contig] = len(stretch)
            shifted = stretch.features.with_columns(
                contig=pl.lit(contig),
                start=(pl.col("start") - stretch.start).clip(0, len(stretch)),
                end=(pl.col("end") - stretch.start).clip(0, len(stretch)),
            )
            inside = shifted.filter(pl.col("start") < pl.col("end"))
            annotated.append(inside.with_columns(start_codon=start_codons(inside, stretch.bases)))
            yield Contig(contig, stretch.bases, None, stretch.source, 0, 1, stretch.circular)

    called = [split_at_origin(frame, lengths) for frame in finder.tag_contigs(contigs())]
    if not annotated:
        raise BadInput(
            f"annotated contigs in the {split} split",
            got="none",
            todo="Give --split all, or ingest FASTA with its GFF3 `--as test`.",
            source=corpus,
        )
    return GeneCalls(
        truth=pl.concat(annotated),
        predicted=pl.concat(called),
        lengths=lengths,
        families=tuple(finder.families.labels) if finder.families else (),
    )


def start_codons(features: pl.DataFrame, bases: str) -> pl.Series:
    """The three bases at the 5' end of each interval, upper case, read on its strand.

    Args:
        features: start, end, strand.
        bases: that the intervals lie in.
    """
    codons = [
        bases[start : start + 3].upper()
        if strand == "+"
        else reverse_complement_text(bases[max(end - 3, 0) : end])
        for start, end, strand in features.select("start", "end", "strand").iter_rows()
    ]
    return pl.Series(codons, dtype=pl.String)
