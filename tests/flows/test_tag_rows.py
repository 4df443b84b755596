"""Rows of `elman tag`, which do not depend on batches, order or workers, and the summary of a run."""

import json
from pathlib import Path

import polars as pl
import pytest

from elman.data.errors import UsageError
from elman.data.store.dataset import Dataset
from elman.data.store.disk import sha256_file
from elman.flows.tag import TagConfig, tag
from elman.rnn.inference import decode
from elman.tasks.models.model_folder import PASSPORT
from elman.tasks.runtime import mlflow_connection, mlflow_sync


@pytest.fixture(scope="session")
def model(trained) -> Path:
    return Path(trained["model"])


@pytest.fixture
def run(tracked_home, model, tmp_path):
    def run(source: Path, out: str, asked: str = "", **options):
        options.setdefault("workers", 0)
        return tag(
            TagConfig(model=asked or str(model), sources=(source,), out=tmp_path / out, **options)
        ).to_json()

    return run


def lines(count: int) -> list[str]:
    texts = [
        f"Badeson met Goru{'bcdfg'[n % 5]}son in Tina{'klmnp'[n % 4]}burg . Xyzzy{n} slept ." * (1 + n % 9)
        for n in range(count)
    ]
    return [json.dumps({"id": f"d{n}", "text": text}) for n, text in enumerate(texts)]


def found(folder: Path) -> pl.DataFrame:
    return Dataset.open(folder).scan().collect().sort("document", "start")


def assert_same(one: Path, other: Path) -> None:
    a, b = found(one), found(other)
    assert a.height > 100
    assert a.drop("probability").equals(b.drop("probability"))
    assert (a["probability"] - b["probability"]).abs().max() <= 1e-5


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_rows_do_not_depend_on_the_batch(run, tmp_path, monkeypatch, batch):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines(60)) + "\n")
    run(path, "usual")
    usual = decode.by_length
    monkeypatch.setattr(decode, "by_length", lambda lengths, most: usual(lengths, min(most, batch)))
    run(path, "other")
    assert_same(tmp_path / "usual", tmp_path / "other")


def test_rows_do_not_depend_on_the_order_of_the_input(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines(400)) + "\n")
    run(path, "one", shard_size="8k")
    path.write_text("\n".join(reversed(lines(400))) + "\n")
    run(path, "shuffled", shard_size="8k")
    assert_same(tmp_path / "one", tmp_path / "shuffled")


def test_bytes_do_not_depend_on_whether_answers_are_reused(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([*lines(90), *lines(7)]) + "\n")
    run(path, "reused", tokens=True)
    run(path, "not", tokens=True, no_reuse=True)
    assert Dataset.open(tmp_path / "reused").digest == Dataset.open(tmp_path / "not").digest


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_number_of_workers(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines(400)) + "\n")
    run(path, "one", shard_size="8k")
    for workers in (1, 2, 4):
        run(path, f"out{workers}", workers=workers, memory="4GiB", shard_size="8k")
        assert Dataset.open(tmp_path / f"out{workers}").digest == Dataset.open(tmp_path / "one").digest


def test_a_run_is_shown_in_mlflow_beside_the_registered_version_with_its_summary(run, tmp_path, model):
    from mlflow import MlflowClient

    with mlflow_sync.record_run("train", "names", {}) as recorder:
        tags = {"elman.model": model.name, "elman.passport": sha256_file(model / PASSPORT)}
        recorder.run.log_model(model, register="names", tags=tags)
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines(20)) + "\n")
    summary = run(path, "out", asked="models:/names/1")
    client = MlflowClient(mlflow_connection.tracking_uri())
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    (one,) = [r for r in client.search_runs(experiments) if r.data.tags.get("elman.manifest")]
    shown = client.get_run(one.info.run_id)
    assert shown.data.tags["elman.registered"] == "models:/names/1"
    assert shown.data.tags["elman.manifest"] == summary["digest"]
    assert [model_input.model_id for model_input in shown.inputs.model_inputs]
    assert shown.data.metrics["quarantined"] == 0
    assert 0 < shown.data.metrics["unknown_share"] < 1
    assert [artifact.path for artifact in client.list_artifacts(shown.info.run_id)] == ["summary.json"]


def test_the_summary_counts_words_the_vocabulary_does_not_have(run, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("Quux met Grault . Garply met Quux .\n")
    run(path, "out")
    counted = Dataset.open(tmp_path / "out").manifest["meta"]["summary"]
    assert counted["tokens"] == 8
    assert counted["unknown"] == 4


def test_a_line_is_a_sentence_where_the_user_says_so(run, tmp_path):
    text = "Badeson met Gorubson. Mr. Lee slept.\nBadeson\n" * 200
    source = tmp_path / "a.txt"
    source.write_text(text)
    summary = run(source, "lines", sentence_per_line=True, shard_size="1KiB")
    assert (summary["sentences"], summary["quarantined"]) == (400, 0)
    assert summary["shards"] > 2
    rows = found(tmp_path / "lines")
    assert all(text[row["start"] : row["end"]] == row["text"] for row in rows.iter_rows(named=True))
    with pytest.raises(UsageError, match="sentence_per_line True"):
        run(source, "lines")
