"""The overview tells champions, corpora, batches held apart and missing flow files from files alone."""

import pytest

from elman.tasks.retraining import history
from elman.tasks.retraining.held import hold, readmit
from elman.tasks.retraining.overview import missing_flows, overview

pytestmark = pytest.mark.usefixtures("home")


def test_a_new_home_has_nothing():
    found = overview()
    assert (found.champions, found.corpora, found.held_apart, found.missing) == ({}, {}, {}, ())


def test_the_champion_is_told_since_when_and_why():
    common = {"before": "", "champion": "1"}
    first = history.append("names", "promoted", version="1", why="the first", **common)
    history.append("names", "refused", version="2", why="worse", **(common | {"before": "1"}))
    assert overview().champions == {"names": f"version 1 since {first.time}: the first"}


def test_a_damaged_history_is_named(home):
    (home / "registry" / "names").mkdir(parents=True)
    (home / "registry" / "names" / "history.jsonl").write_text("x\n")
    assert "history.jsonl:1: expected a decision" in overview().champions["names"]


def test_batches_held_apart_are_told_until_they_are_let_in():
    held = hold((), "mail", "another language")
    assert overview().held_apart == {f"mail/{held.batch}": "another language"}
    readmit("mail", held.batch)
    assert overview().held_apart == {}


def test_a_corpus_has_the_time_of_its_manifest(home):
    folder = home / "corpora" / "mail"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    assert overview().corpora["mail"].endswith("+00:00")


def test_flow_files_that_are_gone_are_named(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "a.py").write_text("")
    deployments = tmp_path / "prefect.yaml"
    deployments.write_text("deployments:\n  - entrypoint: flows/a.py:a\n  - entrypoint: 'flows/b.py:b'\n")
    assert missing_flows(deployments) == ("flows/b.py",)
    assert missing_flows(tmp_path / "none.yaml") == ()
