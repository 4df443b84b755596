"""Local workers that die, stall or fail: the records that ended them are lost, nothing else."""

import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import polars as pl
import psutil
import pytest

from elman.data.errors import ElmanError
from elman.data.store.dataset import Dataset
from elman.flows.cli import main
from elman.flows.tag import TagConfig, tag
from elman.tasks.execution import local_engine, scheduler
from elman.tasks.execution.engine import Report
from elman.tasks.tagging.shard import WorkerRequest
from tests.patience import Patience, wait_for

pytestmark = pytest.mark.kills


@pytest.fixture
def worker(marked_worker, monkeypatch) -> Path:
    """Workers that some words end; in this folder `log` holds a line for each shard they begin."""
    monkeypatch.setattr(local_engine, "WORKER", (sys.executable, str(marked_worker)))
    return marked_worker.parent


@pytest.fixture
def run(tracked_home, trained, tmp_path):
    def run(source: Path, workers: int = 2, out: str = "out", **options):
        options = {"shard_size": "3000", "workers": workers, **options}
        return tag(
            TagConfig(model=str(trained["model"]), sources=(source,), out=tmp_path / out, **options)
        ).to_json()

    return run


def begun(folder: Path) -> list[str]:
    return (folder / "log").read_text().splitlines()


def entities(folder: Path) -> pl.DataFrame:
    return Dataset.open(folder).scan().drop("probability").sort("document", "start").collect()


def refused(folder: Path) -> list[tuple]:
    return (
        Dataset.open(folder).scan("quarantine").select("line", "reason", "raw").sort("line").collect().rows()
    )


def test_a_worker_that_compiles_kernels_is_not_taken_for_stalled(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    request = types.SimpleNamespace(to_json=dict)
    engine = local_engine.Local(1, request, command=(sys.executable, "-c", "import time; time.sleep(1000)"))
    try:
        engine.start(7, {})
        assert engine.poll(0.01) == []
        (tmp_path / "kernel.1.nbc").touch()
        assert engine.poll(0.01) == [Report(7)]
        assert engine.poll(0.01) == []
    finally:
        engine.close()


def test_the_number_of_workers_changes_no_byte_and_sentences_are_numbered_through(run, tmp_path, sentence):
    (tmp_path / "a.txt").write_text(" ".join(map(sentence, range(300))))
    summary = run(tmp_path / "a.txt", workers=0, out="one")
    assert run(tmp_path / "a.txt", workers=2, out="two")["shards"] == summary["shards"] > 4
    one, two = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    numbers = Dataset.open(tmp_path / "one").scan().select("sentence").unique().collect()["sentence"]
    assert set(numbers) <= set(range(300))
    assert len(numbers) > 250


def test_only_the_shard_of_a_worker_that_died_is_tagged_again(worker, run, tmp_path, write_marked):
    summary = run(write_marked(tmp_path / "a.jsonl", {50: "ONCE"}))
    assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (120, 0, 0)
    counts = pl.Series(begun(worker)).value_counts().to_dict(as_series=False)["count"]
    assert sorted(counts) == [1] * (summary["shards"] - 1) + [2]


def test_records_that_end_their_workers_are_quarantined_and_all_others_tagged(
    worker, run, tmp_path, monkeypatch, write_marked, sentence
):
    monkeypatch.setattr(scheduler, "STALLED_S", 4.0)
    marked = {30: "KILL", 70: "STALL", 71: "FAIL"}
    source = write_marked(tmp_path / "a.jsonl", marked)
    summary = run(source)
    assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (120, 3, 3)
    reasons = {30: "worker-killed", 70: "worker-stalled", 71: "worker-failed"}
    raws = {n: f"{mark} {sentence(n)}".encode() for n, mark in marked.items()}
    assert refused(tmp_path / "out") == [(n + 1, reason, raws[n]) for n, reason in reasons.items()]
    found = entities(tmp_path / "out")
    assert run(source)["reused"] == summary["shards"]
    run(write_marked(tmp_path / "b.jsonl", {}), workers=0, out="all")
    whole = entities(tmp_path / "all").with_columns(source=pl.lit("a.jsonl"))
    assert found.equals(whole.filter(~pl.col("document").is_in([f"d{n}" for n in marked])))


def test_too_many_records_that_end_workers_end_the_run(worker, run, tmp_path, monkeypatch, write_marked):
    monkeypatch.setattr(scheduler, "MAX_QUARANTINED", 2)
    source = write_marked(tmp_path / "a.jsonl", dict.fromkeys(range(8), "FAIL"))
    with pytest.raises(ElmanError, match="expected at most 2 records that end their workers"):
        run(source, workers=1)


def test_workers_that_cannot_start_end_the_run_with_their_exit_code(run, tmp_path, monkeypatch, write_marked):
    slow_end = "import os, time; os.close(1); time.sleep(0.5); os._exit(9)"
    monkeypatch.setattr(local_engine, "WORKER", (sys.executable, "-c", slow_end))
    with pytest.raises(ElmanError, match=r"expected a worker to start\. Got exit code 9"):
        run(write_marked(tmp_path / "a.jsonl", {}))


def test_no_worker_outlives_a_driver_that_is_killed(
    tmp_path, tracked_home, trained, checkout, worker, write_marked
):
    source = write_marked(tmp_path / "a.jsonl", {60: "STALL"})
    driver = tmp_path / "driver.py"
    driver.write_text(
        "import sys\nfrom elman.tasks.execution import local_engine\nfrom elman.flows.cli import main\n"
        f"local_engine.WORKER = (sys.executable, {str(tmp_path / 'worker.py')!r})\nsys.exit(main())\n"
    )
    command = [sys.executable, str(driver), "tag", str(trained["model"]), str(source)]
    command += ["--out", str(tmp_path / "out"), "--workers", "2", "--shard-size", "3000"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "PYTHONPATH": str(checkout)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    log = tmp_path / "log"
    wait_for(lambda: process.poll() is not None or (log.exists() and "d60" in log.read_text().split()))
    assert process.poll() is None
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    os.kill(process.pid, signal.SIGKILL)  # the driver alone
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert list((tmp_path / "out" / ".staging" / "receipts").glob("*.json"))


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("elman.tasks.execution.worker", ("prefect", "mlflow")),
        ("elman.flows.tag", ("numba", "scipy", "mlflow")),
    ],
)
def test_worker_and_driver_import_no_heavy_module_they_do_not_need(checkout, module, heavy):
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


ECHO = """
import json, os, sys
sys.stdin.readline()
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    print(json.dumps({"attempt": json.loads(line)["attempt"], "shard": {"pid": os.getpid()}}), flush=True)
"""


def test_one_worker_compiles_missing_kernels_before_others_start(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    request = WorkerRequest(model="", out="", salt="", tables=())
    local = local_engine.Local(2, request, command=(sys.executable, "-c", ECHO))

    def made(count: int) -> list[int]:
        patience, found = Patience(), []
        while len(found) < count:
            patience.check()
            found += [report.shard["pid"] for report in local.poll(1.0) if report.shard]
        return found

    try:
        assert local.idle() == 1
        local.start(1, {})
        (first,) = made(1)
        assert local.idle() == 2
        local.start(2, {})
        local.start(3, {})
        assert len({first, *made(2)}) == 3
    finally:
        local.close()


# --- disks --------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_full_disk_ends_the_run_and_a_rerun_resumes(
    small_disk, tracked_home, trained, tmp_path, capsys, workers, write_marked
):
    source = write_marked(tmp_path / "a.jsonl", {}, 3000)
    out = small_disk / "out"
    command = ["tag", str(trained["model"]), str(source), "--out", str(out), "--workers", workers]
    command += ["--shard-size", "20000"]
    fill = small_disk / "fill"
    fill.write_bytes(bytes(900 << 10))
    assert main(command) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert not (out / "manifest.json").exists()
    fill.unlink()
    assert main([*command, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["records"], summary["rows"]) == (3000, Dataset.open(out).scan().collect().height)


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(
    small_disk, tracked_home, trained, tmp_path, capsys, write_marked
):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    source = write_marked(tmp_path / "a.jsonl", {})
    out = str(small_disk / "out")
    assert main(["tag", str(trained["model"]), str(source), "--out", out, "--workers", "0"]) == 1
    shown = capsys.readouterr().err
    assert "Read-only file system" in shown
    assert str(small_disk) in shown
