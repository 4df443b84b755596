"""Comparison (`--compare`): a trained model beside the networks that it replaces, on the same data.

The padded standard network, a window network and the article's Elman network use words only, in the article's
vocabulary; each is trained with the optimiser, the noise and the early stopping of the preset `article` and
the learning rate that is best on dev. A model of another preset is compared with all of them.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from elman.data import ragged
from elman.data.encoding import encoded_corpus
from elman.data.store.disk import atomic_write
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.weights import from_bytes
from elman.tasks.evaluation import plots
from elman.tasks.evaluation.markdown import table
from elman.tasks.experiments import baselines
from elman.tasks.models import model_folder
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.text import fit_config
from elman.tasks.training.training_data import TrainingData

POSITIONS = (*range(1, 11), 16, 21, 31, 51)  # first positions of groups, 1-based
SEEN = ("same position", "other positions", "never")


@task
def compare_networks(
    folder: str,
    encoded: str,
    words: str,
    seed: int,
    seconds: float,
    out: str,
    epochs: int | None = None,
) -> dict[str, Any]:
    """Train the baselines of a model and write the report.

    Args:
        folder: the model's folder.
        encoded: folder of the corpus encoded for it.
        words: folder of the corpus encoded for the preset `article`.
        seed: of all random numbers.
        seconds: training time of the model.
        out: folder for comparison.json, comparison.md and comparison.png.
        epochs: maximum for each network; the preset `article`'s by default.

    Returns:
        content of comparison.json: networks, one row each; by_position and by_seen, token accuracy on dev.
    """
    loaded = model_folder.read(Path(folder))
    binary, name = loaded.passport["binary"], loaded.passport["preset"]
    mine = TrainingData(encoded_corpus.read(Path(encoded)), binary)
    base = TrainingData(encoded_corpus.read(Path(words)), binary)
    splits = [split for split in ("dev", "test") if base.has(split)]
    params, network, _ = from_bytes(loaded.files[model_folder.WEIGHTS])
    rate = loaded.passport["fit"]["learning_rate"]
    networks: dict[str, Architecture] = {
        "window network": baselines.window(base),
        "standard network": baselines.padded(base),
    }
    if name != "article":
        networks = {"Elman network (article)": baselines.article(base), **networks}
    how = fit_config("article", {"epochs": epochs}, len(base.train))
    results = [
        baselines.evaluated(f"model ({name})", network, params, mine, splits, seconds=seconds, rate=rate)
    ]
    for title, baseline in networks.items():
        results.append(baselines.trained_at_best_rate(title, baseline, base, how, splits, seed))
        print_status(f"compare: {title}, rate {results[-1].rate:g}, {results[-1].seconds:.0f} s")
    results.append(baselines.most_frequent_tag(base, splits))
    report = _report(base, splits, results, int(base.train.lengths.max()))
    _write(report, Path(out))
    return report


def _report(
    training_data: TrainingData, splits: Sequence[str], results: Sequence[baselines.Baseline], longest: int
) -> dict[str, Any]:
    networks = []
    for result in results:
        row: dict[str, Any] = {"name": result.name}
        for split in splits:
            row[split] = baselines.scores(result, training_data, split)
        row |= {
            "parameters": result.parameters,
            "seconds": round(result.seconds, 3),
            "learning_rate": result.rate,
        }
        networks.append(row)
    report: dict[str, Any] = {
        "networks": networks,
        "rates_tried": list(baselines.RATES),
        "padded_to": longest,
    }
    if "dev" in splits:
        report["by_position"] = _by_position(training_data, results)
        report["by_seen"] = _by_seen(training_data, results)
    return report


def _positions(training_data: TrainingData, split: str) -> np.ndarray:
    """Position of each token in its sentence, 1-based."""
    sequences = training_data.sequences(split)
    return ragged.positions_of(sequences.offsets) + 1


def _table(
    training_data: TrainingData,
    results: Sequence[baselines.Baseline],
    groups: np.ndarray,
    names: Sequence[str],
) -> list[Any]:
    """Accuracy of dev tokens by group: of all tokens, and of entity tokens."""
    gold = training_data.gold("dev")
    table = []
    for number, name in enumerate(names):
        tokens = groups == number
        entity = tokens & (gold > 0)
        row: dict[str, Any] = {"group": name, "tokens": int(tokens.sum()), "entity_tokens": int(entity.sum())}
        for key, chosen in (("accuracy", tokens), ("entity_accuracy", entity)):
            row[key] = {
                result.name: float((result.predictions["dev"] == gold)[chosen].mean())
                if chosen.any()
                else None
                for result in results
            }
        table.append(row)
    return table


def _by_position(training_data: TrainingData, results: Sequence[baselines.Baseline]) -> list[Any]:
    """Accuracy by position of a token in its sentence."""
    lasts = [f"-{after - 1}" if after - first > 1 else "" for first, after in pairwise(POSITIONS)]
    names = [f"{first}{last}" for first, last in zip(POSITIONS, [*lasts, " on"], strict=True)]
    groups = np.searchsorted(np.array(POSITIONS), _positions(training_data, "dev"), side="right") - 1
    return _table(training_data, results, groups, names)


def _by_seen(training_data: TrainingData, results: Sequence[baselines.Baseline]) -> list[Any]:
    """Accuracy by occurrence of the word in training: at the same position, at others only, never."""
    train, dev = training_data.train, training_data.sequences("dev")
    span = int(max(train.lengths.max(), dev.lengths.max())) + 1
    known = np.unique(train.tokens * np.int64(span) + _positions(training_data, "train"))
    same = np.isin(dev.tokens * np.int64(span) + _positions(training_data, "dev"), known)
    elsewhere = np.isin(dev.tokens, np.unique(train.tokens))
    return _table(training_data, results, np.where(same, 0, np.where(elsewhere, 1, 2)), SEEN)


def _write(report: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, ensure_ascii=False, indent=1, sort_keys=False)
    atomic_write(out / "comparison.json", text.encode())
    atomic_write(out / "comparison.md", markdown(report).encode())
    if "by_position" in report:
        plots.comparison(report, out / "comparison.png")


def markdown(report: dict[str, Any]) -> str:
    """Markdown tables of a comparison."""
    splits = [split for split in ("dev", "test") if split in report["networks"][0]]
    head = ["network", *(f"{split} F1" for split in splits), "parameters", "training s", "rate"]
    rows = [
        [
            row["name"],
            *(f"{100 * row[split]['f1']:.1f}" for split in splits),
            f"{row['parameters']:,}",
            f"{row['seconds']:.1f}",
            "" if row["learning_rate"] is None else f"{row['learning_rate']:g}",
        ]
        for row in report["networks"]
    ]
    parts = [
        "# Comparison\n",
        table(head, rows),
        f"\nThe standard network is padded to {report['padded_to']} tokens, the longest training sentence; "
        "tokens beyond it count as missed. Learning rates are the best on dev of "
        f"{', '.join(f'{rate:g}' for rate in report['rates_tried'])}.\n",
    ]
    names = [row["name"] for row in report["networks"]]
    for key, title in (("by_position", "position in the sentence"), ("by_seen", "the word at this position")):
        if key not in report:
            continue
        for kind, what in (("accuracy", "tokens"), ("entity_accuracy", "entity_tokens")):
            parts.append(f"\n## Accuracy of dev {what.replace('_', ' ')}, in %, by {title}\n")
            rows = [
                [
                    row["group"],
                    f"{row[what]:,}",
                    *("" if row[kind][name] is None else f"{100 * row[kind][name]:.1f}" for name in names),
                ]
                for row in report[key]
            ]
            parts.append(table([title, "tokens", *names], rows))
    return "\n".join(parts)
