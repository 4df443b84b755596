"""`elman ladder`: all steps with all seeds, each a child run, and the gain of every step."""

import json
from pathlib import Path

import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.store.writer import DatasetWriter
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.ladder import LadderConfig, ladder
from elman.tasks.experiments.ablation import STEPS, markdown
from elman.tasks.runtime import mlflow_connection, run_record
from elman.tasks.runtime.orchestration import call

pytestmark = pytest.mark.heavy


def conll(first, count):
    return "".join(
        f"Name{number}son B-PER\nmet O\nMary B-PER\nin O\nTown{number % 40}burg B-LOC\n. O\n\n"
        for number in range(first, first + count)
    )


@pytest.fixture
def result(tracked_home, tmp_path):
    for split, first, count in (("train", 0, 200), ("dev", 900, 40), ("test", 950, 40)):
        (tmp_path / f"{split}.conll").write_text(conll(first, count))
    call(ingest, IngestConfig(sources=tuple(sorted(tmp_path.glob("*.conll"))), name="names"))
    return call(ladder, LadderConfig(corpus="names", seeds=2, epochs=2))


def test_every_step_is_in_the_report_the_plot_and_mlflow(result):
    report = result.to_json()
    assert [row["name"] for row in report["rungs"]] == list(STEPS)
    assert [row["seeds"] for row in report["rungs"]] == [1] + [2] * (len(STEPS) - 1)
    assert [step["to"] for step in report["steps"]] == list(STEPS[1:])
    for row in report["rungs"]:
        assert row["parameters"] > 0
        assert row["tokens_s"] > 0
    folder = Path(report["table"]).parent
    written = json.loads((folder / "ladder.json").read_text())
    assert written == {key: report[key] for key in ("rungs", "steps")}
    assert Path(report["table"]).read_text() == markdown(result.report)
    for name in ("ladder.png", "ladder_cost.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")

    client = mlflow_connection.connect().MlflowClient()
    parent = client.get_run(report["run_id"])
    runs = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{report['run_id']}'", max_results=100
    )
    expected = {(name, str(seed)) for name in STEPS[1:] for seed in (0, 1)} | {(STEPS[0], "0")}
    assert {(run.data.params["rung"], run.data.params["seed"]) for run in runs} == expected
    assert all({"test_f1", "training_s", "tokens_s"} <= set(run.data.metrics) for run in runs)
    assert run_record.unsent() == []


def test_trained_steps_are_cached_for_the_next_run(tracked_home, tmp_path, monkeypatch):
    for name in ("elman.tasks.experiments.ablation.STEPS", "elman.flows.ladder.STEPS"):
        monkeypatch.setattr(name, ("most frequent tag", "+ CRF"))
    (tmp_path / "train.conll").write_text(conll(0, 60))
    call(ingest, IngestConfig(sources=(tmp_path / "train.conll",), name="names"))
    config = LadderConfig(corpus="names", seeds=1, epochs=1)
    before = call(ladder, config).to_json()
    (cached,) = (tracked_home / "rungs").iterdir()
    trained = cached.read_bytes()
    after = call(ladder, config).to_json()
    assert after["rungs"][1] == before["rungs"][1]  # its seconds too, so it was not trained again
    assert after["steps"] == before["steps"]
    cached.write_bytes(trained.replace(b'"seconds": ', b'"seconds": 1'))
    again = call(ladder, config).to_json()
    assert again["rungs"][1]["dev"] == before["rungs"][1]["dev"]
    assert json.loads(cached.read_bytes())["done"]["row"]["seconds"] == again["rungs"][1]["seconds"]
    assert len(list((tracked_home / "rungs").iterdir())) == 1


def test_unlabelled_text_adds_a_step(tracked_home, tmp_path, monkeypatch):
    monkeypatch.setattr("elman.tasks.experiments.ablation.STEPS", ("+ CRF",))
    monkeypatch.setattr("elman.flows.ladder.STEPS", ("+ CRF",))
    (tmp_path / "train.conll").write_text(conll(0, 60))
    (tmp_path / "raw.txt").write_text("Mary met Otto in Wien. Otto met Mary in Bonn. " * 50)
    call(ingest, IngestConfig(sources=(tmp_path / "train.conll",), name="names"))
    call(ingest, IngestConfig(sources=(tmp_path / "raw.txt",), name="raw", as_="train"))
    report = call(ladder, LadderConfig(corpus="names", seeds=1, epochs=1, pretrain="raw")).to_json()
    assert [row["name"] for row in report["rungs"]] == ["+ CRF", "+ pre-training"]
    assert report["rungs"][0]["parameters"] < report["rungs"][1]["parameters"]


def test_a_corpus_of_dna_is_refused(home):
    with DatasetWriter(home / "corpora" / "genome", kind="corpus-dna", config={}) as writer:
        writer.commit([])
    with pytest.raises(BadInput, match="a corpus of text"):
        ladder.fn(LadderConfig(corpus="genome"))


@pytest.mark.parametrize("options", [{"seeds": 0}, {"seeds": 16}, {"epochs": 0}])
def test_numbers_out_of_bounds_are_refused(options):
    with pytest.raises(UsageError):
        LadderConfig(corpus="names", **options)
