"""Ablation (`elman ladder`): from the most frequent tag to the preset `default` in steps, over several seeds.

Steps with the template `word` only (the article's vocabulary) are trained at the learning rate that is best
on dev for the first seed; the others are trained as the preset `default`.
"""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.encoding import encoded_corpus
from elman.data.metrics.paired_bootstrap import Difference, paired_bootstrap, sentence_counts
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import Dataset
from elman.data.store.disk import atomic_write, key_of
from elman.data.text.markdown import table
from elman.rnn.networks.architecture import Architecture
from elman.tasks.evaluation import plots
from elman.tasks.experiments import baselines
from elman.tasks.experiments.baselines import SplitScores
from elman.tasks.models.presets import preset
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.pretrain import load_pretrained
from elman.tasks.training.text import architecture, fit_config, network_config
from elman.tasks.training.training_data import TrainingData

RULE = "most frequent tag"
WORD_STEPS = ("standard network", "window network", "Elman", "GRU", "LSTM", "bidirectional")
TEMPLATE_STEPS = ("+ templates", "+ CRF", "+ ensemble")
PRETRAINED = "+ pre-training"  # the last step, given unlabelled text
STEPS = (RULE, *WORD_STEPS, *TEMPLATE_STEPS)


def preset_of(step: str) -> str:
    """Preset whose feature templates and training options a step uses."""
    return "default" if step in (*TEMPLATE_STEPS, PRETRAINED) else "article"


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """One training of a step: scores by split, tokens_s tagged per second."""

    name: str
    seed: int
    learning_rate: float | None
    parameters: int
    seconds: float
    tokens_s: float
    scores: Mapping[str, SplitScores]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        scores = plain.pop("scores")
        return {**plain, **scores}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "StepResult":
        """Restore a result from `to_json`."""
        scores = {split: SplitScores(**value[split]) for split in ("dev", "test") if split in value}
        return cls(**{name: entry for name, entry in value.items() if name not in scores}, scores=scores)

    def metrics(self) -> dict[str, float]:
        """Metrics of the run in MLflow."""
        scores = {
            f"{split}_{name}": value
            for split, of_split in self.scores.items()
            for name, value in asdict(of_split).items()
        }
        return {
            **scores,
            "parameters": self.parameters,
            "training_s": self.seconds,
            "tokens_s": self.tokens_s,
        }


@dataclass(frozen=True, kw_only=True)
class MeanF1:
    """Mean of F1 over seeds, and its standard deviation."""

    f1: float
    deviation: float


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """One step over its seeds."""

    name: str
    seeds: int
    scores: Mapping[str, MeanF1]
    parameters: int
    learning_rate: float | None
    seconds: float
    tokens_s: float

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        scores = plain.pop("scores")
        return {"name": plain.pop("name"), "seeds": plain.pop("seeds"), **scores, **plain}


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Difference between two neighbouring steps, by split."""

    before: str
    after: str
    differences: Mapping[str, Difference]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        differences = {split: difference.to_json() for split, difference in self.differences.items()}
        return {"from": self.before, "to": self.after, **differences}


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """All steps of an ablation, and the gain of each over the one before."""

    steps: tuple[StepRow, ...]
    gains: tuple[Gain, ...]

    def to_json(self) -> dict[str, Any]:
        """Content of ladder.json."""
        return {
            "rungs": [row.to_json() for row in self.steps],
            "steps": [gain.to_json() for gain in self.gains],
        }


def _network(step: str, training_data: TrainingData) -> Architecture:
    best = preset("default").network
    if step == "standard network":
        return baselines.padded(training_data)
    if step == "window network":
        return baselines.window(training_data)
    if step == "bidirectional":
        return baselines.article(training_data, cell=best["cell"], bidirectional=True)
    if step in ("+ templates", "+ CRF"):
        changed = {"output": "softmax"} if step == "+ templates" else {}
        return network_config(training_data, {**best, **changed})
    if step in ("+ ensemble", PRETRAINED):
        return architecture(training_data, "default")
    return baselines.article(training_data, cell=step.lower())


@task(task_run_name="train {step}, seed {seed}", tags=("training",))
def train_step(
    encoded: str,
    step: str,
    seed: int,
    rate: float | None,
    epochs: int | None,
    out: str,
    pretrained: str | None = None,
) -> StepResult:
    """Train and score one step with one seed, or load its result from the cache `rungs/` in the home folder.

    Args:
        encoded: folder of the corpus encoded for `preset_of(step)`, with the text for PRETRAINED.
        step: one of STEPS, or PRETRAINED.
        seed: of all random numbers.
        rate: learning rate; None searches the best on dev for WORD_STEPS, uses the preset's for others.
        epochs: maximum; the preset's by default.
        out: folder for counts-STEP-sSEED-SPLIT.json, (n, 3) as in `data.metrics.paired_bootstrap`.
        pretrained: folder of the pre-trained weights, for PRETRAINED.

    """
    training_data = TrainingData.of(encoded_corpus.read(Path(encoded)))
    if step == RULE:
        done = _trained(training_data, step, seed, lambda: baselines.most_frequent_tag(training_data))
    else:
        how = fit_config(preset_of(step), {"epochs": epochs}, len(training_data.train))
        network = _network(step, training_data)
        search = step in WORD_STEPS and rate is None
        how = how if search else replace(how, learning_rate=rate or how.learning_rate)
        before = Dataset.open(Path(pretrained)) if pretrained else None
        tune_outside_bias = preset(preset_of(step)).tune_outside_bias

        def train() -> baselines.Baseline:
            if search:
                return baselines.trained_at_best_rate(step, network, training_data, how, seed)
            start = load_pretrained(before) if before else None
            return baselines.trained(step, network, training_data, how, seed, start, tune_outside_bias)[0]

        key = key_of(
            encoded=Path(encoded).name,
            rung=step,
            seed=seed,
            network=network.to_dict(),
            fit=how.to_dict(),
            rates=list(baselines.RATES) if search else None,
            pretrained=before.digest if before else None,
            eager=tune_outside_bias,
            code=code_hash(training=True),
        )
        done = _cached(
            home() / "rungs" / f"{key[:24]}.json", lambda: _trained(training_data, step, seed, train)
        )
    for split, counts in done["counts"].items():
        atomic_write(_counts(Path(out), step, seed, split), json.dumps(counts).encode())
    return StepResult.from_json(done["row"])


def _trained(
    training_data: TrainingData, step: str, seed: int, train: Callable[[], baselines.Baseline]
) -> dict[str, Any]:
    """Train and score a step: its `row`, and by split the `counts` of each sentence."""
    splits = baselines.splits_of(training_data)
    baseline, counts = train(), {}
    for split in splits:
        gold = training_data.by_sentence(split, training_data.gold(split))
        predicted = training_data.by_sentence(split, baseline.predictions[split])
        counts[split] = sentence_counts(gold, predicted).tolist()
    result = StepResult(
        name=step,
        seed=seed,
        learning_rate=baseline.rate,
        parameters=baseline.parameters,
        seconds=baseline.seconds,
        tokens_s=baseline.tokens_s,
        scores={split: baselines.scores(baseline, training_data, split) for split in splits},
    )
    return {"row": result.to_json(), "counts": counts}


def _cached(file: Path, train: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Load a result from the cache, or train and store it.

    The file is JSON with its sha256; a damaged one is replaced.
    """
    try:
        cached = json.loads(file.read_bytes())
        if cached["sha256"] == key_of(**cached["done"]):
            result: dict[str, Any] = cached["done"]
            return result
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    done = train()
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, json.dumps({"sha256": key_of(**done), "done": done}).encode())
    return done


def _counts(out: Path, step: str, seed: int, split: str) -> Path:
    return out / f"counts-{step.replace(' ', '-')}-s{seed}-{split}.json"


@task(task_run_name="report the ablation", tags=("evaluation",))
def report_ablation(trained: Sequence[StepResult], out: str) -> Ablation:
    """Write the ablation as a table and a plot.

    Args:
        trained: results of `train_step`, all seeds of a step in a row, steps in order.
        out: folder with the counts; gets ladder.json, ladder.md and ladder.png.
    """
    by_step = {name: list(group) for name, group in groupby(trained, key=lambda result: result.name)}
    rows, counts = [], {}
    for name, results in by_step.items():
        scores = {}
        for split in results[0].scores:
            f1 = [result.scores[split].f1 for result in results]
            scores[split] = MeanF1(f1=statistics.fmean(f1), deviation=statistics.stdev(f1) if f1[1:] else 0.0)
            files = [_counts(Path(out), name, result.seed, split) for result in results]
            counts[name, split] = np.array([json.loads(path.read_bytes()) for path in files])
        rows.append(
            StepRow(
                name=name,
                seeds=len(results),
                scores=scores,
                parameters=results[0].parameters,
                learning_rate=results[0].learning_rate,
                seconds=statistics.fmean(result.seconds for result in results),
                tokens_s=statistics.median(result.tokens_s for result in results),
            )
        )
    gains = [
        Gain(
            before=a.name,
            after=b.name,
            differences={
                split: paired_bootstrap(counts[a.name, split], counts[b.name, split]) for split in a.scores
            },
        )
        for a, b in pairwise(rows)
    ]
    report = Ablation(steps=tuple(rows), gains=tuple(gains))
    atomic_write(Path(out) / "ladder.json", json.dumps(report.to_json(), indent=1).encode())
    atomic_write(Path(out) / "ladder.md", markdown(report).encode())
    plots.ablation(report.to_json(), Path(out) / "ladder.png")
    plots.cost(report.to_json(), Path(out) / "ladder_cost.png")
    return report


def markdown(report: Ablation) -> str:
    """Markdown tables of an ablation."""
    splits = list(report.steps[0].scores)
    head = ["network", *(f"{split} F1" for split in splits), "parameters", "training s", "tokens/s", "rate"]
    rows = [
        [
            row.name,
            *(
                f"{100 * row.scores[split].f1:.1f} ± {100 * row.scores[split].deviation:.1f}"
                for split in splits
            ),
            f"{row.parameters:,}",
            f"{row.seconds:.1f}",
            f"{row.tokens_s:,.0f}",
            "" if row.learning_rate is None else f"{row.learning_rate:g}",
        ]
        for row in report.steps
    ]

    def cell(gain: Difference) -> str:
        mean, low, high = (f"{100 * share:+.1f}" for share in (gain.difference, gain.low, gain.high))
        p = "< 0.001" if gain.p < 0.001 else f"{gain.p:.3f}"
        return f"{mean} ({low} to {high}, p {p})"

    gains = [
        [f"{gain.before} → {gain.after}", *(cell(gain.differences[split]) for split in splits)]
        for gain in report.gains
    ]
    seeds = max(row.seeds for row in report.steps)
    over = "one seed" if seeds == 1 else f"{seeds} seeds"
    return "\n".join(
        [
            "# Ladder\n",
            table(head, rows),
            f"\nMean and standard deviation of entity F1 over {over}; one core.\n",
            "## Each step\n",
            table(["step", *splits], gains),
            "\nDifference of F1 in points; in brackets the middle 95 % of 2,000 paired draws of sentences,\n"
            "and the share of draws in which the step is no gain (Koehn, 2004).\n",
        ]
    )
