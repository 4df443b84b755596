"""`elman train --task classify`, `elman evaluate` and `elman tag`: classes of documents and of DNA."""

import json
import random

import numpy as np
import polars as pl
import pytest

import elman
from elman.data.errors import BadInput, UsageError
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.data.store.writer import Staging
from elman.flows.evaluate import EvaluateConfig, evaluate
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.learning.generate import GenerateConfig, generate
from elman.flows.tag import TagConfig, tag
from elman.flows.train import TrainConfig, train
from elman.tasks.classification.gate import why_hold
from elman.tasks.models import model_folder

pytestmark = pytest.mark.heavy
WORDS = {
    "sports": "goal match team ball score league coach player",
    "money": "share bank profit price market stock fund trade",
}


def texts(count, seed=0):
    """Texts with some words of their class among words of no class."""
    rng, made = random.Random(seed), []
    for number in range(count):
        label = rng.choice(list(WORDS))
        words = [rng.choice(WORDS[label].split() if rng.random() < 0.3 else ["the", "of"]) for _ in range(12)]
        made.append({"id": f"d{number}", "text": " ".join(words) + ".", "label": label})
    return made


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def fitted(name, source, **options):
    ingest.fn(IngestConfig(sources=(source,), name=name, **options))
    return train.fn(TrainConfig(corpus=name, task="classify", preset="fast", epochs=3))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One home for all tests: nothing that one leaves is met by another."""
    path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(path))
        for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
            patch.delenv(name, raising=False)
        yield path


@pytest.fixture(scope="module")
def made_once(home, tmp_path_factory):
    """A classifier of news."""
    return fitted("news", write(tmp_path_factory.mktemp("news") / "news.jsonl", texts(200)))


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_documents_from_ingest_to_rows(home, tmp_path, made_once, monkeypatch):
    scores = made_once.to_json()["test"]
    assert scores["accuracy"] > 0.9
    assert set(scores["per_class"]) == set(WORDS)
    assert sum(map(sum, scores["confusion"]["counts"])) == scores["documents"]
    run = next(
        path for path in (home / "runs").iterdir() if (path / "artifacts" / "classes_dev.md").is_file()
    )
    assert {
        "confusion_test.png",
        "confusion_test.csv",
        "classes_dev.md",
        "scores.json",
        "learning_curve.png",
    } <= {path.name for path in (run / "artifacts").iterdir()}
    again = evaluate.fn(EvaluateConfig(model=made_once.model, corpus="news")).to_json()
    assert again["macro_f1"] == scores["macro_f1"]

    source = tmp_path / "in"
    source.mkdir()
    new = texts(60, seed=1)
    write(source / "new.jsonl", [*new, {"id": "d0", "text": "the bank of profit"}, {"id": "e", "text": " "}])
    (source / "long.txt").write_text("The team of the match. " * 400)
    how = {"model": made_once.model, "sources": (source,), "format": "csv,jsonl", "workers": 0}
    tagged = tag.fn(TagConfig(out=tmp_path / "out", **how))
    assert (tagged.counts.records, tagged.counts.quarantined, tagged.counts.rows) == (63, 1, 62)
    rows = Dataset.open(tmp_path / "out").scan().collect()
    assert rows.schema == schema.CLASSIFIED
    found = dict(rows.select("document", "label").rows())
    model = elman.load(made_once.model)
    assert [model.tag(one["text"]).label for one in new[1:]] == [found[one["id"]] for one in new[1:]]
    assert found["long.txt"] == "sports"
    assert found["d0~61"] == "money"
    assert np.mean([found[line["id"]] == line["label"] for line in new]) > 0.9
    lines = [json.loads(line) for line in (tmp_path / "out" / "tags.jsonl").read_text().splitlines()]
    assert {line["id"]: line["label"] for line in lines} == found
    assert lines[-1].keys() == {"id", "source", "text", "label", "probability"}

    stage, staged = Staging.stage, []

    def stop(self, id, *arguments, **named):
        if staged:
            raise KeyboardInterrupt
        staged.append(id)
        return stage(self, id, *arguments, **named)

    with monkeypatch.context() as context:
        context.setattr(Staging, "stage", stop)
        with pytest.raises(KeyboardInterrupt):
            tag.fn(TagConfig(out=tmp_path / "again", **how))
    resumed = tag.fn(TagConfig(out=tmp_path / "again", **how))
    assert resumed.reused == 1
    assert files(tmp_path / "again") == files(tmp_path / "out")


def test_batches_that_would_harm_a_classifier_are_held_apart(home, tmp_path, made_once):
    good = texts(60, seed=7)
    shuffled = random.Random(0).sample([line["label"] for line in good], len(good))
    words = {word: f"{word[::-1]}q" for line in good for word in line["text"].rstrip(".").split()}
    foreign = [" ".join(words[word] for word in line["text"].rstrip(".").split()) for line in good]

    def held(name, lines):
        write(tmp_path / f"{name}.jsonl", lines)
        ingest.fn(IngestConfig(sources=(tmp_path / f"{name}.jsonl",), name=f"batch-{name}"))
        batch = Dataset.open(home / "corpora" / f"batch-{name}")
        return why_hold(home / "models" / made_once.model, batch, Dataset.open(home / "corpora" / "news"))

    assert held("good", good) == ""
    assert held("sports", [line for line in good if line["label"] == "sports"]) == ""  # of one class
    assert held("few", [{**line, "label": "other"} for line in good[:5]]) == ""
    reason = held(
        "other", [{**line, "label": line["label"] if n % 5 else "art"} for n, line in enumerate(good)]
    )
    assert reason == (
        "another set of classes: 12 of 60 documents have classes that the corpus lacks (art); "
        "it has money, sports"
    )
    reason = held("foreign", [{**line, "text": text} for line, text in zip(good, foreign, strict=True)])
    assert reason.startswith(
        "another language or subject: 100 % of its words are unknown to the champion, of its"
    )
    reason = held("shuffled", [{**line, "label": label} for line, label in zip(good, shuffled, strict=True)])
    assert reason.startswith("labels that contradict the champion: it gives ")


def test_a_corpus_whose_document_goes_on_in_another_shard(home, tmp_path, made_once, monkeypatch):
    from elman.data.corpus import shards

    monkeypatch.setattr("elman.tasks.ingest.staging.SHARD_BYTES", 2000)
    monkeypatch.setattr(shards, "CHARACTERS_OF_ROW", 1)
    (tmp_path / "long.txt").write_text("The team of the match. " * 400)
    ingest.fn(IngestConfig(sources=(tmp_path / "long.txt",), name="long", as_="test"))
    corpus = home / "corpora" / "long"
    assert len(Dataset.open(corpus).shards) > 2
    tag.fn(TagConfig(model=made_once.model, sources=(corpus,), out=tmp_path / "out", workers=0))
    assert Dataset.open(tmp_path / "out").scan().collect()["document"].to_list() == ["long.txt"]


def test_rows_below_a_probability_are_left_out_and_columns_are_kept(home, tmp_path, made_once):
    table = tmp_path / "t.csv"
    pl.DataFrame({"body": [line["text"] for line in texts(20)], "by": ["x"] * 20}).write_csv(table)
    config = TagConfig(
        model=made_once.model, sources=(table,), out=tmp_path / "out", text_column="body", keep="by",
        min_probability=0.9999999, workers=0,
    )  # fmt: skip
    tagged = tag.fn(config)
    rows = Dataset.open(tmp_path / "out").scan().collect()
    assert rows.columns == [*schema.CLASSIFIED, "by"]
    assert tagged.counts.rows == rows.height < 20
    with pytest.raises(UsageError, match="Got label"):
        tag.fn(
            TagConfig(
                model=made_once.model, sources=(table,), out=tmp_path / "o", text_column="body", keep="label"
            )
        )


def test_what_does_not_fit_is_refused(home, tmp_path, made_once):
    page = tmp_path / "page.txt"
    page.write_text("The goal.")
    base = {"model": made_once.model, "sources": (page,), "out": tmp_path / "no"}
    for options, message in (
        ({"tokens": True}, "--tokens for a tagger only"),
        ({"redact": "mask"}, "--redact for a tagger only"),
        ({"format": "conll"}, "--format of parquet, csv, jsonl for a model of classes"),
    ):
        with pytest.raises(UsageError, match=message):
            tag.fn(TagConfig(**base, **options))
    with pytest.raises(BadInput, match="a model that generates"):
        generate.fn(GenerateConfig(model=made_once.model, out=tmp_path / "no"))
    (tmp_path / "plain.jsonl").write_text('{"text": "No label."}\n')
    ingest.fn(IngestConfig(sources=(tmp_path / "plain.jsonl",), name="plain"))
    with pytest.raises(BadInput, match="a corpus whose documents have labels"):
        train.fn(TrainConfig(corpus="plain", task="classify", preset="fast"))
    write(tmp_path / "one.jsonl", [{**line, "label": "x"} for line in texts(10)])
    with pytest.raises(BadInput, match=r"two labels or more.*those of x alone"):
        fitted("one", tmp_path / "one.jsonl")


def test_genomes_by_folder(home, tmp_path):
    rng = np.random.default_rng(0)
    for genus, share in (("Low", 0.3), ("High", 0.7)):
        p = [(1 - share) / 2, share / 2, share / 2, (1 - share) / 2]
        (tmp_path / "g" / genus).mkdir(parents=True)
        for number in range(2):
            bases = "".join(rng.choice(list("ACGT"), 60_000, p=p))
            (tmp_path / "g" / genus / f"{number}.fna").write_text(f">{genus}{number}\n{bases}\n")
    trained = fitted("genomes", tmp_path / "g", label_from="folder")
    model = model_folder.read(home / "models" / trained.model)
    assert (model.kind, model.family) == ("classifier", "dna")
    new = "".join(rng.choice(list("ACGT"), 7000, p=[0.15, 0.35, 0.35, 0.15]))
    (tmp_path / "new.fna").write_text(f">a\n{new}\n>short\nACG\n")
    tag.fn(
        TagConfig(
            model=trained.model,
            sources=(tmp_path / "new.fna",),
            out=tmp_path / "out",
            format="csv",
            workers=0,
        )
    )
    rows = Dataset.open(tmp_path / "out").scan().collect()
    assert rows["document"].to_list() == ["a", "short"]
    assert rows["label"][0] == "High"
    page = tmp_path / "page.txt"
    page.write_text("The goal of the team in the match was late.")
    with pytest.raises(BadInput, match="DNA, as the model"):
        tag.fn(TagConfig(model=trained.model, sources=(page,), out=tmp_path / "o"))
