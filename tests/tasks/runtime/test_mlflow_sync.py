"""Runs reach MLflow once, whatever happens to the server; the record on disk is complete without it."""

import json
import shutil
import subprocess
import sys

import pytest

from elman.data.errors import BadInput, UsageError
from elman.tasks.runtime import mlflow_sync, registry, run_record
from elman.tasks.runtime.environment import git_commit
from elman.tasks.runtime.mlflow_experiments import DATA, EVALUATION, TAGGING, TRAINING
from tests.shown_runs import client, corpus, record_one, sent_runs


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
        "with tracking.record_run('train', 'killed', {}):\n    os.kill(os.getpid(), signal.SIGKILL)"
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
    found = client().search_runs([client().get_experiment_by_name(TAGGING.name).experiment_id])
    assert [run.info.run_name for run in found] == ["nightly"]


@pytest.mark.parametrize(
    ("kind", "experiment"), [("ingest", DATA), ("check", DATA), ("evaluate", EVALUATION)]
)
def test_each_kind_of_run_has_its_experiment_in_training_mode_with_a_description(
    tracked_home, kind, experiment
):
    with mlflow_sync.record_run(kind, "a run", {}):
        pass
    shown = client().get_experiment_by_name(experiment.name)
    assert shown.tags["mlflow.experimentKind"] == "custom_model_development"
    assert shown.tags["mlflow.note.content"] == experiment.about
    assert len(client().search_runs([shown.experiment_id])) == 1


def test_an_experiment_that_exists_gets_what_its_page_lacks_and_keeps_what_a_user_wrote(tracked_home):
    number = client().create_experiment(TRAINING.name, (tracked_home / "artifacts").as_uri())
    client().set_experiment_tag(number, "mlflow.note.content", "ours")
    record_one()
    tags = client().get_experiment(number).tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    assert tags["mlflow.note.content"] == "ours"
    columns = json.loads(json.loads(tags["mlflow.sharedViewState.scores"])["state"])["selectedColumns"]
    assert {"metrics.`dev_f1`", "metrics.`test_f1`"} <= set(columns)


def test_a_deleted_experiment_is_named_with_what_to_do(tracked_home, capsys):
    record_one()
    client().delete_experiment(client().get_experiment_by_name(TRAINING.name).experiment_id)
    run = record_one("later")
    assert not run_record.read(run.id).info.sent
    error = capsys.readouterr().err
    assert "expected an experiment 'elman'" in error
    assert "mlflow experiments restore --experiment-id" in error


def test_runs_recorded_inside_a_run_are_its_children_in_its_experiment(tracked_home):
    with mlflow_sync.record_run("retrain", "parent", {}):
        with mlflow_sync.record_run("baseline", "child", {}):
            pass
        with run_record.record_locally("ingest", "data", {}):
            pass
    by_name = {run.info.run_name: run for run in sent_runs()}
    parent = by_name["parent"].info.run_id
    for name in ("child", "data"):
        assert by_name[name].data.tags["mlflow.parentRunId"] == parent
    assert run_record.unsent() == []


def test_a_run_names_commit_and_code_and_what_it_took(tracked_home):
    record_one()
    (shown,) = sent_runs()
    assert len(shown.data.tags["elman.code"]) == 64
    assert shown.data.tags.get("mlflow.source.git.commit") == git_commit()
    assert shown.data.metrics["peak_memory_mib"] > 50
    assert {"cpu_s", "system/cpu_s", "system/peak_memory_mib"} <= set(shown.data.metrics)


def test_scores_name_their_data_set_which_has_schema_sizes_and_licence(tracked_home):
    with mlflow_sync.record_run("evaluate", "scores", {"model": "m"}) as recorder:
        about = {"licence": "CC BY 4.0"}
        recorder.run.log_dataset(
            corpus("letters test", "e" * 64, "test", kind="text", split="test", about=about)
        )
        recorder.log_metrics({"test_f1": 0.5, "test_f1_by_epoch": 0.4}, 0)
    found = client().get_experiment_by_name(EVALUATION.name).experiment_id
    (shown,) = client().search_runs([found])
    (entry,) = shown.inputs.dataset_inputs
    assert {tag.key: tag.value for tag in entry.tags} == {"mlflow.data.context": "test", **about}
    assert json.loads(entry.dataset.profile)["sentences"] == 7
    columns = json.loads(entry.dataset.schema)["mlflow_colspec"]
    assert {"name": "text", "type": "string", "required": True} in columns


def test_a_run_whose_files_are_gone_is_sent_without_them_and_named(tracked_home, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    run = record_one()
    shutil.rmtree(run.artifacts)
    (tracked_home / "runs" / "broken").mkdir()
    (tracked_home / "runs" / "broken" / "run.json").write_text("{")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert mlflow_sync.send_pending() == 0
    (shown,) = sent_runs()
    assert shown.data.tags["elman.files"] == "gone"
    error = capsys.readouterr().err
    assert f"expected the files of run {run.id}" in error
    assert "broken/run.json: expected the JSON of a run" in error


def test_a_child_whose_parent_s_record_is_gone_is_sent_alone(tracked_home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with mlflow_sync.record_run("ladder", "parent", {}) as outer:
        record_one("child")
    shutil.rmtree(outer.run.folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert mlflow_sync.send_pending() == 0
    (shown,) = sent_runs()
    assert "mlflow.parentRunId" not in shown.data.tags


def test_tables_among_the_files_are_shown_as_tables(tracked_home):
    with mlflow_sync.record_run("train", "with a table", {}) as recorder:
        (recorder.run.artifacts / "mistakes.json").write_text('{"columns": ["a"], "data": [[1]]}')
        (recorder.run.artifacts / "tables.json").write_text('["mistakes.json"]')
    (shown,) = sent_runs()
    experiment = client().get_experiment_by_name(TRAINING.name).experiment_id
    table = client().load_table(experiment, "mistakes.json", [shown.info.run_id])
    assert table["a"].tolist() == [1]


def test_a_long_card_is_cut_at_the_end_of_a_line():
    card = registry.shortened("a line of the card\n" * 1000)
    assert 4900 < len(card) <= 5000
    assert card.startswith("a line of the card\n")
    assert card.endswith(f"a line of the card{registry.CUT}")
    assert registry.shortened("short") == "short"
