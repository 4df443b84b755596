"""Cost of logging to MLflow: a training that goes on, and one more run in a store of many.

    python -m bench.mlflow_logging [--epochs 60] [--runs 1000] [--idle]

A stand-in for a training multiplies matrices for about a second an epoch and shows eight figures of each
epoch; a SQLite store in a new folder takes them. The import of MLflow and what is sent after the last epoch
are measured apart. The one more run is measured without a model and with a small one, logged and registered.
CPU seconds are those of the whole process, the sending thread's among them. What holds a training up is at
most all calls and what other threads compute, which a busy machine does not blur as it does the difference
to a training that shows nothing. BLAS is kept to one thread, so that other threads are those that send.
"""

import argparse
import json
import os
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np

from elman.tasks.runtime import environment

TYPES = 12  # with three scores each


def epoch_work(seconds: float, idle: bool) -> None:
    """Multiply matrices for as many CPU seconds of this thread, or only wait."""
    if idle:
        time.sleep(seconds)
        return
    square = np.ones((200, 200))
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        square = square @ square / 200


def training(epochs: int, epoch_s: float, log: bool, idle: bool) -> dict[str, float]:
    """Time a stand-in training, with its epochs shown or only computed."""
    from elman.tasks.runtime import mlflow_sync

    held = []
    with mlflow_sync.record_run("train", "bench", {"epochs": epochs}) as recorder:
        recorder.log_progress({"loss": 1.0}, -1)
        time.sleep(2.0)  # the first sending, which opens the database
        cpu, own, wall = time.process_time(), time.thread_time(), time.monotonic()
        for epoch in range(epochs):
            epoch_work(epoch_s, idle)
            if log:
                began = time.monotonic()
                recorder.log_progress({f"figure{number}": float(epoch) for number in range(8)}, epoch)
                held.append(time.monotonic() - began)
        trained = time.thread_time() - own
        result = {"cpu_s": time.process_time() - cpu, "wall_s": time.monotonic() - wall}
        result["cpu_s_of_other_threads"] = result["cpu_s"] - trained
        began = time.process_time()
    after = {"after_the_last_epoch_cpu_s": time.process_time() - began}
    calls = {"all_calls_ms": 1000 * sum(held), "longest_call_ms": 1000 * max(held, default=0.0)}
    return {**result, **after, **calls}


def small_model() -> Path:
    """Train a small tagger on the English samples; return its folder."""
    from elman.flows.ingest import IngestConfig, ingest
    from elman.flows.train import TrainConfig, train

    samples = Path(__file__).parents[1] / "data" / "samples" / "english"
    ingest.fn(IngestConfig(sources=(samples,), name="english"))
    return Path(train.fn(TrainConfig(corpus="english", preset="fast", epochs=1)).model)


def fill(runs: int, model: Path | None = None, register: str | None = None) -> float:
    """Send as many runs with scores by type, and perhaps a model; return CPU seconds a run."""
    from elman.tasks.runtime import mlflow_sync

    scores = {f"test_{rate}/T{kind}": 0.5 for kind in range(TYPES) for rate in ("precision", "recall", "f1")}
    began = time.process_time()
    for number in range(runs):
        with mlflow_sync.record_run("train", f"run {number}", {"seed": number}) as recorder:
            recorder.log_metrics(scores, 0)
            if model is not None:
                recorder.run.log_model(model, register=register, scores=[*scores])
    return (time.process_time() - began) / max(runs, 1)


def main() -> None:
    """Measure in a new home and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--epoch-s", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--idle", action="store_true", help="wait for --epoch-s instead of multiplying")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.environ |= {"ELMAN_HOME": place}
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        environment.prepare()
        began = time.process_time()
        from elman.tasks.runtime.mlflow_connection import connect

        connect().MlflowClient().search_experiments()
        figures: dict[str, object] = {"import_and_new_database_cpu_s": time.process_time() - began}
        fill(1)
        if not options.idle:
            figures["silent"] = training(options.epochs, options.epoch_s, False, options.idle)
        figures["shown"] = training(options.epochs, options.epoch_s, True, options.idle)
        figures["cpu_s_a_run_while_filling"] = fill(options.runs)
        figures["one_more_run_cpu_s"] = fill(1)
        model = small_model()  # its own run loads what logging a model needs
        figures["one_more_run_with_a_model_cpu_s"] = fill(1, model)
        figures["one_more_run_with_a_registered_model_cpu_s"] = fill(1, model, "bench")
        with sqlite3.connect(Path(place) / "mlflow" / "mlflow.db") as database:
            (figures["runs_in_the_store"],) = database.execute("SELECT count(*) FROM runs").fetchone()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
