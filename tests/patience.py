"""Waiting in tests: for as long as some process of the test computes, whatever the clock says."""

import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psutil

STANDSTILL_S = 120.0  # without a hundredth of a CPU second in any process
T = TypeVar("T")


def _computed() -> set[tuple[int, float]]:
    """CPU seconds by pid of the processes that this one started, and they."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except psutil.Error:  # it has just ended
            continue
        found.add((process.pid, round(times.user + times.system, 2)))
    return found


class Patience:
    """Fails once no process has computed anything for `STANDSTILL_S`."""

    def __init__(self) -> None:
        self.computed, self.since = _computed(), time.monotonic()
        self.looked = self.since

    def check(self) -> None:
        """Look at the processes, at most once a second."""
        now = time.monotonic()
        if now - self.looked < 1:
            return
        self.looked, computed = now, _computed()
        if computed != self.computed:
            self.computed, self.since = computed, now
        assert now - self.since < STANDSTILL_S, f"no process computes: {computed}"


def wait_for(what: Callable[[], T], every_s: float = 0.05) -> T:
    """Wait until `what` returns something true, and return it."""
    patience = Patience()
    while not (found := what()):
        patience.check()
        time.sleep(every_s)
    return found


def finish(process: "subprocess.Popen[Any]") -> tuple[Any, Any]:
    """Wait for the end of a process; return its stdout and stderr."""
    patience = Patience()
    while True:
        try:
            return process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            patience.check()
