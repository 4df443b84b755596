"""`elman train` is killed at random moments and run again: the model is that of the undisturbed run."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATIENCE_S = 120
TRAIN = ("train", "names", "--epochs", "4", "--checkpoint-s", "0", "--json")


def conll(first: int, count: int) -> str:
    return "".join(
        f"Name{number} B-PER\nmet O\nMary B-PER\nin O\nTown{number % 50} B-LOC\n. O\n\n"
        for number in range(first, first + count)
    )


@pytest.fixture
def run(tracked_home, tmp_path, checkout):
    """Starts the command in a home with a small corpus."""

    def start(*arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    for split, first, count in (("train", 0, 400), ("dev", 5000, 60)):
        (tmp_path / f"{split}.conll").write_text(conll(first, count))
    finish(start("ingest", f"{tmp_path}/train.conll", f"{tmp_path}/dev.conll", "--name", "names", "--json"))
    return start


def finish(process: subprocess.Popen) -> tuple[dict, str]:
    out, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, error
    return json.loads(out), error


def weights(summary: dict) -> bytes:
    return (Path(summary["model"]) / "weights.safetensors").read_bytes()


def kill_after(process: subprocess.Popen, home: Path, writes: int) -> None:
    """Kill the group once the checkpoint has been replaced so many times."""
    seen, until = set[int](), time.monotonic() + PATIENCE_S
    while len(seen) < writes:
        assert time.monotonic() < until
        assert process.poll() is None, "the training ended too soon"
        for path in home.glob("training/*/checkpoint"):
            try:
                seen.add(path.stat().st_mtime_ns)
            except FileNotFoundError:
                continue
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_training_that_is_killed_again_and_again_ends_with_the_same_weights(run, tracked_home, kills):
    expected, told = finish(run(*TRAIN))
    assert "Going on" not in told
    undisturbed = weights(expected)
    shutil.rmtree(expected["model"])
    for _ in range(kills):
        kill_after(run(*TRAIN), tracked_home, random.randint(1, 6))
    summary, told = finish(run(*TRAIN))
    assert "Going on where an earlier run stopped" in told
    assert weights(summary) == undisturbed
    assert summary["epochs"] == expected["epochs"]
    assert list((tracked_home / "training").iterdir()) == []


def test_learning_from_text_without_labels_goes_on_too(run, tracked_home, tmp_path):
    (tmp_path / "raw.txt").write_text("Mary met Otto in Wien. Otto met Mary in Bonn again.\n" * 100)
    finish(run("ingest", f"{tmp_path}/raw.txt", "--name", "raw", "--as", "train", "--json"))
    command = (*TRAIN, "--pretrain", "raw")
    expected, _ = finish(run(*command))
    undisturbed = weights(expected)
    shutil.rmtree(expected["model"])
    shutil.rmtree(tracked_home / "pretrained")
    for _ in range(2):
        kill_after(run(*command), tracked_home, random.randint(1, 6))
    summary, told = finish(run(*command))
    assert "Going on where an earlier run stopped" in told
    assert weights(summary) == undisturbed


def test_a_damaged_checkpoint_is_not_believed(run, tracked_home):
    expected, _ = finish(run(*TRAIN))
    undisturbed = weights(expected)
    kill_after(run(*TRAIN), tracked_home, 3)
    (path,) = tracked_home.glob("training/*/checkpoint")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    summary, told = finish(run(*TRAIN))
    assert f"{path}: the checkpoint is damaged" in told
    assert weights(summary) == undisturbed


def test_the_same_training_twice_at_once_is_refused(run, tracked_home):
    first = run(*TRAIN)
    until = time.monotonic() + PATIENCE_S
    while not list(tracked_home.glob("training/*/checkpoint")):
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGSTOP)
    second = run(*TRAIN)
    _, error = second.communicate(timeout=PATIENCE_S)
    os.killpg(first.pid, signal.SIGCONT)
    assert second.returncode == 5
    assert f"process {first.pid}" in error
    finish(first)
