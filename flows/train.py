"""`elman train`: fit a model to a corpus, keep it, and record the run."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt

from elman.data.corpus.about import about_corpus
from elman.data.corpus.shards import MUSIC, SPEECH
from elman.data.errors import BadInput, UsageError
from elman.data.metrics.entities import EntityScores
from elman.data.metrics.genes import GeneScores
from elman.data.store.dataset import Dataset
from elman.flows.arguments import Config, Corpus, option
from elman.tasks.documents.pooling import MOST_SENTENCES
from elman.tasks.evaluation.model_card import model_card
from elman.tasks.evaluation.reports import (
    model_settings,
    report_training,
    write_history,
)
from elman.tasks.evaluation.run_metrics import score_metrics
from elman.tasks.evaluation.shown_tables import write_shown_tables
from elman.tasks.evaluation.silver import report_silver
from elman.tasks.evaluation.text import evaluate_model
from elman.tasks.experiments.comparison import Comparison, compare_networks
from elman.tasks.ingest.corpus_names import NAME, corpus_folder
from elman.tasks.ingest.used_corpus import log_corpus
from elman.tasks.learning.registry import TAG, TaskTraining, task_named, task_names
from elman.tasks.learning.training import TaskTrained, train_model
from elman.tasks.models import gene_presets, model_folder, presets
from elman.tasks.retraining.corpus_tags import corpus_tags
from elman.tasks.retraining.infrastructure import infrastructure_tags
from elman.tasks.runtime import mlflow_sync, run_record
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.mlflow_sync import RunRecorder
from elman.tasks.runtime.orchestration import flow
from elman.tasks.training.fitted import FittedGenes, FittedTagger
from elman.tasks.training.kernels import KernelCompilation
from elman.tasks.training.pretrain import pretrain
from elman.tasks.training.text import TrainRequest, encode_corpus, fit_config, fit_tagger

if TYPE_CHECKING:
    PresetName = str
    TaskName = str
else:
    PresetName = Literal[*dict.fromkeys((*presets.PRESETS, *gene_presets.PRESETS))]  # choices of --preset
    TaskName = Literal[*task_names()]  # choices of --task
_OF_TEXT = (
    "compare",
    "pretrain",
    "warm_start",
    "binary",
    "class_weights",
    "silver",
    "document_window",
)  # options of taggers of text alone


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Config):
    """Fit a tagger, or another model (--task), to a corpus and log the run to MLflow."""

    corpus: Corpus
    """name of an ingested corpus, or its folder"""
    task: TaskName = "tag"
    """tag: entities or genes; generate: what symbol follows (music, text, DNA), for `elman generate`;
    classify: the class of whole documents or contigs, for `elman tag`;
    transcribe: the text of speech, for `elman transcribe`"""
    preset: PresetName = "default"
    """article: words alone; fast: two ways, with blocks; default: gates and letters too"""
    seed: Annotated[int, Ge(0)] = 0
    """the same seed gives the same bytes"""
    register: str | None = None
    """register the model in MLflow under this name"""
    compare: bool = False
    """train the standard and the window network beside it, and report"""
    pretrain: str | None = None
    """corpus of text without labels whose words are learnt first"""
    warm_start: str | None = None
    """model whose weights the training begins with: of the same preset, with fewer words or types perhaps"""
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
    silver: str | None = None
    """corpus labelled by another tagger, rules or a language model: learnt from before the corpus itself"""
    genes: str | None = None
    """of DNA: a model whose gene finder is taken, so that only families are learned"""
    document_window: str | None = None
    """sentences of a document that are seen together, or none; by default what training and dev say"""
    checkpoint_s: Annotated[float, Ge(0)] = 30.0
    """seconds between checkpoints, where a killed training goes on"""
    workers: Annotated[int, Ge(1)] | None = None
    """threads at most, all cores by default; the weights are the same for any number"""

    def __post_init__(self) -> None:
        """Check names and weights beside the bounds."""
        super().__post_init__()
        if self.register is not None and not NAME.fullmatch(self.register):
            raise UsageError(
                "expected --register of lower-case letters, digits, '.', '_', '-', 64 at most. "
                f"Got {self.register!r}."
            )
        _ = self.weights, self.window  # refuses what is no weight, and no window
        if self.task != TAG and (given := self._given((*_OF_TEXT, "genes"))):
            raise UsageError(f"expected {', '.join(given)} for --task tag only. Got --task {self.task}.")
        if self.pretrain and self.warm_start:
            raise UsageError(
                "expected --pretrain or --warm-start. Got both: a model that was pre-trained has those words."
            )

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
    def window(self) -> int | None:
        """`document_window` as a number, 0 for none; None if it is not given."""
        given = self.document_window
        if given is None or given == "none":
            return None if given is None else 0
        if not (given.isascii() and given.isdigit() and 0 < int(given) <= MOST_SENTENCES):
            raise UsageError(
                f"expected --document-window of 1 to {MOST_SENTENCES} sentences, or none. Got {given!r}."
            )
        return int(given)

    @property
    def overrides(self) -> dict[str, Any]:
        """Training options given by the user."""
        return {"epochs": self.epochs, "batch": self.batch, "learning_rate": self.learning_rate}

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of the run, as MLflow shows them; options left at None are not among them."""
        pretrain = corpus_folder(self.pretrain).name if self.pretrain else None
        weights = " ".join(self.class_weights) or None
        silver = corpus_folder(self.silver).name if self.silver else None
        begun = {"pretrain": pretrain, "warm_start": self.warm_start, "silver": silver}
        window = {"document_window": self.document_window}
        optional = {**begun, "binary": self.binary, "class_weights": weights, **window, **self.overrides}
        given = {key: value for key, value in optional.items() if value is not None}
        task = {} if self.task == TAG else {"task": self.task}
        return {**task, "preset": self.preset, "seed": self.seed, **given}

    def _given(self, fields: Sequence[str]) -> list[str]:
        """Those options of these that the user has given."""
        return [option(field) for field in fields if getattr(self, field) not in (None, False, ())]

    def check_kind(self, of_dna: bool) -> None:
        """Refuse options that a corpus of this kind does not have.

        Raises:
            UsageError: names what is expected.
        """
        given = self._given(("epochs", "batch", "learning_rate", *_OF_TEXT))
        if of_dna and given:
            raise UsageError(
                f"expected no option of text for a corpus of DNA. Got {', '.join(given)}. "
                "DNA takes --preset, --seed, --genes, --register, --workers, --checkpoint-s."
            )
        if self.genes and not of_dna:
            raise UsageError("expected --genes for a corpus of DNA only. Got text.")
        if not of_dna:
            fit_config(self.preset, self.overrides)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Result of a training.

    Attributes:
        fitted: the model.
        seconds: of the training alone.
        scores: by split.
        comparison: of `--compare`.
        run_id: of MLflow if the run was sent, else our own.
    """

    fitted: FittedTagger | FittedGenes
    seconds: float
    scores: Mapping[str, EntityScores | GeneScores]
    comparison: Comparison | None = None
    run_id: str = ""

    @property
    def model(self) -> str:
        """Folder of the model."""
        return self.fitted.model

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = {"model": self.model, "run_id": self.run_id, "seconds": self.seconds}
        scores = {split: scores.to_json() for split, scores in self.scores.items()}
        compare = {"compare": self.comparison.to_json()} if self.comparison else {}
        return {**values, **self.fitted.to_json(), **scores, **compare}


@flow
def train(config: TrainConfig) -> Trained | TaskTrained:
    """Encode a corpus, fit a tagger, score it, write the model and record the run."""
    folder = corpus_folder(config.corpus)
    dataset = Dataset.open(folder)
    if config.task != TAG:
        return _train_task(config, folder, dataset.kind)
    if dataset.kind == MUSIC:
        raise UsageError(f"expected --task generate for {folder.name}, a corpus of music. Got --task tag.")
    if dataset.kind == SPEECH:
        raise UsageError(f"expected text or DNA for --task tag. Got {folder.name}, a corpus of speech.")
    of_dna = dataset.kind.endswith("dna")
    config.check_kind(of_dna)
    params = {"corpus": folder.name, "kind": dataset.kind, **config.params}
    with mlflow_sync.record_run("train", f"{folder.name} {config.preset} s{config.seed}", params) as recorder:
        log_corpus(recorder.run, folder, "training", ("dev", "test"))
        trained = (_train_dna if of_dna else _train_text)(config, folder, recorder)
        _record_model(config, folder, recorder, trained)
    return replace(trained, run_id=run_record.read(recorder.run.id).shown_id)


def _train_task(config: TrainConfig, folder: Path, kind: str) -> TaskTrained:
    """Train a model of another task, and record the run."""
    params = {"corpus": folder.name, "kind": kind, **config.params}
    request = TaskTraining(
        corpus=folder,
        preset=config.preset,
        seed=config.seed,
        overrides=config.overrides,
        checkpoint_s=config.checkpoint_s,
        workers=config.workers,
    )
    name = f"{folder.name} {config.task} {config.preset} s{config.seed}"
    with mlflow_sync.record_run("train", name, params) as recorder:
        log_corpus(recorder.run, folder, "training", ("dev", "test"))
        task = task_named(config.task)
        name = "dev_f1" if task.dev_score == "f1" else "dev_score"
        trained = train_model(task, request, recorder, _report_to(recorder, name), config.register)
        print_status(f"kept: epoch {trained.fitted.best_epoch} of {len(trained.fitted.history)}")
    return replace(trained, run_id=run_record.read(recorder.run.id).shown_id)


def _train_text(config: TrainConfig, folder: Path, recorder: RunRecorder) -> Trained:
    with KernelCompilation(config.preset, config.binary is not None) as kernels:
        encoded, pretrained = _encode(config, folder, recorder)
        kernels.wait()
    request = TrainRequest(
        corpus=folder,
        encoded=Path(encoded),
        preset=config.preset,
        seed=config.seed,
        binary=config.binary,
        overrides=config.overrides,
        class_weights=config.weights,
        pretrained=pretrained,
        warm_start=_earlier(config),
        checkpoint_s=config.checkpoint_s,
        workers=config.workers,
        document_window=config.window,
        silver=corpus_folder(config.silver) if config.silver else None,
    )
    fitted = fit_tagger(request, on_epoch=_report_to(recorder))
    scores: dict[str, EntityScores | GeneScores] = {} if fitted.dev is None else {"dev": fitted.dev}
    write_history(fitted.history, fitted.best_epoch, recorder.run.artifacts)
    report = str(recorder.run.artifacts)
    if scores and not fitted.notes.held_out_sentences:  # the corpus has a dev split
        evaluate_model(fitted.model, str(folder), "dev", report=report)
    if "test" in fitted.sizes:
        scores["test"] = evaluate_model(fitted.model, str(folder), "test", report=report)
    print_status(f"kept: epoch {fitted.best_epoch} of {fitted.epochs}")
    report_training(recorder.run.id, fitted.model, scores)
    comparison = None
    if config.compare:
        words = encoded if config.preset == "article" else encode_corpus(str(folder), "article")
        out = recorder.run.artifacts
        comparison = compare_networks(fitted.model, str(folder), encoded, words, fitted.seconds, str(out))
        for row in comparison.networks[1:]:
            child = {"network": row.name, "seed": config.seed, "corpus": folder.name}
            with mlflow_sync.record_run(
                "baseline", f"{folder.name} {row.name} s{config.seed}", child
            ) as inner:
                log_corpus(inner.run, folder, "training", ("dev", "test"))
                inner.log_metrics(row.metrics(), 0)
        print_status(f"The comparison is in {out / 'comparison.md'}, with a plot beside it.")
    return Trained(fitted=fitted, seconds=round(fitted.seconds, 3), scores=scores, comparison=comparison)


def _earlier(config: TrainConfig) -> Path | None:
    """Folder of the model that the training begins with."""
    return model_folder.resolve(config.warm_start) if config.warm_start else None


def _encode(config: TrainConfig, folder: Path, recorder: RunRecorder) -> tuple[str, Path | None]:
    """Encode the corpus; with `--pretrain`, train on the unlabelled text first."""
    silver = None
    if config.silver:
        labels = corpus_folder(config.silver)
        log_corpus(recorder.run, labels, "silver labels")
        report_silver(folder, labels, recorder.run.artifacts)
        silver = str(labels)
    if earlier := _earlier(config):
        return encode_corpus(str(folder), config.preset, earlier=str(earlier), silver=silver), None
    if not config.pretrain:
        return encode_corpus(str(folder), config.preset, silver=silver), None
    text = corpus_folder(config.pretrain)
    log_corpus(recorder.run, text, "pre-training")
    encoded = encode_corpus(str(folder), config.preset, str(text), silver=silver)
    return encoded, Path(pretrain(str(text), str(folder), encoded, config.preset, config.checkpoint_s))


def _train_dna(config: TrainConfig, folder: Path, recorder: RunRecorder) -> Trained:
    from elman.tasks.training.genes import train_dna

    began = time.monotonic()
    genes = None if config.genes is None else str(model_folder.resolve(config.genes))
    fitted = train_dna(str(folder), folder.name, config.preset, config.seed, genes, config.workers)
    seconds = round(time.monotonic() - began, 3)
    for line in fitted.history:
        recorder.log_metrics({"loss": line["loss"]}, int(line["step"]))
    write_history(fitted.history, None, recorder.run.artifacts)
    scores = {}
    for split in ("dev", "test"):
        with contextlib.suppress(BadInput):  # nothing is annotated there
            report = str(recorder.run.artifacts)
            scores[split] = evaluate_model(fitted.model, str(folder), split, report=report)
    report_training(recorder.run.id, fitted.model, scores)
    return Trained(fitted=fitted, seconds=seconds, scores=scores)


def _record_model(config: TrainConfig, folder: Path, recorder: RunRecorder, trained: Trained) -> None:
    """Log the scores, the settings and the model to the run."""
    fitted, numbers = trained.fitted, score_metrics(trained.scores, recorder.run.artifacts)
    step = fitted.best_epoch if isinstance(fitted, FittedTagger) else fitted.updates
    sizes = {"parameters": fitted.parameters, "training_s": trained.seconds}
    if isinstance(fitted, FittedTagger) and trained.seconds:
        tokens = fitted.epochs * fitted.sizes["train"][1]
        sizes["train_tokens_per_s"] = round(tokens / trained.seconds)
    elif isinstance(fitted, FittedGenes) and fitted.bases_per_s:
        sizes["train_bases_per_s"] = fitted.bases_per_s
    recorder.log_metrics({**numbers, **sizes}, step)
    recorder.log_params(model_settings(trained.model))
    out = recorder.run.artifacts
    write_shown_tables(trained.scores, out)
    about = about_corpus(folder)
    description = model_card(trained.model, trained.scores, about, files=out, name=config.register)
    recorder.set_description(description)
    recorder.run.log_model(
        Path(trained.model),
        register=config.register,
        tags=corpus_tags(folder) | (infrastructure_tags(trained.model, folder) if config.register else {}),
        scores=[*numbers],
        about=description,
    )


def _report_to(recorder: RunRecorder, scored_by: str = "dev_f1") -> Callable[[dict[str, float]], None]:
    """Send each epoch to MLflow."""

    def on_epoch(line: dict[str, float]) -> None:
        renamed = {"score": f"{scored_by}_by_epoch", "seconds": "epoch_s"}
        values = {
            renamed.get(key, key): value for key, value in line.items() if key not in ("epoch", "steps")
        }
        recorder.log_progress(values, int(line["epoch"]))

    return on_epoch
