"""`elman train` is killed at random moments and run again: the model is that of the undisturbed run."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import patience

pytestmark = pytest.mark.kills
TRAIN = ("train", "names", "--preset", "fast", "--epochs", "4", "--checkpoint-s", "0", "--json")


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
            [sys.executable, "-m", "elman.flows.cli", *arguments],
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
    out, error = patience.finish(process)
    assert process.returncode == 0, error
    return json.loads(out), error


def weights(summary: dict) -> bytes:
    return (Path(summary["model"]) / "weights.safetensors").read_bytes()


def kill_after(process: subprocess.Popen, home: Path, writes: int) -> bool:
    """Kill the group once the checkpoint has been seen replaced so many times.

    Returns:
        whether it was killed: on a busy machine a training may end before so many were seen.
    """
    seen, waiting = set[int](), patience.Patience()
    while len(seen) < writes and process.poll() is None:
        waiting.check()
        for path in home.glob("training/*/checkpoint"):
            try:
                seen.add(path.stat().st_mtime_ns)
            except FileNotFoundError:
                continue
        time.sleep(0.001)
    if process.poll() is None:  # an ended process is reaped, and its group with it
        os.killpg(process.pid, signal.SIGKILL)
    _, error = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), error
    return process.returncode != 0


def kill_often(start: Callable[[], subprocess.Popen], home: Path, kills: int, writes: int = 6) -> None:
    """Kill a training and run it again until so many kills have landed, the last of them in the last run.

    Each kill comes after 1 to `writes` checkpoints.
    """
    landed, tries = 0, 0
    while landed < kills:
        tries += 1
        assert tries < 20 * kills, f"{landed} of {kills} kills came before the end"
        landed += kill_after(start(), home, random.randint(1, writes))


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_training_that_is_killed_again_and_again_ends_with_the_same_weights(run, tracked_home, kills):
    expected, told = finish(run(*TRAIN))
    assert "Going on" not in told
    undisturbed = weights(expected)
    shutil.rmtree(expected["model"])
    kill_often(lambda: run(*TRAIN), tracked_home, kills)
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
    kill_often(lambda: run(*command), tracked_home, 2)
    summary, told = finish(run(*command))
    assert "Going on where an earlier run stopped" in told
    assert weights(summary) == undisturbed


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_in_order(run, tracked_home, sent, code):
    process = run(*TRAIN, "--epochs", "1000")
    patience.wait_for(lambda: list(tracked_home.glob("training/*/checkpoint")), every_s=0.01)
    process.send_signal(sent)
    out, error = patience.finish(process)
    assert process.returncode == code
    assert out == ""
    assert "the same command goes on where it stopped" in error
    assert "Traceback" not in error


def test_a_damaged_checkpoint_is_not_believed(run, tracked_home):
    expected, _ = finish(run(*TRAIN))
    undisturbed = weights(expected)
    kill_often(lambda: run(*TRAIN), tracked_home, 1, writes=3)
    (path,) = tracked_home.glob("training/*/checkpoint")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    summary, told = finish(run(*TRAIN))
    assert f"{path}: the checkpoint is damaged" in told
    assert weights(summary) == undisturbed


def test_the_same_training_twice_at_once_is_refused(run, tracked_home):
    long = (*TRAIN, "--epochs", "1000")  # the first must not end before it is stopped
    first = run(*long)
    patience.wait_for(lambda: list(tracked_home.glob("training/*/checkpoint")), every_s=0.01)
    os.killpg(first.pid, signal.SIGSTOP)
    second = run(*long)
    _, error = patience.finish(second)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert second.returncode == 5
    assert f"process {first.pid}" in error
