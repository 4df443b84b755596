"""Runs as MLflow shows them, and a small one to record."""

from elman.tasks.runtime import mlflow_connection, mlflow_sync
from elman.tasks.runtime.mlflow_experiments import TRAINING
from elman.tasks.runtime.run_record import UsedDataset


def client():
    import mlflow

    mlflow.set_tracking_uri(mlflow_connection.tracking_uri())
    return mlflow.MlflowClient()


def sent_runs():
    found = client()
    experiment = found.get_experiment_by_name(TRAINING.name)
    return found.search_runs([experiment.experiment_id]) if experiment else []


def corpus(name, digest, context, **more):
    counts = {"sentences": 7}
    return UsedDataset(name=name, folder="/corpora/x", digest=digest, context=context, counts=counts, **more)


def record_one(name="a run"):
    with mlflow_sync.record_run("train", name, {"epochs": 3}) as recorder:
        for epoch in range(3):
            recorder.log_progress({"f1": epoch / 3, "loss": 1.0}, epoch)
        recorder.run.log_dataset(corpus("letters", "d" * 64, "training"))
        (recorder.run.artifacts / "note.txt").write_text("kept")
    return recorder.run
