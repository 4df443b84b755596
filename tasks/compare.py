"""The article's argument made visible: the recurrent network beside the ones it replaces, on the same data.

The padded standard network, a window network and the article's Elman network see words only, in the article's
vocabulary; each has the optimiser, the noise and the early stopping of the `article` preset and the learning
rate that is best on dev. A model of another preset is compared with all of them.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from data import encoded as encodings
from data.score import entity_scores
from data.store import atomic_write
from rnn.baselines import PaddedConfig, WindowConfig, most_frequent
from rnn.decode import Prediction
from rnn.network import NetworkConfig
from rnn.weights import from_bytes
from tasks import model, pictures
from tasks.material import Material
from tasks.orchestration import task
from tasks.presets import preset
from tasks.progress import say
from tasks.train import fit_config

RATES = (0.0005, 0.002, 0.008)
SETTINGS: dict[str, Any] = {}  # of the training, where not the article preset's
PLACES = (*range(1, 11), 16, 21, 31, 51)  # where groups of positions begin, from 1
SEEN = ("seen here", "seen elsewhere", "new word")


@dataclass(frozen=True)
class Rung:
    """One network of the comparison and its answers by split, (N,) indices of the material's tags."""

    name: str
    parameters: int
    seconds: float
    rate: float | None
    answers: dict[str, np.ndarray]


@task
def compare_networks(
    folder: str, encoded: str, words: str, seed: int, seconds: float, out: str
) -> dict[str, Any]:
    """Train the networks a model is compared with, and write the report.

    Args:
        folder: the model's folder.
        encoded: folder of the corpus encoded for it.
        words: folder of the corpus encoded for the `article` preset.
        seed: of everything left to chance.
        seconds: how long the model took to train.
        out: folder for comparison.json, comparison.md and comparison.png.

    Returns:
        what comparison.json holds: networks, a row each; by_position and by_seen, accuracy of tokens on dev.
    """
    loaded = model.read(Path(folder))
    binary, name = loaded.passport["binary"], loaded.passport["preset"]
    mine = Material(encodings.read(Path(encoded)), binary)
    base = Material(encodings.read(Path(words)), binary)
    splits = [split for split in ("dev", "test") if base.has(split)]
    params, network, _ = from_bytes(loaded.files[model.WEIGHTS])
    answers = {split: mine.said(mine.predict(params, network, split)) for split in splits}
    rate = loaded.passport["fit"]["learning_rate"]
    rungs = [Rung(f"model ({name})", network.size(), seconds, rate, answers)]
    rows, classes = base.encoded.features.rows, base.classes
    if name != "article":
        article = NetworkConfig(rows=rows, classes=classes, output=base.output, **preset("article").network)
        rungs.append(_trained("Elman network (article)", article, base, splits, seed))
    window = WindowConfig(rows=rows, classes=classes, output=base.output)
    rungs.append(_trained("window network", window, base, splits, seed))
    padded = PaddedConfig.of(base.bags, base.train, rows=rows, classes=max(classes, 2))
    rungs.append(_trained("standard network", padded, base, splits, seed))
    rungs.append(_rule(base, splits))
    report = _report(base, splits, rungs, padded.longest)
    _write(report, Path(out))
    return report


def _trained(name: str, network: Any, material: Material, splits: Sequence[str], seed: int) -> Rung:
    """Train a network at each rate and keep the one that is best on dev."""
    best: tuple[float, float, float, dict[str, np.ndarray]] | None = None
    for rate in RATES:
        how = replace(fit_config("article", SETTINGS, len(material.train)), learning_rate=rate)
        began = time.perf_counter()
        result = material.fit(network, how, seed)
        seconds = time.perf_counter() - began
        score = result.best_score if material.has("dev") else -abs(np.log(rate / RATES[1]))
        if best is None or score > best[0]:
            answers = {
                split: material.said(material.predict(result.params, network, split)) for split in splits
            }
            best = score, rate, seconds, answers
    assert best is not None
    say(f"compare: {name}, rate {best[1]:g}, {best[2]:.0f} s" + (f", dev F1 {best[0]:.4f}" if splits else ""))
    return Rung(name, network.size(), best[2], best[1], best[3])


def _rule(material: Material, splits: Sequence[str]) -> Rung:
    """The most frequent tag of each word."""
    began = time.perf_counter()
    classes = max(material.classes, 2)
    tags = most_frequent(material.train, symbols=len(material.bags), classes=classes)
    seconds = time.perf_counter() - began
    answers = {}
    for split in splits:
        sequences = material.sequences(split)
        answers[split] = material.said(Prediction(tags[sequences.tokens], sequences.offsets))
    words = len(np.unique(material.train.tokens))
    return Rung("most frequent tag", words, seconds, None, answers)


def _report(material: Material, splits: Sequence[str], rungs: Sequence[Rung], longest: int) -> dict[str, Any]:
    networks = []
    for rung in rungs:
        row: dict[str, Any] = {"name": rung.name}
        for split in splits:
            gold = material.by_sentence(split, material.gold(split))
            scores = entity_scores(gold, material.by_sentence(split, rung.answers[split]))
            row[split] = {key: scores[key] for key in ("precision", "recall", "f1", "accuracy")}
        row |= {"parameters": rung.parameters, "seconds": round(rung.seconds, 3), "learning_rate": rung.rate}
        networks.append(row)
    report: dict[str, Any] = {"networks": networks, "rates_tried": list(RATES), "padded_to": longest}
    if "dev" in splits:
        report["by_position"] = _by_position(material, rungs)
        report["by_seen"] = _by_seen(material, rungs)
    return report


def _positions(material: Material, split: str) -> np.ndarray:
    """Position of each token in its sentence, from 1."""
    sequences = material.sequences(split)
    starts = np.repeat(sequences.offsets[:-1], sequences.lengths)
    places: np.ndarray = np.arange(len(sequences.tokens)) - starts + 1
    return places


def _table(material: Material, rungs: Sequence[Rung], groups: np.ndarray, names: Sequence[str]) -> list[Any]:
    """Accuracy of dev tokens by group: of all tokens, and of those inside entities."""
    gold = material.gold("dev")
    table = []
    for number, name in enumerate(names):
        tokens = groups == number
        entity = tokens & (gold > 0)
        row: dict[str, Any] = {"group": name, "tokens": int(tokens.sum()), "entity_tokens": int(entity.sum())}
        for key, chosen in (("accuracy", tokens), ("entity_accuracy", entity)):
            row[key] = {
                rung.name: float((rung.answers["dev"] == gold)[chosen].mean()) if chosen.any() else None
                for rung in rungs
            }
        table.append(row)
    return table


def _by_position(material: Material, rungs: Sequence[Rung]) -> list[Any]:
    """Accuracy by position of a token in its sentence."""
    lasts = [f"-{after - 1}" if after - first > 1 else "" for first, after in pairwise(PLACES)]
    names = [f"{first}{last}" for first, last in zip(PLACES, [*lasts, " on"], strict=True)]
    groups = np.searchsorted(np.array(PLACES), _positions(material, "dev"), side="right") - 1
    return _table(material, rungs, groups, names)


def _by_seen(material: Material, rungs: Sequence[Rung]) -> list[Any]:
    """Accuracy by whether training had the word at this very position, elsewhere only, or not at all."""
    train, dev = material.train, material.sequences("dev")
    span = int(max(train.lengths.max(), dev.lengths.max())) + 1
    known = np.unique(train.tokens * np.int64(span) + _positions(material, "train"))
    here = np.isin(dev.tokens * np.int64(span) + _positions(material, "dev"), known)
    met = np.isin(dev.tokens, np.unique(train.tokens))
    return _table(material, rungs, np.where(here, 0, np.where(met, 1, 2)), SEEN)


def _write(report: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, ensure_ascii=False, indent=1, sort_keys=False)
    atomic_write(out / "comparison.json", text.encode())
    atomic_write(out / "comparison.md", markdown(report).encode())
    if "by_position" in report:
        pictures.comparison(report, out / "comparison.png")


def markdown(report: dict[str, Any]) -> str:
    """The report as Markdown tables."""
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


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join([line(head), line(rule), *(line(row) for row in rows)])
