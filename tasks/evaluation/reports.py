"""What is kept beside a training run: vocabulary, scores table, learning curve, and a description."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.store.disk import atomic_write
from elman.tasks.evaluation import plots
from elman.tasks.evaluation.markdown import table
from elman.tasks.models import model_folder
from elman.tasks.runtime import run_record
from elman.tasks.runtime.orchestration import task

Scores = Mapping[str, Mapping[str, Any]]  # by split, what `tasks.evaluation.text` gives
HEADLINES = ("precision", "recall", "f1", "mcc")


@task
def report_training(
    run_id: str,
    folder: str,
    history: Sequence[Mapping[str, float]],
    scores: Scores,
    best_epoch: int | None = None,
) -> str:
    """Write the files of a training run.

    Args:
        run_id: of the run, one of ours.
        folder: of the model.
        history: what training said, a line an epoch (text) or a step (DNA).
        scores: of the model by split.
        best_epoch: the one that is kept, if training chose among them.

    Returns:
        the folder: vocabulary.json, scores.json, scores.md, history.json, learning_curve.png.
    """
    out = run_record.read(run_id).artifacts
    shutil.copyfile(Path(folder) / model_folder.VOCABULARY, out / model_folder.VOCABULARY)
    write_scores(scores, out)
    atomic_write(out / "history.json", _json(history))
    plots.learning_curve(history, best_epoch, out / "learning_curve.png")
    return str(out)


def write_scores(scores: Scores, out: Path) -> None:
    """Write scores.json and scores.md."""
    atomic_write(out / "scores.json", _json(scores))
    atomic_write(out / "scores.md", scores_table(scores).encode())


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def scores_table(scores: Scores) -> str:
    """Scores by split and type, in %, as Markdown; of text with the number of entities, of DNA with MCC."""
    if not scores:
        return "No split to judge by.\n"
    last = "mcc" if any("mcc" in found for found in scores.values()) else "support"

    def cells(found: Mapping[str, float]) -> list[str]:
        number = f"{found[last]:.4f}" if last == "mcc" else f"{found[last]:,}"
        return [*(f"{100 * found[key]:.2f}" for key in ("precision", "recall", "f1")), number]

    rows = []
    for split, found in scores.items():
        rows.append([f"{split}: all", *cells(found)])
        rows += [[f"{split}: {kind}", *cells(each)] for kind, each in found["per_type"].items()]
    head = ["bases", "precision", "recall", "F1", "MCC"]
    return table(head if last == "mcc" else ["entities", *head[1:4], "in gold"], rows)


def flat_scores(scores: Scores) -> dict[str, float]:
    """The headline scores under names such as `test_f1`."""
    return {
        f"{split}_{key}": found[key] for split, found in scores.items() for key in HEADLINES if key in found
    }


def model_settings(folder: str) -> dict[str, Any]:
    """How a model was built and trained, as its passport says, flat: `network.hidden`, `fit.batch`, ..."""
    passport = model_folder.read(Path(folder)).passport
    flat: dict[str, Any] = {}

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                add(f"{prefix}.{key}", inner)
        else:
            flat[prefix] = " ".join(map(str, value)) if isinstance(value, list) else value

    for key in ("blocks", "network", "fit", "config", "unit", "temperature"):
        if key in passport:
            add(key, passport[key])
    return flat


def describe(folder: str, scores: Scores) -> str:
    """What a model is and what it is worth, in Markdown, for pages that show it."""
    loaded = model_folder.read(Path(folder))
    passport, corpus = loaded.passport, loaded.passport["corpus"]
    sources = ", ".join(source["name"] for source in corpus["sources"][:5])
    more = f" and {len(corpus['sources']) - 5} more" if len(corpus["sources"]) > 5 else ""
    of_text = loaded.kind == "text"
    found = passport["types"] if of_text else ["coding regions of DNA", *passport.get("labels", [])]
    return (
        f"**{loaded.version}** tags {', '.join(found)}; preset {passport['preset']}, "
        f"seed {passport['seed']}. Trained on corpus {corpus['name']} ({sources}{more}).\n\n"
        f"{scores_table(scores)}"
    )


_SHOWN = 16_000  # bases in the picture of a genome
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
    contigs: Sequence[Mapping[str, Any]], truth: pl.DataFrame, found: pl.DataFrame, out: Path, split: str
) -> None:
    """Write contigs_SPLIT.md, scores by contig, and genome_SPLIT.png, the middle of the longest contig.

    Args:
        contigs: scores of each, as data/metrics/genes.py gives them.
        truth, found: contig, start, end, strand, label of intervals; contig coordinates.
        out: folder.
        split: names the files.
    """
    rows = [[row["contig"], f"{row['bases']:,}", *(f"{row[key]:.4f}" for key in _COLUMNS)] for row in contigs]
    text = table(["contig", "bases", *_COLUMNS.values()], rows)
    atomic_write(out / f"contigs_{split}.md", text.encode())
    longest = max(contigs, key=lambda row: row["bases"])
    low = max((longest["bases"] - _SHOWN) // 2, 0)
    stretch = low, min(low + _SHOWN, longest["bases"])
    columns = "start", "end", "strand", "label"
    here = (pl.col("contig") == longest["contig"]) & (pl.col("end") > low) & (pl.col("start") < stretch[1])
    parts = [frame.filter(here).select(columns).rows() for frame in (truth, found)]
    plots.genome(parts[0], parts[1], stretch, longest["contig"], out / f"genome_{split}.png")
