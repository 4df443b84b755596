"""Workers on a Ray cluster, under the contract of local ones; skipped where Ray is not installed."""

import contextlib
import functools
import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from elman.data.errors import ElmanError, UsageError
from elman.data.store.dataset import Dataset
from elman.flows.cli import main
from elman.flows.tag import TagConfig, tag
from elman.tasks.execution import ray_engine, scheduler
from tests.patience import finish, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("ray")]  # one Ray for all of them


def tree(folder: Path) -> dict[Path, bytes]:
    """The files of a dataset."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".staging" not in path.parts)
    return {path.relative_to(folder): path.read_bytes() for path in files}


def begun(folder: Path) -> list[tuple[str, ...]]:
    """The documents of each shard that was begun, one entry an attempt."""
    lines = (folder / "log").read_text().splitlines() if (folder / "log").exists() else []
    return [tuple(line.split()) for line in lines if line]


def rows(folder: Path) -> list[tuple]:
    """Entities, without the columns that depend on the batch."""
    columns = ("document", "start", "end", "type", "text")
    return sorted(Dataset.open(folder).scan().select(columns).collect().rows())


RAY = ray_engine.Ray  # the class itself: the fixture `worker` puts a partial in its place


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A Ray of two cores for the tests of this file; nothing is told to anybody."""
    ray = pytest.importorskip("ray", reason="Ray is an optional extra and not installed: `make ray`")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        for tried in range(ray_engine.START_TRIES):
            try:
                context = ray.init(
                    "local",
                    num_cpus=2,
                    include_dashboard=False,
                    log_to_driver=False,
                    object_store_memory=ray_engine.OBJECTS,
                )
                break
            except Exception:  # a busy machine: see `ray_engine.START_TRIES`
                ray.shutdown()
                if tried + 1 == ray_engine.START_TRIES:
                    raise
        yield context.address_info["gcs_address"]
        ray.shutdown()


@pytest.fixture
def run(cluster, tracked_home, trained, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", cluster)

    def run(source: Path, out: str = "out", **options):
        options = {"shard_size": "3000", "workers": 2, "engine": "ray", **options}
        return tag(
            TagConfig(model=str(trained["model"]), sources=(source,), out=tmp_path / out, **options)
        ).to_json()

    return run


@pytest.fixture
def worker(marked_worker, monkeypatch) -> Path:
    """Workers that some words end; in this folder `log` holds a line for each part of a shard they begin."""
    command = (sys.executable, str(marked_worker))
    monkeypatch.setattr(ray_engine, "Ray", functools.partial(ray_engine.Ray, command=command))
    return marked_worker.parent


def test_ray_and_local_workers_write_the_same_bytes(run, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(" ".join(map(sentence, range(300))))
    summary = run(Path("a.txt"), out="there")
    assert summary["shards"] > 4
    run(Path("a.txt"), out="here", engine="local", workers=0)
    assert tree(tmp_path / "there") == tree(tmp_path / "here")
    assert run(Path("a.txt"), out="there")["reused"] == summary["shards"]


def test_ray_and_local_workers_redact_to_the_same_bytes(run, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(" ".join(map(sentence, range(300))))
    Path("key").write_text("0123456789abcdef")
    how = {"redact": "pseudonym", "redact_key_file": Path("key"), "patterns": "mail", "format": "jsonl"}
    summary = run(Path("a.txt"), out="there", **how)
    run(Path("a.txt"), out="here", engine="local", workers=0, **how)
    assert tree(tmp_path / "there") == tree(tmp_path / "here")
    assert summary["replaced"] > 100
    assert "PER_" in (tmp_path / "there" / "redacted-text" / "a.txt").read_text()
    assert b"0123456789abcdef" not in b"".join(tree(tmp_path / "there").values())


def test_a_record_that_ends_workers_is_quarantined_and_no_other_shard_is_tagged_twice(
    worker, run, write_marked, tmp_path
):
    source = write_marked(tmp_path / "a.jsonl", {90: "KILL"})
    summary = run(source)
    assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (120, 1, 3)
    bad = Dataset.open(tmp_path / "out").scan("quarantine").collect()
    assert bad.select("line", "reason").rows() == [(91, "worker-killed")]
    attempts = Counter(begun(worker))
    whole = max((documents for documents in attempts if "d90" in documents), key=len)
    assert attempts[whole] == scheduler.TRIES
    assert {n for documents, n in attempts.items() if not set(documents) & set(whole)} == {1}
    run(source, out="all", engine="local", workers=0)
    assert rows(tmp_path / "out") == [row for row in rows(tmp_path / "all") if row[0] != "d90"]


def kills(run, write_marked, folder: Path, marks: dict[int, str], count: int) -> None:
    """Workers, or the Ray processes that keep them, are killed at marks; shards at work alone come again."""
    source = write_marked(folder / "a.jsonl", marks, count)
    summary = run(source)
    assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (count, 0, 0)
    marked = {f"d{n}" for n in marks}
    attempts = Counter(begun(folder))
    assert len(list(folder.glob("once *"))) + len(list(folder.glob("parent *"))) == len(marks)
    assert {n for documents, n in attempts.items() if not marked & set(documents)} == {1}
    assert {n for documents, n in attempts.items() if marked & set(documents)} == {2}
    run(source, out="all", engine="local", workers=0)
    assert tree(folder / "out") == tree(folder / "all")


def test_a_killed_ray_worker_costs_its_shard_a_second_try(worker, run, write_marked, tmp_path):
    kills(run, write_marked, tmp_path, {50: "PARENT"}, 120)


@pytest.mark.slow
def test_twenty_kills_of_workers_and_actors_cost_their_shards_a_second_try(
    worker, run, write_marked, tmp_path
):
    marks = {n: ("ONCE", "PARENT")[n // 60 % 2] for n in range(30, 1200, 60)}
    assert len(marks) == 20
    kills(run, write_marked, tmp_path, marks, 1200)


def test_a_straggler_that_comes_back_after_the_commit_changes_nothing(
    worker, run, write_marked, tmp_path, monkeypatch
):
    """Its machine is out of reach: it is given up, but goes on and keeps its core."""
    source = write_marked(tmp_path / "a.jsonl", {50: "LATE"})
    late_byte = source.read_bytes().index(b"LATE")
    patience_s = scheduler.Work.timeout_s
    beyond_reach = []

    def timeout_s(work):
        """No patience with the straggler once it is held up; with all others, that of the scheduler."""
        origin = work.shard.origin
        late = origin.begin <= late_byte < origin.end and (worker / "late").exists()
        return 1.0 if late and not beyond_reach else patience_s(work)

    class Parted(RAY):
        def _kill(self, actor):
            if actor.attempt is None or beyond_reach:
                return super()._kill(actor)
            self.actors.remove(actor)
            beyond_reach.append(actor)

    monkeypatch.setattr(scheduler.Work, "timeout_s", timeout_s)
    command = (sys.executable, str(worker / "worker.py"))
    monkeypatch.setattr(ray_engine, "Ray", functools.partial(Parted, command=command))
    summary = run(source)
    assert beyond_reach
    assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (120, 0, 0)
    committed = tree(tmp_path / "out")
    assert not (tmp_path / "out" / ".staging").exists()
    (tmp_path / "go").touch()
    wait_for(lambda: list((tmp_path / "out" / ".staging").glob("receipts/*.json")))
    assert tree(tmp_path / "out") == committed
    assert run(source)["reused"] == summary["shards"]
    assert tree(tmp_path / "out") == committed
    beyond_reach.clear()


@pytest.mark.slow
def test_the_shard_of_a_lost_machine_is_tried_elsewhere(
    cluster, worker, run, write_marked, tmp_path, tracked_home
):
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--address", cluster, "--block"]
    command += ["--num-cpus", "1", "--object-store-memory", str(ray_engine.OBJECTS)]
    machine = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    source = write_marked(tmp_path / "a.jsonl", dict.fromkeys(range(0, 120, 15), "WAIT"))
    with ThreadPoolExecutor(1) as pool:
        summary = pool.submit(run, source, workers=3)
        wait_for(lambda: len(begun(worker)) == 3 or summary.done())
        processes = [*psutil.Process(machine.pid).children(recursive=True), psutil.Process(machine.pid)]
        assert keeping(worker / "worker.py", processes)
        for process in processes:
            process.kill()
        machine.wait()
        (tmp_path / "go").touch()
        assert summary.result()["exit_code"] == 0
    assert Counter(Counter(begun(worker)).values())[2] == 1
    (log,) = (tracked_home / "runs").glob("*/log.txt")
    assert "try 1: worker-killed, its end (the end of its machine)" in log.read_text()
    assert "try 2" not in log.read_text()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SIGKILL", -9),
        pytest.param("SIGTERM", 143, marks=pytest.mark.slow),
        pytest.param("SIGINT", 130, marks=pytest.mark.slow),
    ],
)
def test_workers_end_with_the_driver_and_a_rerun_reuses_finished_shards(
    worker, run, write_marked, tmp_path, trained, checkout, name, code
):
    source = write_marked(tmp_path / "a.jsonl", {60: "STALL"})
    driver = tmp_path / "driver.py"
    driver.write_text(
        "import functools, sys\nfrom elman.flows.cli import main\n"
        "from elman.tasks.execution import ray_engine\n"
        f"command = (sys.executable, {str(worker / 'worker.py')!r})\n"
        "ray_engine.Ray = functools.partial(ray_engine.Ray, command=command)\nsys.exit(main())\n"
    )
    command = [sys.executable, str(driver), "tag", str(trained["model"]), str(source), "--engine", "ray"]
    command += ["--out", str(tmp_path / "out"), "--workers", "2", "--shard-size", "3000"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "PYTHONPATH": str(checkout)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    receipts = tmp_path / "out" / ".staging" / "receipts"
    wait_for(lambda: any("d60" in part for part in begun(worker)) and len(list(receipts.glob("*.json"))) > 2)
    process.send_signal(signal.Signals[name])
    finish(process)
    assert process.returncode == code
    wait_for(lambda: not keeping(worker / "worker.py"))
    there = len(list(receipts.glob("*.json")))
    assert run(source, engine="local")["reused"] == there


def keeping(script: Path, processes: list[psutil.Process] | None = None) -> list[psutil.Process]:
    """The processes of a worker's script, of ours all in all."""
    found = []
    for process in processes or psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if str(script) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def test_a_machine_that_lacks_a_path_ends_the_run_with_its_name(run, write_marked, tmp_path, monkeypatch):
    real = ray_engine.Ray

    def with_more(launch):
        return real(replace(launch, paths=[*launch.paths, tmp_path / "here-alone"]))

    monkeypatch.setattr(ray_engine, "Ray", with_more)
    with pytest.raises(ElmanError, match=r"expected .*/here-alone as on the driver's machine"):
        run(write_marked(tmp_path / "a.jsonl", {}))


# --- without a cluster --------------------------------------------------------------------------------------


@pytest.fixture
def request_tag(tracked_home, trained, write_marked, tmp_path):
    def request_tag() -> int:
        source, out = write_marked(tmp_path / "a.jsonl", {}), tmp_path / "out"
        return main(["tag", str(trained["model"]), str(source), "--out", str(out), "--engine", "ray"])

    return request_tag


def test_a_missing_ray_is_an_error_that_names_what_to_install(request_tag, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "prefect_ray", None)
    assert request_tag() == UsageError.exit_code
    assert "expected Ray, for --engine ray. Got none: `make ray`" in capsys.readouterr().err


def test_a_client_from_outside_the_cluster_is_an_error(request_tag, monkeypatch, capsys):
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    assert request_tag() == UsageError.exit_code
    assert "of a driver that runs on a machine of the cluster" in capsys.readouterr().err
