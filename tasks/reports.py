"""What is kept beside a training run: vocabulary, scores table, learning curve, and a description."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.store import atomic_write
from tasks import model, pictures, runs
from tasks.compare import table
from tasks.orchestration import task

Scores = Mapping[str, Mapping[str, Any]]  # by split, what `tasks.evaluate` gives
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
    out = runs.read(run_id).artifacts
    shutil.copyfile(Path(folder) / model.VOCABULARY, out / model.VOCABULARY)
    for name, value in (("scores", scores), ("history", history)):
        atomic_write(out / f"{name}.json", (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())
    atomic_write(out / "scores.md", scores_table(scores).encode())
    pictures.learning_curve(history, best_epoch, out / "learning_curve.png")
    return str(out)


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


def settings(folder: str) -> dict[str, Any]:
    """How a model was built and trained, as its passport says, flat: `network.hidden`, `fit.batch`, ..."""
    passport = model.read(Path(folder)).passport
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
    loaded = model.read(Path(folder))
    passport, corpus = loaded.passport, loaded.passport["corpus"]
    sources = ", ".join(source["name"] for source in corpus["sources"][:5])
    more = f" and {len(corpus['sources']) - 5} more" if len(corpus["sources"]) > 5 else ""
    what = f"tags {', '.join(passport['types'])}" if loaded.kind == "text" else "finds coding regions of DNA"
    return (
        f"**{loaded.version}** {what}; preset {passport['preset']}, seed {passport['seed']}. "
        f"Trained on corpus {corpus['name']} ({sources}{more}).\n\n{scores_table(scores)}"
    )
