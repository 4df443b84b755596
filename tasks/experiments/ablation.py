"""The ladder: from the most frequent tag to the default preset, one step at a time, over several seeds.

Rungs that see words only (the article's vocabulary) are trained at the learning rate that is best on dev for
the first seed; rungs that see blocks are trained as the `default` preset is.
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
from elman.data.store.dataset import Dataset
from elman.data.store.disk import atomic_write, code_hash, key_of
from elman.rnn.networks.architecture import Architecture
from elman.tasks.evaluation import plots
from elman.tasks.evaluation.markdown import table
from elman.tasks.experiments import baselines
from elman.tasks.models.presets import preset
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.pretrain import learnt
from elman.tasks.training.text import architecture, fit_config, network_config
from elman.tasks.training.training_data import Material

RULE = "most frequent tag"
WORD_STEPS = ("standard network", "window network", "Elman", "GRU", "LSTM", "bidirectional")
TEMPLATE_STEPS = ("+ blocks", "+ CRF", "+ committee")
PRETRAINED = "+ pre-training"  # the last, where there is text without labels to learn from
STEPS = (RULE, *WORD_STEPS, *TEMPLATE_STEPS)


def preset_of(rung: str) -> str:
    """The preset whose blocks and training a rung has."""
    return "default" if rung in (*TEMPLATE_STEPS, PRETRAINED) else "article"


def _network(rung: str, material: Material) -> Architecture:
    best = preset("default").network
    if rung == "standard network":
        return baselines.padded(material)
    if rung == "window network":
        return baselines.window(material)
    if rung == "bidirectional":
        return baselines.article(material, cell=best["cell"], bidirectional=True)
    if rung in ("+ blocks", "+ CRF"):
        changed = {"output": "softmax"} if rung == "+ blocks" else {}
        return network_config(material, {**best, **changed})
    if rung in ("+ committee", PRETRAINED):
        return architecture(material, "default")
    return baselines.article(material, cell=rung.lower())


@task
def train_step(
    encoded: str,
    rung: str,
    seed: int,
    rate: float | None,
    epochs: int | None,
    out: str,
    pretrained: str | None = None,
) -> dict[str, Any]:
    """Train one rung with one seed and score it, or find that done, in `rungs/` of the home folder.

    Args:
        encoded: folder of the corpus encoded as `preset_of` says, with the words of the text for PRETRAINED.
        rung: one of STEPS, or PRETRAINED.
        seed: of everything left to chance.
        rate: learning rate; None finds the best on dev for a rung of words, takes the preset's for others.
        epochs: at most; the preset's by default.
        out: folder that gets counts-RUNG-sSEED-SPLIT.json, (n, 3) of `data.metrics.bootstrap`.
        pretrained: folder of what was learnt from unlabelled text, for PRETRAINED.

    Returns:
        name, seed, learning_rate, parameters, seconds of training, tokens_s tagged a second; dev and test,
        scores, where the corpus has them.
    """
    material = Material(encoded_corpus.read(Path(encoded)))
    if rung == RULE:
        done = _trained(material, rung, seed, lambda splits: baselines.most_frequent_tag(material, splits))
    else:
        how = fit_config(preset_of(rung), {"epochs": epochs}, len(material.train))
        network = _network(rung, material)
        search = rung in WORD_STEPS and rate is None
        how = how if search else replace(how, learning_rate=rate or how.learning_rate)
        before = Dataset.open(Path(pretrained)) if pretrained else None
        eager = preset(preset_of(rung)).eager

        def train(splits: Sequence[str]) -> baselines.Baseline:
            if search:
                return baselines.trained_at_best_rate(rung, network, material, how, splits, seed)
            start = learnt(before) if before else None
            return baselines.trained(rung, network, material, how, splits, seed, start, eager)[0]

        key = key_of(
            encoded=Path(encoded).name,
            rung=rung,
            seed=seed,
            network=network.to_dict(),
            fit=how.to_dict(),
            rates=list(baselines.RATES) if search else None,
            pretrained=before.digest if before else None,
            eager=eager,
            code=code_hash(),
        )
        done = _kept(home() / "rungs" / f"{key[:24]}.json", lambda: _trained(material, rung, seed, train))
    for split, counts in done["counts"].items():
        atomic_write(_counts(Path(out), rung, seed, split), json.dumps(counts).encode())
    row: dict[str, Any] = done["row"]
    return row


def _trained(
    material: Material, rung: str, seed: int, train: Callable[[Sequence[str]], baselines.Baseline]
) -> dict[str, Any]:
    """Train a rung and score it: its `row`, and by split the `counts` of each sentence."""
    splits = [split for split in ("dev", "test") if material.has(split)]
    found, counts = train(splits), {}
    for split in splits:
        gold = material.by_sentence(split, material.gold(split))
        said = material.by_sentence(split, found.answers[split])
        counts[split] = sentence_counts(gold, said).tolist()
    row = {
        "name": rung,
        "seed": seed,
        "learning_rate": found.rate,
        "parameters": found.parameters,
        "seconds": found.seconds,
        "tokens_s": found.tokens_s,
        **{split: baselines.scores(found, material, split) for split in splits},
    }
    return {"row": row, "counts": counts}


def _kept(file: Path, train: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a ladder that was stopped, or one over fewer seeds, has trained before; trained now if it has not.

    The file holds it as JSON with its sha256; one that is damaged is made anew.
    """
    try:
        kept = json.loads(file.read_bytes())
        if kept["sha256"] == key_of(**kept["done"]):
            found: dict[str, Any] = kept["done"]
            return found
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    done = train()
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, json.dumps({"sha256": key_of(**done), "done": done}).encode())
    return done


def _counts(out: Path, rung: str, seed: int, split: str) -> Path:
    return out / f"counts-{rung.replace(' ', '-')}-s{seed}-{split}.json"


@task
def report_ablation(trained: Sequence[Mapping[str, Any]], out: str) -> dict[str, Any]:
    """Write the ladder as a table and a picture.

    Args:
        trained: what `train_step` gave, all seeds of a rung in a row, rungs rising.
        out: folder with the counts; gets ladder.json, ladder.md and ladder.png.

    Returns:
        what ladder.json holds: rungs, a row each with mean and standard deviation over seeds; steps, the
        difference between neighbours with its paired bootstrap, by split.
    """
    names = list(dict.fromkeys(str(row["name"]) for row in trained))
    splits = [split for split in ("dev", "test") if split in trained[0]]
    rows, counts = [], {}
    for name in names:
        mine = [row for row in trained if row["name"] == name]
        row: dict[str, Any] = {"name": name, "seeds": len(mine)}
        for split in splits:
            f1 = [each[split]["f1"] for each in mine]
            row[split] = {"f1": statistics.fmean(f1), "deviation": statistics.stdev(f1) if f1[1:] else 0.0}
            files = [_counts(Path(out), name, each["seed"], split) for each in mine]
            counts[name, split] = np.array([json.loads(path.read_bytes()) for path in files])
        row |= {
            "parameters": mine[0]["parameters"],
            "learning_rate": mine[0]["learning_rate"],
            "seconds": statistics.fmean(each["seconds"] for each in mine),
            "tokens_s": statistics.median(each["tokens_s"] for each in mine),
        }
        rows.append(row)
    steps = [
        {
            "from": a,
            "to": b,
            **{split: paired_bootstrap(counts[a, split], counts[b, split]) for split in splits},
        }
        for a, b in pairwise(names)
    ]
    report = {"rungs": rows, "steps": steps}
    atomic_write(Path(out) / "ladder.json", json.dumps(report, indent=1).encode())
    atomic_write(Path(out) / "ladder.md", markdown(report).encode())
    plots.ladder(report, Path(out) / "ladder.png")
    return report


def markdown(report: Mapping[str, Any]) -> str:
    """The ladder as Markdown tables."""
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

    def gain(found: Mapping[str, float]) -> str:
        mean, low, high = (f"{100 * found[key]:+.1f}" for key in ("difference", "low", "high"))
        share = "< 0.001" if found["p"] < 0.001 else f"{found['p']:.3f}"
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
