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

pytestmark = [pytest.mark.kills, pytest.mark.xdist_group("train killed")]  # one undisturbed training
CHECKOUT = Path(__file__).parents[2]
TRAIN = ("train", "names", "--preset", "fast", "--epochs", "4", "--checkpoint-s", "0", "--json")


def conll(first: int, count: int) -> str:
    return "".join(
        f"Name{number} B-PER\nmet O\nMary B-PER\nin O\nTown{number % 50} B-LOC\n. O\n\n"
        for number in range(first, first + count)
    )


def start(*arguments: str, home: Path | None = None) -> subprocess.Popen:
    """Start a command, in the home of the test if no other is given."""
    return subprocess.Popen(
        [sys.executable, "-m", "elman.flows.cli", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "ELMAN_HOME": str(home)} if home else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> tuple[dict, str]:
    out, error = patience.finish(process)
    assert process.returncode == 0, error
    return json.loads(out), error


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, mlflow_template) -> tuple[Path, dict]:
    """A home with a small corpus, and the summary of a training in it that nothing disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    home = folder / "home"
    (home / "mlflow").mkdir(parents=True)
    shutil.copyfile(mlflow_template, home / "mlflow" / "mlflow.db")
    for split, first, count in (("train", 0, 240), ("dev", 5000, 60)):
        (folder / f"{split}.conll").write_text(conll(first, count))
    ingest = ("ingest", f"{folder}/train.conll", f"{folder}/dev.conll", "--name", "names", "--json")
    finish(start(*ingest, home=home))
    summary, told = finish(start(*TRAIN, home=home))
    assert "Going on" not in told
    return home, summary


@pytest.fixture
def home_with_names(tracked_home, undisturbed) -> Path:
    """A home with the small corpus alone."""
    shutil.copytree(undisturbed[0] / "corpora", tracked_home / "corpora")
    return tracked_home


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


def kill_often(begin: Callable[[], subprocess.Popen], home: Path, kills: int, writes: int = 6) -> None:
    """Kill a training and run it again until so many kills have landed, the last of them in the last run.

    Each kill comes after 1 to `writes` checkpoints.
    """
    landed, tries = 0, 0
    while landed < kills:
        tries += 1
        assert tries < 20 * kills, f"{landed} of {kills} kills came before the end"
        landed += kill_after(begin(), home, random.randint(1, writes))


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_training_that_is_killed_again_and_again_ends_with_the_same_weights(
    undisturbed, home_with_names, kills
):
    _, expected = undisturbed
    kill_often(lambda: start(*TRAIN), home_with_names, kills)
    summary, told = finish(start(*TRAIN))
    assert "Going on where an earlier run stopped" in told
    assert weights(summary) == weights(expected)
    assert summary["epochs"] == expected["epochs"]
    assert list((home_with_names / "training").iterdir()) == []


def test_learning_from_text_without_labels_goes_on_too(home_with_names, tmp_path):
    (tmp_path / "raw.txt").write_text("Mary met Otto in Wien. Otto met Mary in Bonn again.\n" * 100)
    finish(start("ingest", f"{tmp_path}/raw.txt", "--name", "raw", "--as", "train", "--json"))
    command = (*TRAIN, "--pretrain", "raw")
    expected, _ = finish(start(*command))
    wanted = weights(expected)
    shutil.rmtree(expected["model"])
    shutil.rmtree(home_with_names / "pretrained")
    kill_often(lambda: start(*command), home_with_names, 2)
    summary, told = finish(start(*command))
    assert "Going on where an earlier run stopped" in told
    assert weights(summary) == wanted


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_in_order(home_with_names, sent, code):
    process = start(*TRAIN, "--epochs", "1000")
    patience.wait_for(lambda: list(home_with_names.glob("training/*/checkpoint")), every_s=0.01)
    process.send_signal(sent)
    out, error = patience.finish(process)
    assert process.returncode == code
    assert out == ""
    assert "the same command goes on where it stopped" in error
    assert "Traceback" not in error


def test_a_damaged_checkpoint_is_not_believed(undisturbed, home_with_names):
    kill_often(lambda: start(*TRAIN), home_with_names, 1, writes=3)
    (path,) = home_with_names.glob("training/*/checkpoint")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    summary, told = finish(start(*TRAIN))
    assert f"{path}: the checkpoint is damaged" in told
    assert weights(summary) == weights(undisturbed[1])


def test_the_same_training_twice_at_once_is_refused(home_with_names):
    long = (*TRAIN, "--epochs", "1000")  # the first must not end before it is stopped
    first = start(*long)
    patience.wait_for(lambda: list(home_with_names.glob("training/*/checkpoint")), every_s=0.01)
    os.killpg(first.pid, signal.SIGSTOP)
    second = start(*long)
    _, error = patience.finish(second)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert second.returncode == 5
    assert f"process {first.pid}" in error
