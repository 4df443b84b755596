"""Ablation (`elman ladder`): from the most frequent tag to the preset `default` in steps, over several seeds.

Steps with the template `word` only (the article's vocabulary) are trained at the learning rate that is best
on dev for the first seed; the others are trained as the preset `default`.
"""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.encoding import encoded_corpus
from elman.data.metrics.bootstrap import paired_bootstrap, sentence_counts
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import Dataset
from elman.data.store.disk import atomic_write, key_of
from elman.rnn.networks.architecture import Architecture
from elman.tasks.evaluation import plots
from elman.tasks.evaluation.markdown import table
from elman.tasks.experiments import baselines
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


@task
def train_step(
    encoded: str,
    step: str,
    seed: int,
    rate: float | None,
    epochs: int | None,
    out: str,
    pretrained: str | None = None,
) -> dict[str, Any]:
    """Train and score one step with one seed, or load its result from the cache `rungs/` in the home folder.

    Args:
        encoded: folder of the corpus encoded for `preset_of(step)`, with the text for PRETRAINED.
        step: one of STEPS, or PRETRAINED.
        seed: of all random numbers.
        rate: learning rate; None searches the best on dev for WORD_STEPS, uses the preset's for others.
        epochs: maximum; the preset's by default.
        out: folder for counts-STEP-sSEED-SPLIT.json, (n, 3) as in `data.metrics.bootstrap`.
        pretrained: folder of the pre-trained weights, for PRETRAINED.

    Returns:
        name, seed, learning_rate, parameters, seconds (of training), tokens_s (tagged per second); dev and
        test: scores, for the splits of the corpus.
    """
    training_data = TrainingData(encoded_corpus.read(Path(encoded)))
    if step == RULE:
        done = _trained(
            training_data, step, seed, lambda splits: baselines.most_frequent_tag(training_data, splits)
        )
    else:
        how = fit_config(preset_of(step), {"epochs": epochs}, len(training_data.train))
        network = _network(step, training_data)
        search = step in WORD_STEPS and rate is None
        how = how if search else replace(how, learning_rate=rate or how.learning_rate)
        before = Dataset.open(Path(pretrained)) if pretrained else None
        tune_outside_bias = preset(preset_of(step)).tune_outside_bias

        def train(splits: Sequence[str]) -> baselines.Baseline:
            if search:
                return baselines.trained_at_best_rate(step, network, training_data, how, splits, seed)
            start = load_pretrained(before) if before else None
            return baselines.trained(
                step, network, training_data, how, splits, seed, start, tune_outside_bias
            )[0]

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
    row: dict[str, Any] = done["row"]
    return row


def _trained(
    training_data: TrainingData, step: str, seed: int, train: Callable[[Sequence[str]], baselines.Baseline]
) -> dict[str, Any]:
    """Train and score a step: its `row`, and by split the `counts` of each sentence."""
    splits = [split for split in ("dev", "test") if training_data.has(split)]
    baseline, counts = train(splits), {}
    for split in splits:
        gold = training_data.by_sentence(split, training_data.gold(split))
        predicted = training_data.by_sentence(split, baseline.predictions[split])
        counts[split] = sentence_counts(gold, predicted).tolist()
    row = {
        "name": step,
        "seed": seed,
        "learning_rate": baseline.rate,
        "parameters": baseline.parameters,
        "seconds": baseline.seconds,
        "tokens_s": baseline.tokens_s,
        **{split: baselines.scores(baseline, training_data, split) for split in splits},
    }
    return {"row": row, "counts": counts}


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


@task
def report_ablation(trained: Sequence[Mapping[str, Any]], out: str) -> dict[str, Any]:
    """Write the ablation as a table and a plot.

    Args:
        trained: results of `train_step`, all seeds of a step in a row, steps in order.
        out: folder with the counts; gets ladder.json, ladder.md and ladder.png.

    Returns:
        content of ladder.json: rungs, one row per step with mean and standard deviation over seeds; steps,
        the differences between neighbours with their paired bootstrap, by split.
    """
    names = list(dict.fromkeys(str(row["name"]) for row in trained))
    splits = [split for split in ("dev", "test") if split in trained[0]]
    rows, counts = [], {}
    for name in names:
        mine = [row for row in trained if row["name"] == name]
        row: dict[str, Any] = {"name": name, "seeds": len(mine)}
        for split in splits:
            f1 = [one[split]["f1"] for one in mine]
            row[split] = {"f1": statistics.fmean(f1), "deviation": statistics.stdev(f1) if f1[1:] else 0.0}
            files = [_counts(Path(out), name, one["seed"], split) for one in mine]
            counts[name, split] = np.array([json.loads(path.read_bytes()) for path in files])
        row |= {
            "parameters": mine[0]["parameters"],
            "learning_rate": mine[0]["learning_rate"],
            "seconds": statistics.fmean(one["seconds"] for one in mine),
            "tokens_s": statistics.median(one["tokens_s"] for one in mine),
        }
        rows.append(row)
    steps = [
        {
            "from": a,
            "to": b,
            **{split: paired_bootstrap(counts[a, split], counts[b, split]).to_json() for split in splits},
        }
        for a, b in pairwise(names)
    ]
    report = {"rungs": rows, "steps": steps}
    atomic_write(Path(out) / "ladder.json", json.dumps(report, indent=1).encode())
    atomic_write(Path(out) / "ladder.md", markdown(report).encode())
    plots.ladder(report, Path(out) / "ladder.png")
    return report


def markdown(report: Mapping[str, Any]) -> str:
    """Markdown tables of an ablation."""
    splits = [split for split in ("dev", "test") if split in report["rungs"][0]]
    head = ["network", *(f"{split} F1" for split in splits), "parameters", "training s", "tokens/s", "rate"]
    rows = [
        [
            row["name"],
            *(f"{100 * row[split]['f1']:.1f} ± {100 * row[split]['deviation']:.1f}" for split in splits),
            f"{row['parameters']:,}",
            f"{row['seconds']:.1f}",
            f"{row['tokens_s']:,.0f}",
            "" if row["learning_rate"] is None else f"{row['learning_rate']:g}",
        ]
        for row in report["rungs"]
    ]

    def gain(test: Mapping[str, float]) -> str:
        mean, low, high = (f"{100 * test[key]:+.1f}" for key in ("difference", "low", "high"))
        share = "< 0.001" if test["p"] < 0.001 else f"{test['p']:.3f}"
        return f"{mean} ({low} to {high}, p {share})"

    steps = [
        [f"{step['from']} → {step['to']}", *(gain(step[split]) for split in splits)]
        for step in report["steps"]
    ]
    seeds = max(row["seeds"] for row in report["rungs"])
    over = "one seed" if seeds == 1 else f"{seeds} seeds"
    return "\n".join(
        [
            "# Ladder\n",
            table(head, rows),
            f"\nMean and standard deviation of entity F1 over {over}; one core.\n",
            "## Each step\n",
            table(["step", *splits], steps),
            "\nDifference of F1 in points; in brackets the middle 95 % of 2,000 paired draws of sentences,\n"
            "and the share of draws in which the step is no gain (Koehn, 2004).\n",
        ]
    )
