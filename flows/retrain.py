"""`elman retrain`: new data in, a challenger trained and judged against the champion."""

import contextlib
import json
import os
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from annotated_types import Ge, Interval

from elman.data.errors import ElmanError, Locked, UsageError
from elman.data.store.dataset import MANIFEST, Dataset
from elman.data.store.disk import atomic_write
from elman.data.store.lock import take
from elman.data.text.markdown import escaped
from elman.flows.arguments import Config, Corpus, Sources, option
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.train import PresetName, TaskName, TrainConfig, Trained, train
from elman.tasks.ingest.corpus_names import NAME, corpus_folder
from elman.tasks.ingest.result import Ingested
from elman.tasks.learning.registry import TAG, corpora_of, task_named, task_names
from elman.tasks.learning.training import TaskTrained
from elman.tasks.models import model_folder
from elman.tasks.retraining import batches, history, promotion
from elman.tasks.retraining.gate import GateRules
from elman.tasks.retraining.held import Held, hold, readmit
from elman.tasks.retraining.judging import (
    Verdict,
    contents_of,
    decide,
    find_challenger,
    first_verdict,
    frozen_by,
    judge,
    mark_unjudged,
)
from elman.tasks.retraining.notices import Channels, Notice, notify
from elman.tasks.retraining.score_gate import ScoreGate
from elman.tasks.runtime import mlflow_sync, registry
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import temporary_parent
from elman.tasks.runtime.mlflow_sync import RunRecorder
from elman.tasks.runtime.orchestration import call, flow
from elman.tasks.training.warm_start import EarlierTagger


@dataclass(frozen=True, kw_only=True)
class RetrainConfig(Config):
    """Add new sources to a corpus, train a challenger, and let it replace the champion if it is better."""

    corpus: Corpus
    """name of the corpus that grows"""
    sources: Sources
    """files or folders; what the corpus has already is not added twice"""
    model: str
    """registered name whose champion is challenged"""
    task: TaskName = "tag"
    """what is trained, as for `elman train`; each is judged by its own score"""
    kind: Literal["text", "dna", "music", "speech"] | None = None
    """take only this; judged by content if not given"""
    as_: Annotated[Literal["train", "dev", "test"] | None, tyro.conf.arg(name="as")] = None
    """the split of new data; else by file name, else 80/10/10 by hash"""
    label_from: Literal["folder"] | None = None
    """of --task classify: as for `elman ingest`"""
    preset: PresetName = "default"
    """of the challenger, as for `elman train`"""
    pretrain: str | None = None
    """corpus of text without labels that every challenger learns from first"""
    warm_start: bool = False
    """begin a challenger with the champion's weights: a third of the passes over all of the corpus"""
    seed: Annotated[int, Ge(0)] = 0
    """of the challenger"""
    level: Annotated[float, Interval(gt=0, lt=0.5)] = GateRules.level
    """how often a challenger that is no better may be promoted"""
    seed_noise: Annotated[float, Interval(ge=0, lt=1)] | None = None
    """standard deviation of the score (0 to 1) between trainings that differ in their seed alone"""
    readmit: str | None = None
    """batch held apart that is let in after all"""
    notify_file: Path | None = None
    """file to which a line of JSON is appended for every verdict, batch held apart and failure"""
    webhook: str | None = None
    """URL that is sent the same, signed by the key in ELMAN_WEBHOOK_SECRET"""
    allow_private_webhook: bool = False
    """allow the webhook an address of loopback or a private network"""

    def __post_init__(self) -> None:
        """Check sources and names beside the bounds."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected files or folders to add. Got none.")
        if not NAME.fullmatch(self.model):
            raise UsageError(
                f"expected --model of lower-case letters, digits, '.', '_', '-'. Got {self.model!r}."
            )
        _ = self.channels  # refuses what is no URL
        given = [name for name in ("pretrain", "warm_start") if getattr(self, name) and self.task != TAG]
        if given:
            raise UsageError(f"expected {option(given[0])} for --task tag only. Got --task {self.task}.")

    @property
    def gate(self) -> ScoreGate | None:
        """The gate of another task than tagging."""
        return None if self.task == TAG else task_named(self.task).gate

    @property
    def rules(self) -> GateRules:
        """Rules of the quality gate."""
        usual = self.gate.measure.seed_noise if self.gate else GateRules.seed_noise
        return GateRules(level=self.level, seed_noise=usual if self.seed_noise is None else self.seed_noise)

    @property
    def channels(self) -> Channels:
        """Destinations of notices."""
        return Channels(file=self.notify_file, webhook=self.webhook, allow_private=self.allow_private_webhook)

    @property
    def command(self) -> str:
        """The command that goes on after a failure."""
        words = ["elman", "retrain", self.corpus, *map(str, self.sources), "--model", self.model]
        given = {"task": self.task, "kind": self.kind, "as": self.as_, "label-from": self.label_from}
        usual = {"task": TAG}
        for name, value in given.items():
            words += [] if value in (None, usual.get(name)) else [f"--{name}", value]
        return shlex.join([*words, "--preset", self.preset, *(["--warm-start"] if self.warm_start else [])])


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """Result of a retraining.

    Attributes:
        model: registered name.
        ingested: the new data.
        trained: the challenger, if one was trained by this run.
        verdict: None if the corpus has nothing that no version was judged on.
        why: reason of the verdict, or of its absence.
        held: the batch that this run has held apart.
        reused: what an earlier run had done that ended before its verdict; "" for nothing.
    """

    model: str
    ingested: Ingested
    trained: Trained | TaskTrained | None
    verdict: Verdict | None
    why: str
    held: Held | None = None
    reused: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        held = {"held_apart": self.held.to_json()} if self.held else {}
        reused = {"reused": self.reused} if self.reused else {}
        values = {"model": self.model, "trained": self.trained is not None, **held, **reused}
        if self.verdict is None:
            return {**values, "promoted": False, "why": self.why, "ingest": self.ingested.to_json()}
        train = self.trained.to_json() if self.trained else {}
        return {**values, **self.verdict.to_json(), "ingest": self.ingested.to_json(), "train": train}


@flow
def retrain(config: RetrainConfig) -> Retrained:
    """Ingest what is new, train a challenger if the corpus changed, and let the better model be champion."""
    params = {"model": config.model, "corpus": corpus_folder(config.corpus).name, "preset": config.preset}
    with (
        _alone(config),
        _telling_of_failures(config),
        mlflow_sync.record_run("retrain", f"{config.model} retrain", params) as recorder,
    ):
        retrained = _retrain(config)
        _record(recorder, retrained)
    _tell(config, retrained)
    return retrained


def _retrain(config: RetrainConfig) -> Retrained:
    folder = corpus_folder(config.corpus)
    if config.readmit:
        readmitted = readmit(folder.name, config.readmit)
        print_status(f"{config.model}: batch {readmitted.batch} is let in ({readmitted.reason}).")
    _check_task(config, folder)
    begin = _champion_to_begin_with(config)
    held = _hold_bad_batch(config, folder)
    ingested = call(ingest, config_of_ingest(config))
    _check_task(config, folder)
    known, trained, reused = find_challenger(config.model, config.corpus), None, ""
    if known.judged:
        why = f"{held.reason}; {known.why}" if held else known.why
        print_status(f"{config.model}: {known.why}; nothing is trained.")
        return Retrained(
            model=config.model, ingested=ingested, trained=None, verdict=None, why=why, held=held
        )
    for version in mark_unjudged(config.model, known.version):
        print_status(f"{config.model}: version {version} was never judged, for its run ended before.")
    if not known.version:
        trained = call(train, config_of_training(config, begin))
        known = find_challenger(config.model, config.corpus)
    else:
        reused = f"version {known.version}, which an earlier run trained on this corpus"
        print_status(f"{config.model}: {reused}, is judged; nothing is trained again.")
    verdict = _verdict(config, known.version)
    print_status(f"{config.model}: {verdict.why}; version {verdict.entry.champion} is champion.")
    return Retrained(
        model=config.model,
        ingested=ingested,
        trained=trained,
        verdict=verdict,
        why=verdict.why,
        held=held,
        reused=reused,
    )


def config_of_ingest(config: RetrainConfig) -> IngestConfig:
    """The ingest that is a part of a retraining."""
    return IngestConfig(
        sources=config.sources,
        name=config.corpus,
        kind=config.kind,
        as_=config.as_,
        label_from=config.label_from,
    )


def _check_task(config: RetrainConfig, folder: Path) -> None:
    """Refuse a corpus, preset or champion that does not go with the task.

    Raises:
        UsageError: names what is expected.
    """
    kind = Dataset.open(folder).kind if (folder / MANIFEST).exists() else None
    if kind is not None and kind not in corpora_of(config.task):
        fitting = ", ".join(task for task in task_names() if kind in corpora_of(task))
        raise UsageError(
            f"expected --task of {fitting} for {folder.name}, of kind {kind}. Got {config.task}."
        )
    if config.task == TAG:
        return
    task, champion = task_named(config.task), promotion.champion_of(config.model)
    if config.preset not in task.presets:
        raise UsageError(
            f"expected --preset of {', '.join(task.presets)} for --task {task.name}. Got {config.preset!r}."
        )
    of = (
        model_folder.read(promotion.folder_of_version(config.model, champion)).kind if champion else task.kind
    )
    if of != task.kind:
        raise UsageError(
            f"expected a --model whose champion is of --task {task.name}. Got {config.model}, of kind {of}."
        )


def config_of_training(config: RetrainConfig, begin: Path | None) -> TrainConfig:
    """The training of a challenger, begun with the weights of a model folder if there is one.

    Pre-training is then in these weights.
    """
    return TrainConfig(
        corpus=config.corpus,
        task=config.task,
        preset=config.preset,
        pretrain=None if begin else config.pretrain,
        warm_start=str(begin) if begin else None,
        seed=config.seed,
        register=config.model,
    )


def _champion_to_begin_with(config: RetrainConfig) -> Path | None:
    """Folder of the champion for --warm-start; refused before anything is ingested if it does not fit."""
    champion = promotion.champion_of(config.model) if config.warm_start else ""
    if not champion:
        return None
    folder = promotion.folder_of_version(config.model, champion)
    EarlierTagger.open(folder, config.preset)
    return folder


def _hold_bad_batch(config: RetrainConfig, folder: Path) -> Held | None:
    """Look at what is new before it is ingested, and hold it apart if it would harm a challenger."""
    champion = promotion.champion_of(config.model)
    if not champion or not folder.is_dir() or Path("-") in config.sources:
        return None  # standard input is read once
    with tempfile.TemporaryDirectory(dir=temporary_parent(), prefix="batch-") as scratch:
        new = batches.read_batch(
            config.sources, config.as_, config_of_ingest(config).requested, folder, Path(scratch) / "batch"
        )
        if new is None:
            return None
        reason = _why_hold(config, new.folder, folder, champion)
        return hold(new.sources, folder.name, reason) if reason else None


def _why_hold(config: RetrainConfig, batch: Path, corpus: Path, champion: str) -> str:
    """The reason to hold a batch apart, by the task; "" if there is none."""
    model = promotion.folder_of_version(config.model, champion)
    if config.gate is None and model_folder.read(model).kind == "dna":
        return batches.why_hold_genes(batch, corpus)
    frozen = contents_of(config.model, frozen_by(config.model, champion))
    if config.gate is None:
        return batches.why_hold(batch, corpus, model, frozen)
    return config.gate.why_hold(model, Dataset.open(batch), Dataset.open(corpus).made_of(frozen))


def _verdict(config: RetrainConfig, version: str) -> Verdict:
    """Judge a version by both gates and decide on it; a first one has been judged when it was registered."""
    first = first_verdict(config.model, version)
    if first is not None:
        return first
    registry.set_challenger(config.model, version)
    judged = judge(config.model, version, config.corpus, config.rules, config.gate)
    verdict = decide(config.model, version, judged)
    if verdict.promoted:
        registry.set_challenger(config.model, None)
    return verdict


def _record(recorder: RunRecorder, retrained: Retrained) -> None:
    """Keep the verdict with its reasons among the run's files, and show it in MLflow."""
    recorder.set_description(escaped(f"{retrained.model}: {retrained.why}"))
    if retrained.verdict is not None:
        values = json.dumps(retrained.verdict.to_json(), ensure_ascii=False, indent=1)
        atomic_write(recorder.run.artifacts / "verdict.json", values.encode("utf-8", "backslashreplace"))
        recorder.log_metrics(retrained.verdict.judged.metrics(), 0)


def _tell(config: RetrainConfig, retrained: Retrained) -> None:
    """Send notices of a batch held apart and of the verdict."""
    held, verdict = retrained.held, retrained.verdict
    if held is not None:
        resume = f"{config.command} --readmit {held.batch}"
        cause = f"batch {held.batch} is held apart: {held.reason}"
        notify(Notice(event="held apart", model=config.model, cause=cause, resume=resume), config.channels)
    if verdict is None:
        return
    entry = verdict.entry
    resume = config.command if entry.action == "outdated" else ""
    if entry.done and entry.before:
        resume = f"elman rollback {config.model}"
    notice = Notice(
        event=entry.action if entry.action != "found" else "promoted",
        model=config.model,
        cause=entry.why,
        resume=resume,
        version=entry.version,
    )
    notify(notice, config.channels)


@contextlib.contextmanager
def _telling_of_failures(config: RetrainConfig) -> Iterator[None]:
    """Send a notice of a failure, with the command that goes on."""
    try:
        yield
    except Exception as error:
        cause = str(error) if isinstance(error, ElmanError) else f"{type(error).__name__}: {error}"
        notice = Notice(event="failed", model=config.model, cause=cause, resume=config.command)
        notify(notice, config.channels)
        raise


@contextlib.contextmanager
def _alone(config: RetrainConfig) -> Iterator[None]:
    """Hold the lock of retrainings of a name; tell if the last one died, whose lock file is left.

    Raises:
        Locked: another one is at work.
    """
    folder = history.folder_of(config.model)
    path = folder / "retrain.lock"
    try:
        left = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        left = ""
    try:
        descriptor = take(path, folder)
    except Locked as error:
        raise Locked(f"{config.model}: a retraining is going on already. {error}") from None
    try:
        if left:
            cause = f"the retraining of {left} died before its end; this one goes on where it stopped"
            notice = Notice(event="died", model=config.model, cause=cause, resume=config.command)
            notify(notice, config.channels)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
