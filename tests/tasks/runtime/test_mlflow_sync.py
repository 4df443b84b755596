"""Runs reach MLflow once, whatever happens to the server; the record on disk is complete without it."""

import json
import subprocess
import sys

import pytest

from elman.data.errors import BadInput, UsageError
from elman.tasks.runtime import mlflow_connection, mlflow_sync, registry, run_record


def client():
    import mlflow

    mlflow.set_tracking_uri(mlflow_connection.tracking_uri())
    return mlflow.MlflowClient()


def sent_runs():
    found = client()
    experiment = found.get_experiment_by_name(mlflow_sync.EXPERIMENT)
    return found.search_runs([experiment.experiment_id]) if experiment else []


def record_one(name="a run"):
    with mlflow_sync.record_run("train", name, {"epochs": 3}) as recorder:
        for epoch in range(3):
            recorder.log_metrics({"f1": epoch / 3, "loss": 1.0}, epoch)
        recorder.run.log_dataset("letters", recorder.run.folder, "d" * 64, "train", {"sentences": 7})
        (recorder.run.artifacts / "note.txt").write_text("kept")
    return recorder.run


def test_a_run_is_shown_with_params_metrics_dataset_and_files(tracked_home):
    run = record_one()
    (shown,) = sent_runs()
    assert shown.info.status == "FINISHED"
    assert shown.data.params == {"epochs": "3"}
    assert shown.data.tags["elman.run"] == run.id
    history = client().get_metric_history(shown.info.run_id, "f1")
    assert [(m.step, m.value) for m in history] == [(0, 0.0), (1, 1 / 3), (2, 2 / 3)]
    (entry,) = shown.inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest) == ("letters", "d" * 36)
    assert json.loads(entry.dataset.profile)["manifest_sha256"] == "d" * 64
    assert [a.path for a in client().list_artifacts(shown.info.run_id)] == ["note.txt"]


def test_a_server_that_is_away_does_not_stop_a_run_and_it_is_sent_later_once(
    tracked_home, monkeypatch, capsys
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    run = record_one("while away")
    assert run_record.read(run.id).info.status == "FINISHED"
    assert "does not answer" in capsys.readouterr().err
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert mlflow_sync.send_pending() == 0
    assert [r.info.run_name for r in sent_runs()] == ["while away"]


def test_sending_again_makes_no_doubles(tracked_home):
    run = record_one()
    for _ in range(2):
        run_record.read(run.id).save(sent=False, mlflow_run_id=None)
        assert mlflow_sync.send_pending() == 0
    (shown,) = sent_runs()
    assert len(client().get_metric_history(shown.info.run_id, "loss")) == 3


def test_a_failed_run_is_shown_as_failed(tracked_home):
    with pytest.raises(ZeroDivisionError), mlflow_sync.record_run("train", "fails", {}):
        raise ZeroDivisionError
    assert [r.info.status for r in sent_runs()] == ["FAILED"]


@pytest.mark.kills
def test_the_run_of_a_process_that_was_killed_is_shown_as_killed(tracked_home, checkout):
    code = (
        "import os, signal\nfrom elman.tasks.runtime import mlflow_sync as tracking\n"
        "with tracking.record_run('train', 'killed', {}) as r:\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, cwd=checkout)
    assert mlflow_sync.send_pending() == 0
    assert [(r.info.run_name, r.info.status) for r in sent_runs()] == [("killed", "KILLED")]


def test_a_run_whose_number_another_process_has_got_is_shown_as_killed(tracked_home):
    run = run_record.start("train", "long ago", {})
    assert run_record.unsent() == []
    run.save(started_ms=1)
    assert mlflow_sync.send_pending() == 0
    assert [r.info.status for r in sent_runs()] == ["KILLED"]


@pytest.mark.parametrize(
    "name", ["models:/nobody@champion", "models:/nobody/3", "models:/nobody/x", "0" * 32]
)
def test_a_name_nobody_registered_is_bad_input(tracked_home, name):
    with pytest.raises(BadInput, match=name.split("@")[0]):
        registry.resolve_model(name)


def test_a_run_that_cannot_be_sent_does_not_hold_up_the_others(tracked_home, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with mlflow_sync.record_run("train", "its model is gone", {}) as recorder:
        recorder.run.log_model(tracked_home / "models" / "gone")
    record_one("after it")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert mlflow_sync.send_pending() == 1
    assert {r.info.run_name: r.info.status for r in sent_runs()}["after it"] == "FINISHED"
    assert recorder.run.id in capsys.readouterr().err


def test_a_wrong_request_is_no_run(tracked_home):
    with pytest.raises(UsageError), mlflow_sync.record_run("train", "wrong", {}):
        raise UsageError("expected something else")
    assert sent_runs() == []
    assert list((tracked_home / "runs").iterdir()) == []


def test_tagging_is_shown_apart_from_training(tracked_home):
    with mlflow_sync.record_run("tag", "nightly", {}):
        pass
    assert sent_runs() == []
    found = client().search_runs([client().get_experiment_by_name(mlflow_sync.TAGGING).experiment_id])
    assert [run.info.run_name for run in found] == ["nightly"]
