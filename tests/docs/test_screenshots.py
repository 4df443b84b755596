"""The pictures of MLflow's pages are taken from finished trainings that MLflow has."""

import pytest

from elman.tasks.runtime import run_record


def test_without_trainings_it_says_where_the_commands_stand(script, home):
    with pytest.raises(SystemExit, match=r"Got 0\. See docs/runs\.md"):
        script("screenshots").trainings(home / "runs")


def test_only_finished_trainings_that_mlflow_has_are_taken(script, home):
    for name, status, sent in (("a", "FINISHED", True), ("b", "KILLED", True), ("c", "FINISHED", False)):
        run_record.start("train", name, {}, sent=sent).save(status=status)
    run_record.start("train", "d", {}, sent=True).save(status="FINISHED")
    taken = script("screenshots").trainings(home / "runs")
    assert {run.info.name for run in taken} == {"a", "d"}
