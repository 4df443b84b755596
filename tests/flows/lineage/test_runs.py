"""`elman runs`: runs newest first with state and score, filtered; a damaged record is named."""

import json
import time

import pytest

from elman.flows import cli
from elman.tasks.runtime import run_record


@pytest.fixture
def three(home):
    """A training, a tagging that failed, and a training whose process was killed."""
    made = []
    for number, (kind, name) in enumerate([("train", "letters fast s0"), ("tag", "out"), ("train", "news")]):
        run = run_record.start(kind, name, {}, sent=True)
        run.save(started_ms=1_700_000_000_000 + number * 86_400_000)
        made.append(run)
    made[0].log_metrics({"dev_f1": 0.4, "test_f1": 0.5, "loss": 3.0}, 1)
    made[0].log_metrics({"test_f1": 0.75}, 2)
    made[0].save(status="FINISHED", ended_ms=made[0].info.started_ms + 12_300)
    made[1].save(status="FAILED", ended_ms=made[1].info.started_ms + 1000)
    made[2].save(pid=2**22 + 1)  # larger than any pid
    return made


def listed(capsys, *arguments: str) -> list[dict]:
    assert cli.main(["runs", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["runs"]


def test_runs_are_listed_newest_first_with_state_and_score(three, capsys):
    runs = listed(capsys)
    assert [run["name"] for run in runs] == ["news", "out", "letters fast s0"]
    assert [run["state"] for run in runs] == ["KILLED", "FAILED", "FINISHED"]
    assert (runs[2]["metric"], runs[2]["score"], runs[2]["seconds"]) == ("test_f1", 0.75, 12.3)
    assert runs[2]["started"] == "2023-11-14T22:13:20Z"
    assert "score" not in runs[0]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--kind", "train"], ["news", "letters fast s0"]),
        (["--state", "FAILED"], ["out"]),
        (["--state", "KILLED"], ["news"]),
        (["--name", "LETTERS"], ["letters fast s0"]),
        (["--since", "2023-11-16"], ["news"]),
        (["--since", "3d"], []),
        (["--count", "1"], ["news"]),
        (["--count", "0"], ["news", "out", "letters fast s0"]),
    ],
)
def test_filters(three, capsys, options, names):
    assert [run["name"] for run in listed(capsys, *options)] == names


def test_a_person_reads_a_table(three, capsys):
    assert cli.main(["runs", "--count", "2"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["started", "(UTC)", "kind", "state", "score", "name", "id"]
    assert "2 of 3" in out
    assert three[2].id in out


def test_a_date_that_is_none_is_a_usage_error(home, capsys):
    assert cli.main(["runs", "--since", "2023-13-77"]) == 2
    assert "expected --since of hours (12h), days (3d) or a date" in capsys.readouterr().err


def test_a_damaged_record_is_named_and_the_others_are_listed(three, capsys):
    (three[1].folder / "run.json").write_text("{")
    assert cli.main(["runs"]) == 0
    out = capsys.readouterr().out
    assert str(three[1].folder / "run.json") in out
    assert "letters fast s0" in out


def test_a_run_that_goes_on_is_running(home, capsys):
    run = run_record.start("train", "now", {}, sent=True)
    time.sleep(0.01)
    assert listed(capsys)[0]["state"] == "RUNNING"
    assert "seconds" not in listed(capsys)[0]
    run.save(status="FINISHED")


def test_control_characters_of_a_name_do_not_reach_the_terminal(home, capsys):
    run_record.start("tag", "\x1b[31mred", {}, sent=True)
    assert cli.main(["runs"]) == 0
    assert "\x1b" not in capsys.readouterr().out
