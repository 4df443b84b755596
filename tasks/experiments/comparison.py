"""Comparison (`--compare`): a trained model beside the networks that it replaces, on the same data.

The padded standard network, a window network and the article's Elman network use words only, in the article's
vocabulary; each is trained with the optimiser, the noise and the early stopping of the preset `article` and
the learning rate that is best on dev. A model of another preset is compared with all of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from elman.data import ragged
from elman.data.encoding import encoded_corpus
from elman.data.encoding.document_features import DocumentFeatures
from elman.data.store.dataset import Dataset
from elman.data.store.disk import atomic_write
from elman.data.text.markdown import table
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.weights import from_bytes
from elman.tasks.evaluation import plots
from elman.tasks.experiments import baselines
from elman.tasks.models import model_folder
from elman.tasks.runtime.artifacts import publish_markdown
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.documents import with_features
from elman.tasks.training.text import fit_config
from elman.tasks.training.training_data import TrainingData

POSITIONS = (1, 6, 11, 16, 21, 31, 51)  # first positions of groups, 1-based
SEEN = ("same position", "other positions", "never")


@dataclass(frozen=True, kw_only=True)
class NetworkRow:
    """One network of a comparison: scores by split, number of parameters, seconds of training."""

    name: str
    scores: Mapping[str, baselines.SplitScores]
    parameters: int
    seconds: float
    learning_rate: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        return {"name": plain.pop("name"), **plain.pop("scores"), **plain}

    def metrics(self) -> dict[str, float]:
        """Metrics of the network's run in MLflow."""
        scores = {
            f"{split}_{name}": value
            for split, of_split in self.scores.items()
            for name, value in asdict(of_split).items()
        }
        rate = {} if self.learning_rate is None else {"learning_rate": self.learning_rate}
        return {**scores, **rate, "parameters": self.parameters, "training_s": self.seconds}


@dataclass(frozen=True, kw_only=True)
class GroupRow:
    """Accuracy of the dev tokens of one group by network, of all and of entity tokens; None without any."""

    group: str
    tokens: int
    entity_tokens: int
    accuracy: Mapping[str, float | None]
    entity_accuracy: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model beside its baselines.

    Attributes:
        networks: one row each, the model first.
        rates_tried: learning rates of the search.
        padded_to: tokens of the longest training sentence.
        by_position, by_seen: token accuracy on dev by position, and by occurrence of the word in training;
            None without dev.
    """

    networks: tuple[NetworkRow, ...]
    rates_tried: tuple[float, ...]
    padded_to: int
    by_position: tuple[GroupRow, ...] | None = None
    by_seen: tuple[GroupRow, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Content of comparison.json."""
        plain: dict[str, Any] = {
            "networks": [row.to_json() for row in self.networks],
            "rates_tried": list(self.rates_tried),
            "padded_to": self.padded_to,
        }
        groups = {"by_position": self.by_position, "by_seen": self.by_seen}
        return plain | {
            key: [asdict(row) for row in rows] for key, rows in groups.items() if rows is not None
        }


@task(task_run_name="compare {folder} with its baselines", tags=("training",))
def compare_networks(
    folder: str,
    corpus: str,
    encoded: str,
    words: str,
    seconds: float,
    out: str,
    epochs: int | None = None,
) -> Comparison:
    """Train the baselines of a model and write the report.

    Args:
        folder: the model's folder.
        corpus: folder of the corpus.
        encoded: folder of the corpus encoded for it.
        words: folder of the corpus encoded for the preset `article`.
        seconds: training time of the model.
        out: folder for comparison.json, comparison.md and comparison.png.
        epochs: maximum for each network; the preset `article`'s by default.
    """
    loaded = model_folder.read(Path(folder))
    passport = loaded.of_text
    mine = TrainingData.of(encoded_corpus.read(Path(encoded)), passport.binary)
    features = DocumentFeatures.from_json(passport.document_features)
    if features:
        mine = with_features(mine, Dataset.open(Path(corpus)), features)
    base = TrainingData.of(encoded_corpus.read(Path(words)), passport.binary)
    params, network, _ = from_bytes(loaded.files[model_folder.WEIGHTS])
    rate = passport.fit["learning_rate"]
    networks: dict[str, Architecture] = {
        "window network": baselines.window(base),
        "standard network": baselines.padded(base),
    }
    if passport.preset != "article":
        networks = {"Elman network (article)": baselines.article(base), **networks}
    how = fit_config("article", {"epochs": epochs}, len(base.train))
    title = f"model ({passport.preset})"
    results = [baselines.evaluated(title, network, params, mine, seconds=seconds, rate=rate)]
    for title, baseline in networks.items():
        results.append(baselines.trained_at_best_rate(title, baseline, base, how, loaded.passport.seed))
        print_status(f"compare: {title}, rate {results[-1].rate:g}, {results[-1].seconds:.0f} s")
    results.append(baselines.most_frequent_tag(base))
    report = _report(base, results, int(base.train.lengths.max()))
    _write(report, Path(out))
    return report


def _report(training_data: TrainingData, results: Sequence[baselines.Baseline], longest: int) -> Comparison:
    splits = baselines.splits_of(training_data)
    networks = tuple(
        NetworkRow(
            name=result.name,
            scores={split: baselines.scores(result, training_data, split) for split in splits},
            parameters=result.parameters,
            seconds=round(result.seconds, 3),
            learning_rate=result.rate,
        )
        for result in results
    )
    report = Comparison(networks=networks, rates_tried=baselines.RATES, padded_to=longest)
    if "dev" not in splits:
        return report
    by_position, by_seen = _by_position(training_data, results), _by_seen(training_data, results)
    return replace(report, by_position=by_position, by_seen=by_seen)


def _positions(training_data: TrainingData, split: str) -> np.ndarray:
    """Position of each token in its sentence, 1-based."""
    sequences = training_data.sequences(split)
    return ragged.positions_of(sequences.offsets) + 1


def _table(
    training_data: TrainingData,
    results: Sequence[baselines.Baseline],
    groups: np.ndarray,
    names: Sequence[str],
) -> tuple[GroupRow, ...]:
    """Accuracy of dev tokens by group: of all tokens, and of entity tokens."""
    gold = training_data.gold("dev")

    def accuracy(chosen: np.ndarray) -> dict[str, float | None]:
        correct = {result.name: (result.predictions["dev"] == gold)[chosen] for result in results}
        return {name: float(some.mean()) if len(some) else None for name, some in correct.items()}

    rows = []
    for number, name in enumerate(names):
        tokens = groups == number
        entity = tokens & (gold > 0)
        rows.append(
            GroupRow(
                group=name,
                tokens=int(tokens.sum()),
                entity_tokens=int(entity.sum()),
                accuracy=accuracy(tokens),
                entity_accuracy=accuracy(entity),
            )
        )
    return tuple(rows)


def _by_position(training_data: TrainingData, results: Sequence[baselines.Baseline]) -> tuple[GroupRow, ...]:
    """Accuracy by position of a token in its sentence."""
    lasts = [f"-{after - 1}" if after - first > 1 else "" for first, after in pairwise(POSITIONS)]
    names = [f"{first}{last}" for first, last in zip(POSITIONS, [*lasts, " on"], strict=True)]
    groups = np.searchsorted(np.array(POSITIONS), _positions(training_data, "dev"), side="right") - 1
    return _table(training_data, results, groups, names)


def _by_seen(training_data: TrainingData, results: Sequence[baselines.Baseline]) -> tuple[GroupRow, ...]:
    """Accuracy by occurrence of the word in training: at the same position, at others only, never."""
    train, dev = training_data.train, training_data.sequences("dev")
    span = int(max(train.lengths.max(), dev.lengths.max())) + 1
    known = np.unique(train.tokens * np.int64(span) + _positions(training_data, "train"))
    same = np.isin(dev.tokens * np.int64(span) + _positions(training_data, "dev"), known)
    elsewhere = np.isin(dev.tokens, np.unique(train.tokens))
    return _table(training_data, results, np.where(same, 0, np.where(elsewhere, 1, 2)), SEEN)


def _write(report: Comparison, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report.to_json(), ensure_ascii=False, indent=1, sort_keys=False)
    atomic_write(out / "comparison.json", text.encode())
    atomic_write(out / "comparison.md", markdown(report).encode())
    publish_markdown("comparison", markdown(report), "The model beside its baselines")
    if report.by_position is not None:
        plots.comparison(report.to_json(), out / "comparison.png")


def markdown(report: Comparison) -> str:
    """Markdown tables of a comparison."""
    splits = list(report.networks[0].scores)
    head = ["network", *(f"{split} F1" for split in splits), "parameters", "training s", "rate"]
    rows = [
        [
            row.name,
            *(f"{100 * row.scores[split].f1:.1f}" for split in splits),
            f"{row.parameters:,}",
            f"{row.seconds:.1f}",
            "" if row.learning_rate is None else f"{row.learning_rate:g}",
        ]
        for row in report.networks
    ]
    parts = [
        "# Comparison\n",
        table(head, rows),
        f"\nThe standard network is padded to {report.padded_to} tokens, the longest training sentence; "
        "tokens beyond it count as missed. Learning rates are the best on dev of "
        f"{', '.join(f'{rate:g}' for rate in report.rates_tried)}.\n",
    ]
    names = [row.name for row in report.networks]
    for groups, title in (
        (report.by_position, "position in the sentence"),
        (report.by_seen, "the word at this position"),
    ):
        for of_entities in (False, True) if groups is not None else ():
            what = "entity tokens" if of_entities else "tokens"
            parts.append(f"\n## Accuracy of dev {what}, in %, by {title}\n")
            rows = [_cells(row, names, of_entities) for row in groups or ()]
            parts.append(table([title, "tokens", *names], rows))
    return "\n".join(parts)


def _cells(row: GroupRow, names: Sequence[str], of_entities: bool) -> list[str]:
    accuracy = row.entity_accuracy if of_entities else row.accuracy
    shown = ["" if (share := accuracy[name]) is None else f"{100 * share:.1f}" for name in names]
    return [row.group, f"{row.entity_tokens if of_entities else row.tokens:,}", *shown]
