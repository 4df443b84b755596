"""Reports of runs: vocabulary, table of scores, learning curve."""

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.metrics.entities import EntityScores, TypeScores
from elman.data.metrics.genes import BaseScores, ContigScores, GeneScores
from elman.data.store.disk import atomic_write
from elman.data.text.markdown import table
from elman.tasks.evaluation import plots
from elman.tasks.models import model_folder
from elman.tasks.runtime import run_record
from elman.tasks.runtime.artifacts import publish_markdown
from elman.tasks.runtime.orchestration import task

Scores = Mapping[str, EntityScores | GeneScores]  # by split
REPORT, PAGE = "evaluation_{}", "report.html"  # folder of the report of a split, and its page
HEADLINES = ("precision", "recall", "f1", "mcc")


LEARNING_CURVE = "learning_curve.png"  # also in the pages of evaluations, which are written after it


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a Parquet file of a report, whole or not at all."""
    content = io.BytesIO()
    frame.write_parquet(content)
    atomic_write(path, content.getvalue())


def write_history(history: Sequence[Mapping[str, float]], best_epoch: int | None, out: Path) -> None:
    """Write history.json and learning_curve.png.

    Args:
        history: numbers of training, one entry per epoch (text) or step (DNA).
        best_epoch: the epoch whose weights were chosen, if any.
        out: folder of the run's files.
    """
    atomic_write(out / "history.json", _json(history))
    plots.learning_curve(history, best_epoch, out / LEARNING_CURVE)


@task(task_run_name="report on {folder}", tags=("evaluation",))
def report_training(run_id: str, folder: str, scores: Scores) -> str:
    """Write the files of a training run beside those of `write_history` and of its evaluations.

    Args:
        run_id: of the run record.
        folder: of the model.
        scores: of the model by split.

    Returns:
        the folder with vocabulary.json, scores.json, scores.md.
    """
    out = run_record.read(run_id).artifacts
    shutil.copyfile(Path(folder) / model_folder.VOCABULARY, out / model_folder.VOCABULARY)
    write_scores(scores, out)
    return str(out)


def write_scores(scores: Scores, out: Path) -> None:
    """Write scores.json, and scores.md with links to reports; Prefect shows the table as an artifact."""
    atomic_write(
        out / "scores.json", _json({split: of_split.to_json() for split, of_split in scores.items()})
    )
    pages = [(split, f"{REPORT.format(split)}/{PAGE}") for split in scores]
    links = [
        f"[Report of {split}]({page}): how good, where wrong, how sure.\n"
        for split, page in pages
        if (out / page).is_file()
    ]
    atomic_write(out / "scores.md", "\n".join([scores_table(scores), *links]).encode())
    publish_markdown("scores", scores_table(scores), "Scores of the model, in %")


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def scores_table(scores: Scores) -> str:
    """Markdown table of scores by split and type, in %; for text with entity counts, for DNA with MCC."""
    if not scores:
        return "No split to score on.\n"

    def cells(score: EntityScores | TypeScores | BaseScores) -> list[str]:
        last = f"{score.support:,}" if isinstance(score, EntityScores | TypeScores) else f"{score.mcc:.4f}"
        return [*(f"{100 * rate:.2f}" for rate in (score.precision, score.recall, score.f1)), last]

    rows = []
    for split, of_split in scores.items():
        overall = of_split.per_strand if isinstance(of_split, GeneScores) else of_split
        rows.append([f"{split}: all", *cells(overall)])
        rows += [[f"{split}: {kind}", *cells(of_type)] for kind, of_type in of_split.per_type.items()]
    of_dna = any(isinstance(of_split, GeneScores) for of_split in scores.values())
    rates = ["precision", "recall", "F1"]
    return table(["bases", *rates, "MCC"] if of_dna else ["entities", *rates, "in gold"], rows)


def flat_scores(scores: Scores) -> dict[str, float]:
    """Headline scores under metric names such as `test_f1`."""
    plain = {split: of_split.to_json() for split, of_split in scores.items()}
    return {f"{split}_{key}": of[key] for split, of in plain.items() for key in HEADLINES if key in of}


def model_settings(folder: str) -> dict[str, Any]:
    """Settings from a model's passport under flat names: `network.hidden`, `fit.batch`, ..."""
    values = model_folder.read(Path(folder)).values
    flat: dict[str, Any] = {}

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                add(f"{prefix}.{key}", inner)
        else:
            flat[prefix] = " ".join(map(str, value)) if isinstance(value, list) else value

    for key in ("blocks", "network", "fit", "config", "unit", "temperature"):
        if key in values:
            add(key, values[key])
    return flat


_SHOWN = 16_000  # bases in the plot of a genome
_COLUMNS = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "mcc": "MCC",
    "stop_recall": "genes by stop: recall",
    "stop_precision": "precision",
    "exact_recall": "both ends: recall",
    "exact_precision": "precision",
}


def write_genes_report(
    contigs: Sequence[ContigScores], truth: pl.DataFrame, predicted: pl.DataFrame, out: Path, split: str
) -> None:
    """Write contigs_SPLIT.md, scores by contig, and genome_SPLIT.png, the middle of the longest contig.

    Args:
        contigs: scores of each contig.
        truth, predicted: contig, start, end, strand, label of intervals; contig coordinates.
        out: folder.
        split: part of the file names.
    """
    plain = [contig.to_json() for contig in contigs]
    rows = [[row["contig"], f"{row['bases']:,}", *(f"{row[key]:.4f}" for key in _COLUMNS)] for row in plain]
    text = table(["contig", "bases", *_COLUMNS.values()], rows)
    atomic_write(out / f"contigs_{split}.md", text.encode())
    longest = max(contigs, key=lambda scores: scores.length)
    low = max((longest.length - _SHOWN) // 2, 0)
    region = low, min(low + _SHOWN, longest.length)
    columns = "start", "end", "strand", "label"
    inside = (pl.col("contig") == longest.contig) & (pl.col("end") > low) & (pl.col("start") < region[1])
    parts = [frame.filter(inside).select(columns).rows() for frame in (truth, predicted)]
    plots.genome(parts[0], parts[1], region, longest.contig, out / f"genome_{split}.png")
