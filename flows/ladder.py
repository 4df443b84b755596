"""`elman ladder`: ablation from the most frequent tag to the default preset, over several seeds."""

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Interval

from elman.data.corpus.kinds import check_kind
from elman.data.corpus.shards import TEXT
from elman.data.store.dataset import Dataset
from elman.flows.arguments import Config, Corpus
from elman.tasks.experiments.ablation import (
    PRETRAINED,
    RULE,
    STEPS,
    Ablation,
    StepResult,
    markdown,
    preset_of,
    report_ablation,
    train_step,
)
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.ingest.used_corpus import log_corpus
from elman.tasks.runtime import mlflow_sync, run_record
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import flow
from elman.tasks.training.pretrain import pretrain
from elman.tasks.training.text import encode_corpus


@dataclass(frozen=True, kw_only=True)
class LadderConfig(Config):
    """Train every step from the most frequent tag to the default preset, and report the gain of each."""

    corpus: Corpus
    """name of an ingested corpus of text, or its folder"""
    # 12 steps of 15 seeds reach the number of tasks a run may have.
    seeds: Annotated[int, Interval(ge=1, le=15)] = 3
    """trainings of each step, seeds 0, 1, ..."""
    epochs: Annotated[int, Ge(1)] | None = None
    """passes over the data at most; the presets' by default"""
    pretrain: str | None = None
    """corpus of unlabelled text, adds the step `+ pre-training`"""


@dataclass(frozen=True, kw_only=True)
class LadderResult:
    """The ablation, its table, and the id of its run."""

    run_id: str
    table: str
    report: Ablation

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"run_id": self.run_id, "table": self.table, **self.report.to_json()}


@flow
def ladder(config: LadderConfig) -> LadderResult:
    """Encode a corpus, train each step with each seed, and report the ablation."""
    folder = corpus_folder(config.corpus)
    dataset = Dataset.open(folder)
    check_kind(dataset, TEXT, todo="Name another corpus.")
    params = {"corpus": folder.name, "seeds": config.seeds, "epochs": config.epochs or "the presets'"}
    with mlflow_sync.record_run("ladder", f"{folder.name} ladder", params) as recorder:
        log_corpus(recorder.run, folder, "training", ("dev", "test"))
        encoded = {name: encode_corpus(str(folder), name) for name in ("article", "default")}
        out = str(recorder.run.artifacts)
        trained: list[StepResult] = []
        steps: tuple[str, ...] = STEPS
        pretrained = None
        if config.pretrain:
            text = str(corpus_folder(config.pretrain))
            encoded[PRETRAINED] = encode_corpus(str(folder), "default", text)
            pretrained = pretrain(text, str(folder), encoded[PRETRAINED], "default")
            steps = (*STEPS, PRETRAINED)
        for step in steps:
            rate = None
            for seed in range(1 if step == RULE else config.seeds):
                child = {"rung": step, "seed": seed, "corpus": folder.name}
                title = f"{folder.name} {step} s{seed}"
                with mlflow_sync.record_run("rung", title, child) as inner:
                    log_corpus(inner.run, folder, "training", ("dev", "test"))
                    source = encoded.get(step) or encoded[preset_of(step)]
                    start = pretrained if step == PRETRAINED else None
                    result = train_step(source, step, seed, rate, config.epochs, out, start)
                    inner.log_metrics(result.metrics(), 0)
                rate = result.learning_rate
                trained.append(result)
                shown = ", ".join(f"{split} F1 {scores.f1:.4f}" for split, scores in result.scores.items())
                print_status(f"{step}, seed {seed}: {shown}, {result.seconds:.1f} s")
        report = report_ablation(trained, out)
        for place, row in enumerate(report.steps):
            recorder.log_metrics({f"{split}_f1": scores.f1 for split, scores in row.scores.items()}, place)
        recorder.run.set_description(markdown(report))
    run_id = run_record.read(recorder.run.id).shown_id
    return LadderResult(run_id=run_id, table=f"{out}/ladder.md", report=report)
