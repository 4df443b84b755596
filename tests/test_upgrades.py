"""Work of version 0.1 stays usable: its models tag, its corpora train, its unfinished runs go on.

The fixtures are what that version left on the disk; tests/fixtures/v0_1/README.md says how they were made.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from llvmlite.binding import get_host_cpu_name
from polars.testing import assert_frame_equal

from tests.patience import finish

pytestmark = pytest.mark.heavy

COMMAND_LINE = "elman.flows.cli"
CHECKOUT = Path(__file__).resolve().parent.parent
FIXTURES = CHECKOUT / "tests" / "fixtures" / "v0_1"
EXPECTED = json.loads((FIXTURES / "expected.json").read_bytes())
MODELS: dict[str, str] = EXPECTED["models"]
TEXT_OPTIONS = ("--tokens", "--format", "parquet,jsonl,conll", "--shard-size", "1200")
DNA_OPTIONS = ("--format", "parquet,gff3,bed,faa,codons")
TOLERANCE = 1e-4  # of a probability, on another processor

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of the fixtures, where a user of version 0.1 left them."""
    copy = tmp_path / "v0_1"
    shutil.copytree(FIXTURES, copy)
    for plan in copy.rglob(".staging/plan.json"):
        plan.write_text(plan.read_text(encoding="utf-8").replace("@PLACE@", str(copy)), encoding="utf-8")
    return copy


@pytest.fixture
def elman(place: Path) -> Run:
    """Run a command in the copy and return its summary."""
    settings = {"ELMAN_HOME": str(place / "home"), "PYTHONPATH": str(CHECKOUT)}
    settings |= {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}  # nothing answers there: no database is set up
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"} | settings

    def run(*arguments: str, code: int = 0) -> dict[str, Any]:
        command = [sys.executable, "-m", COMMAND_LINE, *arguments, "--json"]
        where: dict[str, Any] = {"cwd": place, "env": environment}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **where)
        out, error = finish(process)
        assert process.returncode == code, error.decode()
        summary: dict[str, Any] = json.loads(out)
        return summary

    return run


@pytest.fixture
def tag(elman: Run) -> Run:
    """Tag in the copy, in one process."""

    def run(model: str, source: str, out: str, *options: str, code: int = 0) -> dict[str, Any]:
        return elman("tag", MODELS[model], source, "--out", out, "--workers", "0", *options, code=code)

    return run


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    """All rows of a dataset, by table."""
    found: dict[str, list[pl.DataFrame]] = {}
    for shard in json.loads((folder / "manifest.json").read_bytes())["shards"]:
        for table, entry in shard["files"].items():
            found.setdefault(table, []).append(pl.read_parquet(folder / entry["path"], glob=False))
    return {table: pl.concat(frames) for table, frames in found.items()}


def assert_same_rows(folder: Path, expected: Path) -> None:
    """All tables have the same rows, and no table is missing; version 0.1 had none of texts."""
    got, wanted = tables(folder), tables(expected)
    assert got.keys() - {"texts"} == wanted.keys()
    for table, frame in wanted.items():
        assert frame.height
        assert_frame_equal(got[table], frame, rel_tol=0, abs_tol=TOLERANCE)


def ends(folder: Path, source: str) -> list[int]:
    """Where the shards of a source end."""
    shards = json.loads((folder / "manifest.json").read_bytes())["shards"]
    return [shard["source"]["end"] for shard in shards if shard["source"]["name"] == source]


def same_machine() -> bool:
    """Tell whether bytes can be the same: Parquet's follow Polars, the last bit of a sum the processor."""
    packages = all(version(package) == EXPECTED[package] for package in ("numba", "numpy", "polars"))
    return packages and get_host_cpu_name() == EXPECTED["cpu"]


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the manifest, which names the code, and texts, which version 0.1 did not write."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    if "tags.jsonl" in found:
        found["tags.jsonl"] = without_text(found["tags.jsonl"])
    return {name: data for name, data in found.items() if not name.startswith("texts/")}


def without_text(lines: bytes) -> bytes:
    """JSON lines without the key that version 0.1 did not write."""
    values = [json.loads(line) for line in lines.decode().split("\n")[:-1]]
    kept = [{name: value for name, value in line.items() if name != "text"} for line in values]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept).encode()


def assert_same_output(folder: Path, expected: Path) -> None:
    """Rows are the same, and where the machine is that of the fixtures, all bytes of tables and exports."""
    assert_same_rows(folder, expected)
    assert contents(folder).keys() == contents(expected).keys() or not same_machine()
    if same_machine():
        assert contents(folder) == contents(expected)


def test_a_text_model_of_version_0_1_tags_to_the_same_bytes(tag, place):
    tag("text", "sources/letters", "again", *TEXT_OPTIONS, code=3)
    assert_same_output(place / "again", place / "tagged" / "text")


@pytest.mark.parametrize("model", ["default", "sigmoid"])
def test_every_kind_of_text_model_of_version_0_1_tags_to_the_same_bytes(tag, place, model):
    tag(model, "sources/letters/a.txt", "again")
    assert_same_output(place / "again", place / "tagged" / model)


def test_a_model_of_characters_of_version_0_1_tags_to_the_same_bytes(tag, place):
    tag("signs", "sources/signs/test.jsonl", "again")
    assert_same_output(place / "again", place / "tagged" / "signs")


@pytest.mark.parametrize("model", ["genes", "carriers"])
def test_a_dna_model_of_version_0_1_tags_to_the_same_parquet_and_gff3(tag, place, model):
    tag(model, "sources/genome/two.fna", "again", *DNA_OPTIONS)
    assert "\tCDS\t" in (place / "again" / "tags.gff3").read_text()
    assert_same_output(place / "again", place / "tagged" / model)


def test_a_corpus_of_version_0_1_trains(elman, place):
    summary = elman("train", "names", "--preset", "fast", "--epochs", "1")
    assert summary["epochs"] == 1
    assert (Path(summary["model"]) / "passport.json").is_file()


def test_a_corpus_of_version_0_1_is_added_to(elman, place):
    summary = elman("ingest", "sources/more", "--as", "train", "--name", "names")
    assert (summary["ingested"], summary["already"]) == (40, 0)
    assert_same_rows(place / "home" / "corpora" / "names", place / "ingest-whole")


def test_an_ingest_that_version_0_1_was_stopped_in_goes_on_to_the_same_rows(elman, place):
    assert (place / "ingest-stopped" / ".staging" / "receipts").is_dir()
    elman("ingest", "sources/more", "--as", "train", "--name", "./ingest-stopped")
    assert_same_rows(place / "ingest-stopped", place / "ingest-whole")
    assert contents(place / "ingest-stopped").keys() == contents(place / "ingest-whole").keys()


@pytest.mark.parametrize("out", ["stopped", "stopped-commit"])
def test_a_tagging_run_that_version_0_1_was_stopped_in_goes_on_to_the_same_rows(tag, place, out):
    folder = place / "tagged" / out
    assert (folder / ".staging" / "plan.json").is_file()
    tag("text", "sources/letters", f"tagged/{out}", *TEXT_OPTIONS, code=3)
    assert not (folder / ".staging").exists()
    assert_same_output(folder, place / "tagged" / "text")


def test_a_plan_of_version_0_1_decides_where_shards_end(tag, place):
    folder, whole = place / "tagged" / "stopped", place / "tagged" / "text"
    tag("text", "sources/letters", "tagged/stopped", *TEXT_OPTIONS[:-1], "100000", code=3)
    assert ends(folder, "b.jsonl") == ends(whole, "b.jsonl")
    assert len(ends(folder, "c.txt.gz")) == len(ends(whole, "c.txt.gz")) > 1
    for table in ("data", "tokens"):  # documents have a row a shard, and a.txt is no part of the plan
        assert_frame_equal(tables(folder)[table], tables(whole)[table], rel_tol=0, abs_tol=TOLERANCE)


def test_a_finished_output_of_version_0_1_may_be_tagged_again_and_added_to(tag, place):
    summary = tag("text", "sources/letters", "tagged/text", *TEXT_OPTIONS, code=3)
    assert (summary["records"], summary["quarantined"]) == (33, 1)
    assert_same_output(place / "tagged" / "text", FIXTURES / "tagged" / "text")
