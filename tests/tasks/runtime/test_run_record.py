"""Run records on disk: complete, and read as older versions wrote them."""

import json

import pytest

from elman.tasks.runtime import run_record
from elman.tasks.runtime.run_record import MadeModel, RunInfo, UsedDataset


def test_a_run_record_is_read_as_it_was_written(home):
    run = run_record.start("train", "names fast", {"seed": 0})
    used = UsedDataset(
        name="names",
        folder=str(home / "corpora" / "names"),
        digest="d" * 64,
        context="training",
        counts={"sentences": 7},
    )
    run.log_dataset(used)
    run.log_model(home / "models" / "m", register="people", tags={"a": "b"}, scores=["test_f1"], about="*m*")
    run.save(status="FINISHED", ended_ms=5)
    again = run_record.read(run.id).info
    assert again == run.info
    assert again.datasets == (used,)
    assert again.datasets[0].to_json().keys() == {"name", "folder", "digest", "context", "counts"}
    assert again.model == MadeModel(
        folder=str(home / "models" / "m"),
        register="people",
        about="*m*",
        tags={"a": "b"},
        scores=["test_f1"],
    )


def test_a_running_record_has_no_end(home):
    run = run_record.start("tag", "t", {})
    assert "ended_ms" not in json.loads((run.folder / "run.json").read_text())
    assert run.info.status == "RUNNING"


def wrapped_interrupt() -> SystemError:
    """A signal as it comes out of a call of a compiled kernel."""
    error = SystemError("a function returned a result with an exception set")
    error.__cause__ = KeyboardInterrupt()
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [(OSError("full"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (wrapped_interrupt(), "KILLED")],
)
def test_a_run_that_a_signal_ends_is_killed_and_one_with_an_error_has_failed(home, error, status):
    with pytest.raises(type(error)), run_record.record_locally("ingest", "data", {}):
        raise error
    (path,) = (home / "runs").glob("*/run.json")
    assert json.loads(path.read_text())["status"] == status


def test_an_ingest_record_of_the_last_release_is_read_and_not_sent(home):
    """It has other keys than a run that MLflow shows."""
    values = {"id": "20260101T000000-ingest-0", "kind": "ingest", "records": 3, "seconds": 0.1}
    assert RunInfo.from_json(values).sent
    folder = home / "runs" / values["id"]
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(values))
    assert run_record.unsent() == []
