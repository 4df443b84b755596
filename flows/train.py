"""`elman train`: fit a tagger to a corpus, keep the model, and record the run."""

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt

from elman.data.errors import BadInput, UsageError
from elman.data.metrics.entities import EntityScores
from elman.data.metrics.genes import GeneScores
from elman.data.store.dataset import Dataset
from elman.flows.arguments import Config, Corpus
from elman.tasks.evaluation.promotion import corpus_tags
from elman.tasks.evaluation.reports import Scores, describe, flat_scores, model_settings, report_training
from elman.tasks.evaluation.text import evaluate_model
from elman.tasks.experiments.comparison import compare_networks
from elman.tasks.ingest.corpus_names import NAME, corpus_folder
from elman.tasks.models import model_folder
from elman.tasks.runtime import mlflow_sync, run_record
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import flow
from elman.tasks.training.pretrain import pretrain
from elman.tasks.training.text import encode_corpus, fit_config, fit_tagger

QUIET_S = 2.0  # epochs that bring nothing better are shown this far apart


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Config):
    """Fit a tagger to a corpus and log the run to MLflow."""

    corpus: Corpus
    """name of an ingested corpus, or its folder"""
    preset: str = "default"
    """article: words alone; fast: two ways, with blocks; default: gates and letters too"""
    seed: Annotated[int, Ge(0)] = 0
    """the same seed gives the same bytes"""
    register: str | None = None
    """register the model in MLflow under this name"""
    compare: bool = False
    """train the standard and the window network beside it, and report"""
    pretrain: str | None = None
    """corpus of text without labels whose words are learnt first"""
    binary: str | None = None
    """one entity type, asked about with yes or no by a sigmoid"""
    epochs: Annotated[int, Ge(1)] | None = None
    """passes over the data at most; the preset's by default"""
    batch: Annotated[int, Ge(1)] | None = None
    """sentences in an update; the preset's by default"""
    learning_rate: Annotated[float, Gt(0)] | None = None
    """of Adam; the preset's by default"""
    class_weights: tuple[str, ...] = ()
    """TYPE=WEIGHT of tokens in the loss, 1 by default: PER=2 O=0.5"""
    genes: str | None = None
    """of DNA: a model whose gene finder is taken, so that only families are learned"""
    checkpoint_s: Annotated[float, Ge(0)] = 30.0
    """seconds between checkpoints, where a killed training goes on"""

    def __post_init__(self) -> None:
        """Check names and weights beside the bounds."""
        super().__post_init__()
        if self.register is not None and not NAME.fullmatch(self.register):
            raise UsageError(
                "expected --register of lower-case letters, digits, '.', '_', '-', 64 at most. "
                f"Got {self.register!r}."
            )
        _ = self.weights  # refuses what is no weight

    @property
    def weights(self) -> dict[str, float]:
        """`class_weights` by type."""
        weights = {}
        for entry in self.class_weights:
            kind, _, number = entry.rpartition("=")
            try:
                weights[kind] = float(number)
            except ValueError:
                weights[kind] = 0.0
            if not kind or not 0 < weights[kind] < math.inf:
                raise UsageError(f"expected --class-weights TYPE=WEIGHT, a weight above 0. Got {entry!r}.")
        return weights

    @property
    def overrides(self) -> dict[str, Any]:
        """What the user chose himself of how to train."""
        return {"epochs": self.epochs, "batch": self.batch, "learning_rate": self.learning_rate}


@flow
def train(config: TrainConfig) -> dict[str, Any]:
    """Encode a corpus, fit a tagger, score it, keep the model and record the run."""
    folder = corpus_folder(config.corpus)
    dataset = Dataset.open(folder)
    of_dna = dataset.kind.endswith("dna")
    chosen = config.pretrain or config.class_weights or any(config.overrides.values())
    if of_dna and (config.binary or config.compare or chosen):
        raise UsageError("expected only --preset, --seed, --genes, --register for a corpus of DNA. Got more.")
    if config.genes and not of_dna:
        raise UsageError("expected --genes for a corpus of DNA only. Got text.")
    if not of_dna:
        fit_config(config.preset, config.overrides)  # refuses what is out of bounds before anything is done
    params = {"corpus": folder.name, "kind": dataset.kind, "preset": config.preset, "seed": config.seed}
    if config.pretrain:
        params["pretrain"] = corpus_folder(config.pretrain).name
    if config.binary:
        params["binary"] = config.binary
    if config.class_weights:
        params["class_weights"] = " ".join(config.class_weights)
    params |= {key: value for key, value in config.overrides.items() if value is not None}
    title = f"{folder.name} {config.preset} s{config.seed}"
    with mlflow_sync.record_run("train", title, params) as recorder:
        counts = dataset.manifest["totals"]["counts"]
        recorder.run.log_dataset(folder.name, folder, dataset.digest, "training", counts)
        steps = _train_dna if of_dna else _train_text
        summary, scores = steps(config, folder, recorder)
        _record_model(config, folder, recorder, summary, scores)
    record = run_record.read(recorder.run.id).record
    return {"model": summary.pop("model"), "run_id": record["mlflow_run_id"] or recorder.run.id, **summary}


def _train_text(
    config: TrainConfig, folder: Path, recorder: mlflow_sync.RunRecorder
) -> tuple[dict[str, Any], Scores]:
    encoded, pretrained = _encode(config, folder, recorder)
    fitted = fit_tagger(
        encoded,
        str(folder),
        folder.name,
        config.preset,
        config.seed,
        binary=config.binary,
        overrides=config.overrides,
        class_weights=config.weights,
        on_epoch=_report_to(recorder),
        checkpoint_s=config.checkpoint_s,
        pretrained=pretrained,
    )
    scores: dict[str, EntityScores | GeneScores] = {}
    if fitted["dev"]:
        scores["dev"] = fitted["dev"]
    if "test" in fitted["sizes"]:
        scores["test"] = evaluate_model(fitted["model"], str(folder), "test")
    print_status(f"kept: epoch {fitted['best_epoch']} of {fitted['epochs']}")
    report_training(recorder.run.id, fitted["model"], fitted["history"], scores, fitted["best_epoch"])
    summary = {
        "model": fitted["model"],
        "seconds": round(fitted["seconds"], 3),
        "epochs": fitted["epochs"],
        "best_epoch": fitted["best_epoch"],
        "parameters": fitted["parameters"],
        **{split: of_split.to_json() for split, of_split in scores.items()},
        **fitted["notes"],
    }
    if config.compare:
        words = encoded if config.preset == "article" else encode_corpus(str(folder), "article")
        out = str(recorder.run.artifacts)
        arguments = (fitted["model"], encoded, words, config.seed, fitted["seconds"], out)
        summary["compare"] = compare_networks(*arguments).to_json()
        print_status(
            f"The comparison lies in {recorder.run.artifacts / 'comparison.md'}, with a picture beside it."
        )
    return summary, scores


def _encode(config: TrainConfig, folder: Path, recorder: mlflow_sync.RunRecorder) -> tuple[str, str | None]:
    """Encode the corpus, after learning from text without labels where that is wanted."""
    if not config.pretrain:
        return encode_corpus(str(folder), config.preset), None
    text = corpus_folder(config.pretrain)
    source = Dataset.open(text)
    counts = source.manifest["totals"]["counts"]
    recorder.run.log_dataset(text.name, text, source.digest, "pre-training", counts)
    encoded = encode_corpus(str(folder), config.preset, str(text))
    return encoded, pretrain(str(text), str(folder), encoded, config.preset, config.checkpoint_s)


def _train_dna(
    config: TrainConfig, folder: Path, recorder: mlflow_sync.RunRecorder
) -> tuple[dict[str, Any], Scores]:
    from elman.tasks.training.genes import train_dna

    begun = time.monotonic()
    known = None if config.genes is None else str(model_folder.resolve(config.genes))
    fitted = train_dna(str(folder), folder.name, config.preset, config.seed, known)
    seconds = round(time.monotonic() - begun, 3)
    for line in fitted.history:
        recorder.log_metrics({"loss": line["loss"]}, int(line["step"]))
    scores: dict[str, EntityScores | GeneScores] = {}
    for split in ("dev", "test"):
        with contextlib.suppress(BadInput):  # nothing annotated there
            report = str(recorder.run.artifacts)
            scores[split] = evaluate_model(fitted.model, str(folder), split, report=report)
    report_training(recorder.run.id, fitted.model, fitted.history, scores)
    plain = {split: of_split.to_json() for split, of_split in scores.items()}
    return {"model": fitted.model, "seconds": seconds, **fitted.to_json(), **plain}, scores


def _record_model(
    config: TrainConfig,
    folder: Path,
    recorder: mlflow_sync.RunRecorder,
    summary: dict[str, Any],
    scores: Scores,
) -> None:
    """Tie what was trained to the run: its settings, its scores, and the model itself."""
    numbers = flat_scores(scores)
    step = summary.get("best_epoch", summary.get("updates", 0))
    sizes = {"parameters": summary["parameters"], "training_s": summary["seconds"]}
    recorder.log_metrics({**numbers, **sizes}, step)
    recorder.log_params(model_settings(summary["model"]))
    about = describe(summary["model"], scores)
    recorder.set_description(about)
    where, tags = Path(summary["model"]), corpus_tags(folder)
    recorder.run.log_model(where, register=config.register, tags=tags, scores=[*numbers], about=about)


def _report_to(recorder: mlflow_sync.RunRecorder) -> Callable[[dict[str, float]], None]:
    """Give each epoch to MLflow, and those that are better or seconds apart to the user."""
    best, shown = -1.0, 0.0

    def on_epoch(line: dict[str, float]) -> None:
        nonlocal best, shown
        epoch, score = int(line["epoch"]), line.get("score")
        if (score is not None and score > best) or time.monotonic() - shown >= QUIET_S:
            scored = "" if score is None else f", dev F1 {score:.4f}"
            print_status(f"epoch {epoch}: loss {line['loss']:.4f}{scored}, {line['seconds']:.1f} s")
            best, shown = max(best, score or 0.0), time.monotonic()
        renamed = {"score": "dev_f1_by_epoch", "seconds": "epoch_s"}
        values = {
            renamed.get(key, key): value for key, value in line.items() if key not in ("epoch", "steps")
        }
        recorder.log_metrics(values, epoch)

    return on_epoch
