"""Artifacts of Prefect runs never stop the work."""

import sys
import types

import pytest

from elman.tasks.runtime import artifacts, orchestration
from elman.tasks.runtime.console import progress


@pytest.fixture
def fake(monkeypatch):
    """A module in the place of `prefect.artifacts`, inside a flow run."""
    module = types.ModuleType("prefect.artifacts")
    monkeypatch.setitem(sys.modules, "prefect.artifacts", module)
    monkeypatch.setitem(sys.modules, "prefect", types.ModuleType("prefect"))
    monkeypatch.setattr(artifacts, "in_flow_run", lambda: True)
    monkeypatch.setattr(orchestration, "in_flow_run", lambda: False)
    return module


def test_outside_a_flow_run_nothing_is_published():
    artifacts.publish_markdown("scores", "| a |", "Scores")
    artifacts.publish_link("mlflow-run", "http://127.0.0.1:5000", "run", "The run")


def test_inside_a_flow_run_markdown_and_links_are_published(fake):
    made = []
    fake.create_markdown_artifact = lambda *a, **k: made.append((*a, k))
    fake.create_link_artifact = lambda *a, **k: made.append((*a, k))
    artifacts.publish_markdown("scores", "| a |", "Scores")
    artifacts.publish_link("mlflow-run", "http://x", "run", "The run")
    assert made == [
        ("| a |", {"key": "scores", "description": "Scores"}),
        ("http://x", "run", {"key": "mlflow-run", "description": "The run"}),
    ]


def test_a_failure_costs_one_line(fake, capsys):
    def fail(*arguments, **options):
        raise ConnectionError("away")

    fake.create_markdown_artifact = fail
    artifacts.publish_markdown("scores", "| a |", "Scores")
    assert capsys.readouterr().err.strip() == "Prefect does not show scores (ConnectionError)."


@pytest.fixture
def long_step(fake, monkeypatch):
    """Calls that a progress artifact makes of Prefect when every step is a long one."""
    made = []
    monkeypatch.setattr(artifacts, "PROGRESS_EVERY_S", 0)
    fake.create_progress_artifact = lambda percent, key, line: made.append((key, percent, line)) or "id"
    fake.update_progress_artifact = lambda of, percent, line: made.append((of, percent, line)) or of
    return made


def test_in_a_table_text_is_no_markdown(fake):
    made = []
    fake.create_table_artifact = lambda rows, **options: made.append((rows, options))
    artifacts.publish_table("shards", [{"state": "<b>", "shards": 3}], "Shards by state")
    shown = [{"state": "&lt;b&gt;", "shards": 3}]
    assert made == [(shown, {"key": "shards", "description": "Shards by state"})]


def test_a_long_step_is_one_artifact_that_moves_to_its_end(long_step, capsys):
    with progress("Reading files", 200, "B", lambda: "1 of 1 files") as advance:
        for _ in range(4):
            advance(50)
    assert [percent for _, percent, _ in long_step] == [25, 50, 75, 100, 100]
    assert [of for of, _, _ in long_step] == ["progress-reading-files", *["id"] * 4]
    assert long_step[0][2] == "Reading files: 50 B of 200 B, 1 of 1 files"


def test_a_short_step_and_one_of_unknown_length_are_no_artifacts(long_step, monkeypatch):
    with progress("reading", None, "B") as advance:
        advance(50)
    monkeypatch.setattr(artifacts, "PROGRESS_EVERY_S", 60)
    with progress("reading", 200, "B") as advance:
        advance(200)
    assert long_step == []


def test_an_artifact_that_prefect_does_not_take_is_not_asked_for_again(long_step, fake, capsys):
    def fail(*arguments):
        long_step.append(arguments)
        raise ConnectionError("away")

    fake.create_progress_artifact = fail
    with progress("reading", 200, "B") as advance:
        advance(100)
        advance(100)
    assert len(long_step) == 1
    assert capsys.readouterr().err.count("Prefect does not show progress-reading") == 1
