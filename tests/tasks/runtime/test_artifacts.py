"""Artifacts of Prefect runs never stop the work."""

import sys
import types

import pytest

from elman.tasks.runtime import artifacts, orchestration


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
