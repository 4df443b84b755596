"""Runs of a command that are killed and run again, beside one that nobody disturbs."""

import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import patience


def files(folder: Path) -> dict[Path, bytes]:
    """Content of all files below a folder."""
    return {
        path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def assert_same_bytes_when_killed(
    start: Callable[[Path], "subprocess.Popen[Any]"], folder: Path, kills: int
) -> Path:
    """Run a command undisturbed, and killed so many times after some more files; return the latter's output.

    Args:
        start: starts the command as leader of a session, with the folder of its output.
        folder: of both outputs.
        kills: each has to come in mid-run.
    """
    whole, killed, rng = folder / "whole", folder / "killed", random.Random(0)
    _finish(start(whole))
    for _ in range(kills):
        wanted = len(files(killed)) + rng.randint(1, 6)
        process = start(killed)
        patience.wait_for(lambda p=process, n=wanted: p.poll() is not None or _count(killed) >= n, 0.01)
        assert process.poll() is None, "it ended before it was killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    _finish(start(killed))
    assert files(killed) == files(whole)
    return killed


def _count(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def _finish(process: "subprocess.Popen[Any]") -> None:
    _, error = patience.finish(process)
    assert process.returncode == 0, error
