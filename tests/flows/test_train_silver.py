"""`elman train --silver`: labels of another tagger are learnt from first, and compared with gold ones."""

import json
from pathlib import Path

import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.lineage.trace import TraceConfig, trace
from elman.flows.train import TrainConfig, train
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models import model_folder
from elman.tasks.runtime import run_record
from elman.tasks.runtime.mlflow_sync import TABLES

pytestmark = pytest.mark.heavy


@pytest.fixture
def corpora(tracked_home, names, invented_rows, tmp_path) -> tuple[str, str]:
    """The corpus of names, and JSON lines with scores: new sentences, and two of it, one of them wrong."""
    known = {row[2] for row in invented_rows(500, 1)}
    new = [(document, tagged) for document, _, tagged in invented_rows(150, 7) if tagged not in known]
    lines = [line_of(f"{document} {n}", tagged) for n, (document, tagged) in enumerate(new[:120])]
    lines[3]["spans"] = [{**span, "score": 0.25} for span in lines[3]["spans"]]
    gold = [row for row in invented_rows(500, 1) if row[1] == "train"]
    wrong, right = (line_of(f"gold{n}", gold[n][2]) for n in range(2))
    wrong["spans"] = []
    file = tmp_path / "silver.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in (*lines, wrong, right)))
    ingest.fn(IngestConfig(sources=(file,), name="silver"))
    return str(names), "silver"


def line_of(name: str, tagged: str) -> dict:
    words, spans = [], []
    for pair in tagged.split():
        word, tag = pair.rsplit("/", 1)
        start = sum(len(w) + 1 for w in words)
        if tag.startswith("B-"):
            spans.append({"start": start, "end": start + len(word), "label": tag[2:]})
        elif tag != "O":
            spans[-1]["end"] = start + len(word)
        words.append(word)
    return {"id": name, "text": " ".join(words), "spans": spans}


def test_the_model_names_its_silver_corpus_and_the_run_shows_where_labels_disagree(
    corpora, tracked_home, capsys
):
    gold, silver = corpora
    scores = Dataset.open(corpus_folder(silver)).scan("scores").collect()
    assert set(scores["score"]) == {0.25}
    trained = train.fn(TrainConfig(corpus=gold, preset="fast", epochs=3, silver=silver))
    told = capsys.readouterr().err
    assert "2 gold sentences labelled: precision 1.000" in told
    passport = model_folder.read(Path(trained.model)).of_text
    origin = dict(passport.silver)
    assert origin["name"] == "silver"
    assert origin["corpus"] == Dataset.open(corpus_folder(silver)).digest
    assert passport.notes["silver"] == {"trained on": 120, "in the gold corpus, whose labels count": 2}
    assert "Silver sentences: 120 trained on; 2 in the gold corpus, whose labels count." in told
    (run,) = [
        record
        for record in map(run_record.RunRecord, (tracked_home / "runs").iterdir())
        if record.info.kind == "train"
    ]
    found = json.loads((run.artifacts / "silver" / "agreement.json").read_bytes())
    assert found["sentences"] == 2
    table = json.loads((run.artifacts / "silver" / "disagreements.json").read_bytes())
    assert {row[table["columns"].index("outcome")] for row in table["data"]} == {"missed"}
    assert "silver/disagreements.json" in json.loads((run.artifacts / TABLES).read_bytes())
    found = trace(TraceConfig(id=Path(trained.model).name))
    assert "trained on silver labels of" in json.dumps(found.to_json())


def test_the_same_seed_gives_the_same_model_and_silver_labels_another_one(corpora, tmp_path, monkeypatch):
    gold, silver = corpora
    folder = str(corpus_folder(silver))
    first = train.fn(TrainConfig(corpus=gold, preset="fast", epochs=1, silver=folder, workers=1)).model
    alone = train.fn(TrainConfig(corpus=gold, preset="fast", epochs=1)).model
    monkeypatch.setenv("ELMAN_HOME", str(tmp_path / "other"))
    again = train.fn(TrainConfig(corpus=gold, preset="fast", epochs=1, silver=folder, workers=2)).model
    assert Path(first).name == Path(again).name
    assert Path(first).name != Path(alone).name


def test_only_taggers_of_text_take_silver_labels():
    with pytest.raises(UsageError, match="--silver for --task tag only"):
        TrainConfig(corpus="names", silver="silver", task="classify")


def test_a_silver_corpus_that_is_the_gold_one_is_refused(home, names):
    with pytest.raises(BadInput, match="silver sentences to train on"):
        train.fn(TrainConfig(corpus=str(names), preset="fast", epochs=1, silver=str(names)))
