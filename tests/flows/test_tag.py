"""`elman tag`: every record comes out tagged or in quarantine, once, whatever is killed or in what order."""

import gzip
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.store.dataset import Dataset
from elman.flows.tag import TagConfig, tag
from elman.tasks.models.text_tagger import Tagger
from tests import patience

CHAIN = 10  # kills of one output, at most


def sentence(number: int) -> str:
    return f"Badeson met Goru{'bcdfg'[number % 5]}son in Tina{'klmnp'[number % 5]}burg ."


def documents(count: int, sentences: int) -> list[dict[str, str]]:
    return [
        {"id": f"d{i}", "text": " ".join(sentence(i * sentences + j) for j in range(sentences))}
        for i in range(count)
    ]


def write_jsonl(path: Path, values: list) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


@pytest.fixture(scope="session")
def model(trained) -> Path:
    return Path(trained["model"])


@pytest.fixture
def run(tracked_home, model, tmp_path):
    def run(*sources: Path, out: str = "out", **options):
        options.setdefault("workers", 0)
        return tag.fn(TagConfig(model=str(model), sources=sources, out=tmp_path / out, **options)).to_json()

    return run


def rows(folder: Path) -> list[tuple]:
    frame = Dataset.open(folder).scan().drop("probability").collect()
    return sorted(frame.rows())


def test_entities_have_offsets_into_the_document_and_name_their_model(run, tmp_path, model):
    values = documents(7, 3)
    summary = run(write_jsonl(tmp_path / "a.jsonl", values))
    frame = Dataset.open(tmp_path / "out").scan().collect()
    texts = {value["id"]: value["text"] for value in values}
    assert [texts[d][a:b] for d, a, b in frame.select("document", "start", "end").rows()] == frame[
        "text"
    ].to_list()
    assert frame["model"].unique().to_list() == [Tagger.load(model).version]
    assert frame["probability"].is_between(0, 1).all()
    assert frame.height > 0.8 * 3 * 21
    wanted = {
        "records": 7,
        "sentences": 21,
        "tokens": 126,
        "rows": frame.height,
        "quarantined": 0,
        "shards": 1,
    }
    assert {name: summary[name] for name in wanted} == wanted
    assert summary["exit_code"] == 0


def test_the_same_text_gives_the_same_entities_in_every_format(run, tmp_path):
    lines = [sentence(i) for i in range(30)]
    text = "\n\n".join(lines)
    (tmp_path / "plain.txt").write_text(text)
    (tmp_path / "zipped.txt.gz").write_bytes(gzip.compress(text.encode()))
    write_jsonl(tmp_path / "one.jsonl", [{"text": text}])
    (tmp_path / "rows.conll").write_text(
        "\n".join("\n".join(f"{t}\tO" for t in s.split()) + "\n" for s in lines)
    )
    found = []
    for name in ("plain.txt", "zipped.txt.gz", "one.jsonl", "rows.conll"):
        run(tmp_path / name, out=name + ".out")
        frame = Dataset.open(tmp_path / f"{name}.out").scan().collect()
        found.append(frame.select("text", "type", pl.col("probability").round(5)).rows())
    assert found[0] == found[1] == found[2] == found[3]


def test_rows_depend_neither_on_shards_nor_on_the_order_of_sources(run, tmp_path):
    a = write_jsonl(tmp_path / "a.jsonl", documents(20, 4))
    b = write_jsonl(tmp_path / "b.jsonl", documents(9, 2))
    assert run(a, b, out="whole")["shards"] == 2
    assert run(b, a, out="cut", shard_size="300")["shards"] > 8
    assert rows(tmp_path / "whole") == rows(tmp_path / "cut")
    chances = [
        Dataset.open(tmp_path / out).scan().sort("source", "document", "start").collect()["probability"]
        for out in ("whole", "cut")
    ]
    assert (chances[0] - chances[1]).abs().max() < 1e-5
    run(b, a, out="turned")
    left, right = tmp_path / "whole" / "manifest.json", tmp_path / "turned" / "manifest.json"
    assert left.read_bytes() == right.read_bytes()


def test_bad_records_stand_in_quarantine_and_the_rest_is_tagged(run, tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [*documents(3, 1), {"text": 7}, *documents(2, 1)])
    summary = run(path)
    assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (6, 1, 3)
    (refused,) = Dataset.open(tmp_path / "out").scan("quarantine").collect().rows(named=True)
    assert (refused["source"], refused["line"], refused["reason"]) == ("a.jsonl", 4, "no-text")
    assert refused["raw"] == b'{"text": 7}\n'


def test_exports_hold_every_document_and_every_token(run, tmp_path):
    values = [*documents(4, 2), {"id": "empty-handed", "text": "in it rained ."}]
    run(write_jsonl(tmp_path / "a.jsonl", values), format="parquet,jsonl,conll", shard_size="60")
    lines = [json.loads(line) for line in (tmp_path / "out" / "tags.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [value["id"] for value in values]
    texts = {value["id"]: value["text"] for value in values}
    for line in lines:
        assert [texts[line["id"]][s["start"] : s["end"]] for s in line["spans"]] == [
            s["text"] for s in line["spans"]
        ]
    assert sum(len(line["spans"]) for line in lines) == len(rows(tmp_path / "out"))
    conll = (tmp_path / "out" / "tags.conll").read_text()
    tokens = [line.split("\t")[0] for line in conll.splitlines() if line and not line.startswith("-DOC")]
    assert tokens == " ".join(value["text"] for value in values).split()
    assert conll.count("-DOCSTART-") == 5


def test_a_second_run_reuses_everything_and_a_new_source_is_all_that_is_tagged(run, tmp_path):
    a = write_jsonl(tmp_path / "a.jsonl", documents(20, 4))
    first = run(a, shard_size="400")
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    again = run(a, shard_size="400")
    assert (first["reused"], again["reused"]) == (0, first["shards"])
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before
    b = write_jsonl(tmp_path / "b.jsonl", documents(2, 1))
    more = run(a, b, shard_size="400")
    assert (more["shards"], more["reused"]) == (first["shards"] + 1, first["shards"])
    a.write_text(b.read_text())
    changed = run(a, shard_size="400")
    assert (changed["shards"], changed["reused"]) == (1, 0)
    assert {row[0] for row in rows(tmp_path / "out")} == {"a.jsonl", "b.jsonl"}
    assert len(rows(tmp_path / "out")) == 2 * changed["rows"]


def test_output_made_with_other_settings_is_left_alone(run, tmp_path):
    a = write_jsonl(tmp_path / "a.jsonl", documents(2, 1))
    run(a)
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    with pytest.raises(UsageError, match=r"formats.*choose another --out"):
        run(a, format="jsonl")
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before


def test_what_cannot_be_tagged_is_an_error_that_says_what_to_do(run, tmp_path):
    with pytest.raises(BadInput, match=r"missing\.txt"):
        run(tmp_path / "missing.txt")
    (tmp_path / "g.fna").write_text(">a\nACGTACGTACGTACGTACGTACGT\n")
    with pytest.raises(BadInput, match="expected text, as the model"):
        run(tmp_path / "g.fna")
    (tmp_path / "t.txt").write_text("Text.")
    with pytest.raises(UsageError, match=r"expected --format of parquet, .*jsonl.* for a model of text"):
        run(tmp_path / "t.txt", format="gff3")
    with pytest.raises(UsageError, match="Got html"):
        run(tmp_path / "t.txt", format="html")


@pytest.mark.kills
@pytest.mark.parametrize(
    ("count", "kills"),
    [(5000, 20), pytest.param(100_000, 100, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])],
)
def test_killed_at_random_moments_and_run_again_it_gives_the_same_bytes(
    tmp_path, checkout, tracked_home, model, count, kills
):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    draw = random.Random(seed)
    values = documents(count, 10)
    values.insert(77, {"text": None})
    source = write_jsonl(tmp_path / "a.jsonl", values)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}

    def start(out: Path, workers: int = 1) -> subprocess.Popen:
        command = [
            sys.executable,
            "-m",
            "elman.flows.cli",
            "tag",
            str(model),
            str(source),
            "--out",
            str(out),
            "--json",
        ]
        command += ["--shard-size", str(14 * count), "--workers", str(workers)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=checkout, env=environment, start_new_session=True, **pipes)

    def finish(out: Path) -> dict:
        process = start(out)
        printed, error = patience.finish(process)
        assert process.returncode == 3, error.decode()
        return json.loads(printed)

    def tree(out: Path) -> dict[str, bytes]:
        return {p.relative_to(out).as_posix(): p.read_bytes() if p.is_file() else b"" for p in out.rglob("*")}

    def staged(out: Path) -> int:
        return len(list((out / ".staging" / "receipts").glob("*.json")))

    summary = finish(tmp_path / "whole")
    wanted = (count + 1, 1, 10 * count)
    assert (summary["records"], summary["quarantined"], summary["sentences"]) == wanted
    assert summary["shards"] >= 30
    process = start(tmp_path / "timed")
    begun = wait_for(tmp_path / "timed", process)
    patience.finish(process)
    window, expected = time.monotonic() - begun, tree(tmp_path / "whole")
    assert tree(tmp_path / "timed") == expected

    def kill(out: Path, shards: int, pause: float) -> bool:
        """Kill a run when it has staged so many shards more, or ended, and a pause is over."""
        there = staged(out)
        process = start(out, draw.randint(1, 2))
        wait_for(out, process)
        while process.poll() is None and shards and staged(out) < there + shards:
            time.sleep(0.001)
        time.sleep(pause)
        if process.poll() is None:  # an ended process is reaped, and its group with it
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def moment() -> tuple[int, float]:
        return (
            (0, draw.uniform(0, window)) if draw.random() < 0.5 else (draw.randint(1, 6), draw.random() / 50)
        )

    def kills_and_a_whole_run(number: int) -> tuple[int, int]:
        """Kill the same run again and again, each time further on, until one ends; then look at all of it."""
        out, landed = tmp_path / f"out{number}", 0
        moments = [(3, 0.0), *(moment() for _ in range(CHAIN - 1))]  # something to reuse from the first on
        while landed < CHAIN and kill(out, *moments[landed]):
            landed += 1
        again = finish(out)
        assert tree(out) == expected, f"run {number}, seed {seed}"
        shutil.rmtree(out)
        return landed, again["reused"]

    landed = 0
    with ThreadPoolExecutor(2) as pool:
        for number in itertools.count(0, 2):
            if landed >= kills:
                break
            for hits, reused in pool.map(kills_and_a_whole_run, (number, number + 1)):
                landed += hits
                assert reused >= 3


def wait_for(out: Path, process: subprocess.Popen) -> float:
    """Wait until the imports of a run are over and it has taken the lock, or has ended; say when that was."""
    while process.poll() is None and not (out / ".staging").exists():
        time.sleep(0.001)
    return time.monotonic()
