"""`elman ingest` is killed at random moments and run again."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from elman.data.store.dataset import Dataset
from tests import patience

pytestmark = pytest.mark.kills
KILLS = 20


def conll(first: int, count: int) -> str:
    """Documents of five sentences."""
    return "".join(
        ("-DOCSTART- O\n\n" if number % 5 == 0 else "")
        + f"Name{number} B-PER\nmet O\nMary I-PER\nin O\nTown{number} B-LOC\n. O\n\n"
        for number in range(first, first + count)
    )


@pytest.fixture
def code(tmp_path, checkout) -> Path:
    """A copy of the code, for its hash must not change while it is edited."""
    for package in ("data", "rnn", "tasks", "flows"):
        shutil.copytree(checkout / package, tmp_path / "code" / package)
    return tmp_path / "code"


@pytest.fixture
def inputs(tmp_path) -> tuple[Path, Path]:
    """Sources ingested first, and those added: new, grown and known files, few documents, bad records."""
    first, added = tmp_path / "first", tmp_path / "added"
    for folder in (first, added):
        folder.mkdir()
    (first / "a.conll").write_text(conll(0, 200))
    (added / "a.conll").write_text(conll(0, 700))
    (added / "b.conll").write_text(conll(50_000, 500) + "Name B-PER\nis\n\n")
    for number in range(10):
        text = f"This is line {number}. It was written by Tom, who lives in Oslo; he is {number}.\n\n" * 80
        (added / f"text{number:02}.txt").write_text(text)
    for split in ("train", "test"):
        (added / f"{split}.conll").write_text(conll(90_000 + len(split) * 10_000, 300))
    return first, added


def start(code: Path, home: Path, source: Path) -> subprocess.Popen:
    environment = {**os.environ, "ELMAN_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "elman.flows.cli", "ingest", str(source), "--name", "c", "--json"]
    return subprocess.Popen(
        command,
        cwd=code,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(code: Path, home: Path, source: Path) -> None:
    process = start(code, home, source)
    _, error = patience.finish(process)
    assert process.returncode == 0, error.decode()


def holder(home: Path) -> bytes:
    """Who holds or held the lock of the corpus, as the lock file says."""
    try:
        return (home / "corpora" / "c" / ".staging" / "lock").read_bytes()
    except FileNotFoundError:
        return b""


def wait_for_lock(process: subprocess.Popen, home: Path, before: bytes) -> float:
    """Wait until the imports of a run are over and it has taken the lock, or has ended; say when that was."""
    while process.poll() is None and holder(home) in (b"", before):
        time.sleep(0.001)
    return time.monotonic()


def tree(home: Path) -> dict[str, bytes]:
    folder = home / "corpora" / "c"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def texts(home: Path) -> list[tuple[str, int, str, str]]:
    columns = ("document", "sentence", "split", "text")
    return sorted(Dataset.open(home / "corpora" / "c").scan().select(columns).collect().rows())


def test_killed_at_random_moments_and_run_again_it_gives_the_same_bytes(tmp_path, code, inputs):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    draw = random.Random(seed)
    first, added = inputs
    base, whole, timed = tmp_path / "base", tmp_path / "whole", tmp_path / "timed"
    finish(code, base, first)
    shutil.copytree(base, whole)
    shutil.copytree(base, timed)
    finish(code, whole, added)  # compiles the kernels, too
    process = start(code, timed, added)
    begun = wait_for_lock(process, timed, b"")
    patience.finish(process)
    window = time.monotonic() - begun
    assert tree(timed) == tree(whole)
    expected, rows = tree(whole), (texts(base), texts(whole))
    assert len(rows[1]) == len(set(rows[1])) > len(rows[0])

    def kill(home: Path, moment: float) -> bool:
        before = holder(home)
        process = start(code, home, added)
        wait_for_lock(process, home, before)
        time.sleep(moment)
        if process.poll() is None:  # an ended process is reaped, and its group with it
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def kill_twice_and_run_again(number: int) -> int:
        home = tmp_path / f"home{number}"
        shutil.copytree(base, home)
        landed = 0
        for moment in moments[number]:
            landed += kill(home, moment)
            assert texts(home) in rows, f"home {number}, seed {seed}"
        finish(code, home, added)
        assert tree(home) == expected, f"home {number}, seed {seed}"
        shutil.rmtree(home)
        return landed

    moments = [(draw.uniform(0, window), draw.uniform(0, window)) for _ in range(KILLS // 2)]
    with ThreadPoolExecutor(2) as pool:
        landed = sum(pool.map(kill_twice_and_run_again, range(KILLS // 2)))
    print(f"{landed} of {KILLS} kills came before the end")
    assert landed >= KILLS // 3
