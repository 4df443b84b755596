"""What is kept beside a training run: vocabulary, scores table, learning curve."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.store import atomic_write
from tasks import model, pictures, runs
from tasks.compare import table
from tasks.orchestration import task


@task
def report_training(run_id: str, fitted: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    """Write the files of a training run.

    Args:
        run_id: of the run, one of ours.
        fitted: what `fit_tagger` returned.
        scores: of the model by split.

    Returns:
        the folder: vocabulary.json, scores.json, scores.md, history.json, learning_curve.png.
    """
    out = runs.read(run_id).artifacts
    shutil.copyfile(Path(fitted["model"]) / model.VOCABULARY, out / model.VOCABULARY)
    for name, value in (("scores", scores), ("history", fitted["history"])):
        atomic_write(out / f"{name}.json", (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())
    atomic_write(out / "scores.md", scores_table(scores).encode())
    pictures.learning_curve(fitted["history"], fitted["best_epoch"], out / "learning_curve.png")
    return str(out)


def scores_table(scores: Mapping[str, Any]) -> str:
    """Precision, recall and F1 by split and type, in %, as Markdown."""

    def percent(found: Mapping[str, float]) -> list[str]:
        return [f"{100 * found[key]:.2f}" for key in ("precision", "recall", "f1")]

    rows = []
    for split, found in scores.items():
        rows.append([f"{split}: all", *percent(found), f"{found['support']:,}"])
        rows += [
            [f"{split}: {kind}", *percent(each), f"{each['support']:,}"]
            for kind, each in found["per_type"].items()
        ]
    return table(["entities", "precision", "recall", "F1", "in gold"], rows)
