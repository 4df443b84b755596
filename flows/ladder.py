"""`elman ladder`: ablation from the most frequent tag to the default preset, over several seeds."""

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Interval

from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.flows.arguments import Config, Corpus
from elman.tasks.experiments.ablation import PRETRAINED, RULE, STEPS, preset_of, report_ablation, train_step
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.runtime import mlflow_sync
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


@flow
def ladder(config: LadderConfig) -> dict[str, Any]:
    """Encode a corpus, train each step with each seed, and report the ablation."""
    folder = corpus_folder(config.corpus)
    dataset = Dataset.open(folder)
    if dataset.kind.endswith("dna"):
        raise BadInput("a corpus of text", got="one of DNA", todo="Name another corpus.", source=folder)
    params = {"corpus": folder.name, "seeds": config.seeds, "epochs": config.epochs or "the presets'"}
    with mlflow_sync.record_run("ladder", f"{folder.name} ladder", params) as recorder:
        counts = dataset.manifest["totals"]["counts"]
        recorder.run.log_dataset(folder.name, folder, dataset.digest, "training", counts)
        encoded = {name: encode_corpus(str(folder), name) for name in ("article", "default")}
        out = str(recorder.run.artifacts)
        trained: list[dict[str, Any]] = []
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
                with mlflow_sync.record_run("rung", title, child, parent=recorder.run.id) as inner:
                    source = encoded.get(step) or encoded[preset_of(step)]
                    start = pretrained if step == PRETRAINED else None
                    row = train_step(source, step, seed, rate, config.epochs, out, start)
                    inner.log_metrics(_metrics(row), 0)
                rate = row["learning_rate"]
                trained.append(row)
                shown = ", ".join(f"{s} F1 {row[s]['f1']:.4f}" for s in ("dev", "test") if s in row)
                print_status(f"{step}, seed {seed}: {shown}, {row['seconds']:.1f} s")
        report = report_ablation(trained, out)
        for place, row in enumerate(report["rungs"]):
            recorder.log_metrics({f"{s}_f1": row[s]["f1"] for s in ("dev", "test") if s in row}, place)
    return {
        "run_id": recorder.run.record["mlflow_run_id"] or recorder.run.id,
        "table": f"{out}/ladder.md",
        **report,
    }


def _metrics(row: dict[str, Any]) -> dict[str, float]:
    scores = {f"{s}_{key}": value for s in ("dev", "test") if s in row for key, value in row[s].items()}
    numbers = {
        "parameters": row["parameters"],
        "training_s": row["seconds"],
        "tokens_s": row["tokens_s"],
    }
    return {**scores, **numbers}
