"""`elman suggest`: tasks that annotation tools take and `ingest` reads back once corrected."""

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from elman.data.store.dataset import Dataset
from elman.flows import cli
from elman.flows.ingest import IngestConfig, ingest
from elman.tasks.models import gene_presets, model_folder
from elman.tasks.models.passport import CorpusOrigin, GenePassport
from tests.small_models import frame_of

pytestmark = pytest.mark.heavy
COUNT = 8


@pytest.fixture(scope="module")
def unsure(tmp_path_factory, write_corpus, train_in, invented_rows) -> str:
    """A model that has seen little."""
    place = tmp_path_factory.mktemp("unsure")
    corpus = write_corpus(place / "few", invented_rows(60, 1))
    return str(train_in(place, corpus, overrides={"epochs": 1})["model"])


class Pool(NamedTuple):
    """Files of documents without labels.

    Attributes:
        files: two.
        gold: spans of each text.
    """

    files: list[Path]
    gold: dict[str, list[tuple[int, int, str]]]


@pytest.fixture
def pool(tmp_path, invented_rows) -> Pool:
    files, gold = [], {}
    for number in range(2):
        rows = [
            (f"{number}-{n}", "train", line) for n, (_, _, line) in enumerate(invented_rows(30, 50 + number))
        ]
        frame = frame_of(rows)
        for row in frame.rows(named=True):
            gold[row["text"]] = spans_of(row)
        files.append(tmp_path / f"pool{number}.jsonl")
        records = ({"id": row["document"], "text": row["text"]} for row in frame.rows(named=True))
        files[-1].write_text("".join(json.dumps(record) + "\n" for record in records))
    return Pool(files, gold)


def spans_of(row: dict) -> list[tuple[int, int, str]]:
    """Start, end and type of the entities of a sentence of a corpus, in its document."""
    found: list[tuple[int, int, str]] = []
    for start, end, tag in zip(row["token_start"], row["token_end"], row["tags"], strict=True):
        if tag.startswith("I-"):
            found[-1] = (found[-1][0], end, tag[2:])
        elif tag != "O":
            found.append((start, end, tag[2:]))
    return found


def suggested(capsys, model: str, files: list[Path], out: Path, *options: str) -> dict:
    arguments = [model, *map(str, files), "--out", str(out), "--workers", "0", "--json", *options]
    assert cli.main(["suggest", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def corrected(tasks: Path, format_: str, pool: Pool) -> Path:
    """What the tool exports once somebody has corrected its tasks: ids are its own numbers."""
    path = tasks.with_name(f"corrected{tasks.suffix}")
    if format_ == "doccano":
        lines = map(json.loads, tasks.read_text().splitlines())
        done = [
            {**line, "id": n, "label": pool.gold[line["text"]], "Comments": []}
            for n, line in enumerate(lines)
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in done))
        return path
    tasks_ = json.loads(tasks.read_text())
    for number, task in enumerate(tasks_, 1):
        results = [
            {"type": "labels", "from_name": "label", "to_name": "text",
             "value": {"start": start, "end": end, "labels": [kind]}}
            for start, end, kind in pool.gold[task["data"]["text"]]
        ]  # fmt: skip
        task |= {"id": number, "annotations": [{"was_cancelled": False, "result": results}]}
    path.write_text(json.dumps(tasks_))
    return path


@pytest.mark.parametrize("format_", ["doccano", "label-studio"])
def test_corrected_tasks_are_a_corpus(tracked_home, unsure, pool, tmp_path, capsys, format_):
    out = tmp_path / "next"
    found = suggested(capsys, unsure, pool.files, out, "--count", str(COUNT), "--format", format_)
    assert (found["documents"], found["of"], found["sources"]) == (COUNT, len(pool.gold), 2)
    as_ = {"name": "found"}, {"name": "corrected"}
    paths = Path(found["tasks"]), corrected(Path(found["tasks"]), format_, pool)
    for path, name in zip(paths, as_, strict=True):
        ingest.fn(IngestConfig(sources=(path,), as_="train", **name))
    pre, done = (Dataset.open(tracked_home / "corpora" / name["name"]).scan().collect() for name in as_)
    assert {row["text"]: spans_of(row) for row in done.rows(named=True)} == {
        text: pool.gold[text] for text in done["text"]
    }
    table = Dataset.open(out).scan().collect()
    assert pre["document"].to_list() == table["document"].to_list()  # the tasks are ordered, the best first
    assert sum(len(spans_of(row)) for row in pre.rows(named=True)) == table["pre_annotations"].sum()


def test_the_table_says_why(tracked_home, unsure, pool, tmp_path, capsys):
    out = tmp_path / "next"
    options = ("--count", str(COUNT), "--per-string", "1")
    found = suggested(capsys, unsure, pool.files, out, *options)
    table = Dataset.open(out).scan().collect()
    assert table["expected_errors"].sum() == pytest.approx(found["expected_errors"], abs=1e-3)
    assert Counter(table["doubtful"].explode()).most_common(1)[0][1] == 1
    texts = {
        row["document"]: row["text"].lower()
        for row in Dataset.open(out / "tagged").scan("texts").collect().rows(named=True)
    }
    for document, doubtful in table.select("document", "doubtful").rows():
        assert all(string in texts[document] for string in doubtful)


def test_the_same_command_again_gives_the_same_bytes(tracked_home, unsure, pool, tmp_path, capsys):
    first = suggested(capsys, unsure, pool.files, tmp_path / "next", "--count", "5")
    again = suggested(capsys, unsure, pool.files, tmp_path / "again", "--count", "5")
    assert (tmp_path / "next" / "tasks.doccano.jsonl").read_bytes() == Path(again["tasks"]).read_bytes()
    assert suggested(capsys, unsure, pool.files, tmp_path / "next", "--count", "5") == first


def test_another_count_chooses_again_from_the_same_tagging(tracked_home, unsure, pool, tmp_path, capsys):
    out = tmp_path / "next"
    assert suggested(capsys, unsure, pool.files, out, "--count", "5")["documents"] == 5
    capsys.readouterr()
    before = (out / "tagged" / "manifest.json").read_bytes()
    assert suggested(capsys, unsure, pool.files, out, "--count", "3")["documents"] == 3
    assert (out / "tagged" / "manifest.json").read_bytes() == before
    assert len((out / "tasks.doccano.jsonl").read_text().splitlines()) == 3


def test_a_model_of_dna_is_a_usage_error(home, tmp_path, capsys):
    origin = CorpusOrigin(name="ecoli", digest="d", sources=[])
    config = gene_presets.DnaConfig().to_json()
    passport = GenePassport(corpus=origin, preset="default", seed=0, config=config)
    model = model_folder.write(passport, {model_folder.WEIGHTS: b"not looked at"})
    assert cli.main(["suggest", str(model), str(tmp_path), "--out", str(tmp_path / "next")]) == 2
    assert "expected a model of text" in capsys.readouterr().err
