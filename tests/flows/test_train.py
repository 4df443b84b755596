"""`elman train` and `elman evaluate`: a model that every command finds, and a run that MLflow shows."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import elman
from elman.data.errors import BadInput, UsageError
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.data.text.tokenizer import Tokenizer
from elman.flows.evaluate import EvaluateConfig, evaluate
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.train import TrainConfig, train
from elman.tasks.models import gene_presets
from elman.tasks.models.presets import preset
from elman.tasks.runtime import mlflow_connection, registry, run_record

pytestmark = pytest.mark.heavy

PEOPLE, PLACES = ("Anna", "Bo", "Carl", "Dora", "Eva", "Fritz"), ("Rome", "Wien", "Oslo", "Bonn")


@pytest.fixture
def corpus(tracked_home) -> str:
    rows = []
    for number in range(60):
        tokens = [PEOPLE[number % 6], "met", PEOPLE[number % 5], "in", PLACES[number % 4], "."]
        tags = ["B-PER", "O", "B-PER", "O", "B-LOC", "O"]
        starts = [sum(len(t) + 1 for t in tokens[:i]) for i in range(6)]
        ends = [a + len(t) for a, t in zip(starts, tokens, strict=True)]
        split = ("train", "train", "train", "dev", "test")[number % 5]
        row = (f"d{number}", 0, split, " ".join(tokens), 0, starts, ends, tags, f"{split}.conll", 0)
        rows.append(row)
    frame = pl.DataFrame(rows, schema=schema.TEXT, orient="row")
    with DatasetWriter(tracked_home / "corpora" / "meetings", kind="corpus-text", config={}) as writer:
        writer.commit(
            [writer.stage("a", "a", {"data": frame}, counts={"dev_sentences": 12, "test_sentences": 12})],
            meta={"unit": "word", "tokenizer": Tokenizer().to_json()},
        )
    return "meetings"


def test_a_run_gives_a_model_scores_and_files(corpus, tracked_home):
    summary = train.fn(TrainConfig(corpus=corpus, epochs=10, register="people", seed=3)).to_json()
    folder = Path(summary["model"])
    assert folder.parent == tracked_home / "models"
    assert folder.name.startswith("meetings-default-s3-")
    assert summary["test"]["f1"] > 0.9
    assert summary["seconds"] > 0
    json.dumps(summary)
    (run,) = (tracked_home / "runs").iterdir()
    info = run_record.RunRecord(run).info
    assert (info.status, info.sent, info.mlflow_run_id) == (
        "FINISHED",
        True,
        summary["run_id"],
    )
    names = {path.name for path in (run / "artifacts").iterdir()}
    files = {"vocabulary.json", "scores.json", "scores.md", "history.json", "learning_curve.png"}
    files |= {"tables.json"}
    assert names == files | {"evaluation_dev", "evaluation_test"}
    assert "(evaluation_test/report.html)" in (run / "artifacts" / "scores.md").read_text()
    assert (run / "artifacts" / "evaluation_test" / "report.html").read_text().count("<img") == 4
    client = mlflow_connection.connect().MlflowClient()
    shown = client.get_run(summary["run_id"]).data
    assert shown.metrics["test_f1"] == summary["test"]["f1"]
    assert shown.params["network.member.hidden"] == str(preset("default").network["hidden"])
    assert "| test: PER | " in shown.tags["mlflow.note.content"]
    version = client.get_model_version("people", "1")
    assert folder.name in version.description
    logged = client.get_logged_model(version.source.rpartition("/")[2])
    by_name = {metric.key: metric for metric in logged.metrics}
    assert by_name["test_f1"].value == summary["test"]["f1"]
    assert by_name["test_f1/PER"].value == summary["test"]["per_type"]["PER"]["f1"]
    used = {used.split: used for used in info.datasets}
    assert by_name["test_f1"].dataset_name == "meetings test"
    assert by_name["test_f1"].dataset_digest == used["test"].digest[:36]
    tables = json.loads(shown.tags["mlflow.loggedArtifacts"])
    assert {"path": "evaluation_test/mistakes.json", "type": "table"} in tables
    assert client.get_registered_model("people").description == version.description
    assert "## Limits" in version.description
    signature = mlflow_connection.connect().models.get_model_info(version.source).signature
    assert "probability" in str(signature.outputs)
    for name in (
        str(folder),
        folder.name,
        summary["run_id"],
        run.name,
        "models:/people@champion",
        "models:/people/1",
    ):
        evaluated = evaluate.fn(EvaluateConfig(model=name, corpus=corpus))
        assert evaluated.model == folder.name
        assert evaluated.scores.f1 == summary["test"]["f1"]


def test_the_mlflow_model_loads_without_pickle_beside_packages_of_the_same_names(
    corpus, tracked_home, tmp_path
):
    summary = train.fn(TrainConfig(corpus=corpus, epochs=3, register="people")).to_json()
    text = "Anna met Bo in Rome ."
    for name in ("data", "tasks", "rnn", "flows"):  # packages of the service that loads the model
        (tmp_path / "service" / name).mkdir(parents=True)
        (tmp_path / "service" / name / "__init__.py").write_text("OWN = True\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'service')!r})\n"
        "import data, json, mlflow\n"
        f"mlflow.set_tracking_uri({mlflow_connection.tracking_uri()!r})\n"
        "model = mlflow.pyfunc.load_model('models:/people@champion')\n"
        f"found = model.predict([{text!r}])\n"
        "import flows, rnn, tasks\n"
        "assert data.OWN and flows.OWN and rnn.OWN and tasks.OWN\n"
        "print(json.dumps(found))\n"
    )
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"]}
    env["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    command = [sys.executable, "-I", "-c", code]  # -I: neither the checkout nor this folder is on the path
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    (found,) = json.loads(done.stdout)
    here = [entity._asdict() for entity in elman.load(summary["model"]).tag(text)]
    assert "Rome" in [entity["text"] for entity in found]
    for one, other in zip(found, here, strict=True):
        assert one.pop("probability") == pytest.approx(other.pop("probability"), abs=1e-5)
    assert found == here
    assert not list((tracked_home / "mlflow").rglob("*.pkl"))


def test_a_gene_finder_s_run_has_scores_and_files_too(tracked_home, checkout, monkeypatch):
    monkeypatch.setitem(
        gene_presets.PRESETS, "fast", replace(gene_presets.PRESETS["fast"], hidden=16, least=0.5, most=0.5)
    )
    genome = tuple(checkout / "tests" / "fixtures" / f"ecoli_100kb.{kind}.gz" for kind in ("fna", "gff3"))
    for split in ("train", "test"):
        ingest.fn(IngestConfig(sources=genome, name="ecoli", as_=split))
    summary = train.fn(TrainConfig(corpus="ecoli", preset="fast", register="genes")).to_json()
    assert summary["seconds"] > 0
    run = mlflow_connection.connect().MlflowClient().get_run(summary["run_id"])
    assert run.data.metrics["test_mcc"] == summary["test"]["mcc"]
    assert 0 < run.data.metrics["train_bases_per_s"] < 1e9
    assert run.data.params["network.hidden"] == "16"
    assert "| test: CDS - | " in run.data.tags["mlflow.note.content"]
    names = {path.name for path in tracked_home.glob("runs/*-train-*/artifacts/*")}
    files = {"vocabulary.json", "scores.json", "scores.md", "history.json", "learning_curve.png"}
    files |= {"tables.json"}
    assert names == files | {"contigs_test.md", "genome_test.png", "evaluation_test"}
    evaluate.fn(EvaluateConfig(model=summary["model"], corpus="ecoli"))
    names = {path.name for path in tracked_home.glob("runs/*-evaluate-*/artifacts/*")}
    files = {"scores.json", "scores.md", "tables.json"}
    assert names == files | {"contigs_test.md", "genome_test.png", "evaluation_test"}


def test_without_a_tracking_server_training_finishes(corpus, tracked_home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    summary = train.fn(TrainConfig(corpus=corpus, epochs=1)).to_json()
    assert Path(summary["model"]).is_dir()
    scores = evaluate.fn(EvaluateConfig(model=summary["run_id"], corpus=corpus)).to_json()
    assert scores["model"] == Path(summary["model"]).name
    assert run_record.unsent()


def test_the_comparison_is_part_of_the_run(corpus, tracked_home, monkeypatch):
    monkeypatch.setattr("elman.tasks.experiments.baselines.RATES", (0.002,))
    summary = train.fn(TrainConfig(corpus=corpus, preset="article", epochs=1, compare=True)).to_json()
    assert summary["compare"]["networks"][0]["name"] == "model (article)"
    assert len(list(tracked_home.glob("runs/*/artifacts/comparison.*"))) == 3


def test_a_yes_no_training_is_judged_on_its_type(corpus, tracked_home):
    summary = train.fn(TrainConfig(corpus=corpus, epochs=3, binary="LOC")).to_json()
    assert list(summary["test"]["per_type"]) == ["LOC"]


def test_text_without_labels_is_learnt_from_first_and_named_in_the_run(corpus, tracked_home, monkeypatch):
    monkeypatch.setattr("elman.tasks.models.presets.PRETRAINING_TOKENS", 1000)
    folder = tracked_home / "corpora" / "letters"
    frame = pl.read_parquet(Dataset.open(tracked_home / "corpora" / corpus).files("data")[0])
    with DatasetWriter(folder, kind="corpus-text", config={}) as writer:
        unlabelled = frame.with_columns(tags=pl.lit(None, frame.schema["tags"]))
        writer.commit([writer.stage("a", "a", {"data": unlabelled})], meta={"unit": "word", "tokenizer": {}})
    summary = train.fn(TrainConfig(corpus=corpus, epochs=1, pretrain="letters")).to_json()
    passport = json.loads((Path(summary["model"]) / "passport.json").read_bytes())
    assert passport["pretrained"] == [
        {"corpus": Dataset.open(folder).digest, "name": "letters", "sources": []}
    ]
    (run,) = (tracked_home / "runs").iterdir()
    info = run_record.RunRecord(run).info
    used = [dataset.context for dataset in info.datasets if not dataset.split]
    assert used == ["training", "pre-training"]
    assert info.params["pretrain"] == "letters"


@pytest.mark.parametrize(
    "options",
    [{"preset": "fancy"}, {"epochs": 0}, {"binary": "ORG"}, {"seed": -1}, {"register": "../x"}]
    + [{"class_weights": (entry,)} for entry in ("PER", "PER=0", "PER=x", "=2", "ORG=2", "PER=nan")],
)
def test_what_cannot_be_trained_is_a_usage_error_and_registers_nothing(corpus, tracked_home, options):
    with pytest.raises(UsageError):
        train.fn(TrainConfig(corpus=corpus, **options)).to_json()
    assert not (tracked_home / "models").exists()


def test_an_option_of_text_for_a_corpus_of_dna_is_named():
    config = TrainConfig(corpus="genomes", epochs=1, class_weights=("PER=2",))
    with pytest.raises(UsageError, match=r"Got --epochs, --class-weights\. DNA takes --preset"):
        config.check_kind(of_dna=True)
    TrainConfig(corpus="genomes", preset="fast", seed=3).check_kind(of_dna=True)


def test_a_failed_training_says_step_layer_and_norm_and_registers_no_version(corpus, tracked_home):
    with pytest.raises(BadInput, match=r"Got step \d+, [\w./]+: the .* is (nan|-?inf)"):
        train.fn(TrainConfig(corpus=corpus, epochs=3, learning_rate=1e30, register="people")).to_json()
    assert registry.versions("people") == []
    assert not (tracked_home / "models").exists()
    (run,) = (tracked_home / "runs").iterdir()
    assert run_record.RunRecord(run).info.status == "FAILED"


def test_a_corpus_that_is_nowhere_is_bad_input(tracked_home):
    with pytest.raises(BadInput, match="nowhere"):
        train.fn(TrainConfig(corpus="nowhere")).to_json()


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("O", "The test split has labelled sentences, but no entity"),
        ("B-DOG", "The model knows LOC, PER; entities of other types count as missed: DOG."),
    ],
)
def test_scores_that_say_nothing_are_named(trained, tracked_home, write_corpus, capsys, tag, said):
    corpus = write_corpus(tracked_home / "corpora" / "odd", [("a", "test", f"Rex/{tag} barked/O")])
    found = evaluate.fn(EvaluateConfig(model=trained["model"], corpus=str(corpus))).scores
    assert found.f1 == 0
    assert said in capsys.readouterr().err
