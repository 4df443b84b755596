"""Where attempts at shards run. An engine starts them and says what became of them; it decides nothing.

`Local` keeps worker processes (`tasks.execution.worker`), `Inline` works in this one, `tasks.execution.ray_engine` on those
of a cluster. What an attempt that was given up still does is never heard of again.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import elman
from elman.data.errors import BadInput, Changed, ElmanError
from elman.tasks.runtime import environment
from elman.tasks.tagging.shard import Request, Shards

STARTS = 3  # times in a row that a worker may die before it is ready
ENDING_S = 2.0  # between the last a worker says and its end
_ROOT = str(Path(elman.__file__).parent.parent)
WORKER = (
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {_ROOT!r}); from elman.tasks.execution.worker import main; main()",
)


@dataclass(frozen=True)
class Report:
    """What an attempt says, or what is said of it.

    at: records tried next; shard: what it staged; error: as `tasks.execution.worker.describe`; died: how its worker
    ended, lost: with its whole machine; nothing of these: its worker is up.
    """

    attempt: int
    at: tuple[int, int] | None = None
    shard: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    died: str | None = None
    lost: bool = False


class Engine(Protocol):
    """Runs attempts."""

    def idle(self) -> int:
        """How many attempts can be started now."""
        ...

    def start(self, attempt: int, job: dict[str, Any]) -> bool:
        """Start an attempt; says whether its worker is up already."""
        ...

    def poll(self, timeout_s: float) -> list[Report]:
        """What has come in; waits for the first as long as this."""
        ...

    def stop(self, attempt: int) -> None:
        """Give an attempt up, and what runs it."""
        ...

    def close(self) -> None:
        """Stop everything."""
        ...


class Inline:
    """Works in this process, one attempt at a time: nothing is supervised."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.shards: Shards | None = None
        self.reports: deque[Report] = deque()

    def idle(self) -> int:
        """One, unless something has not been reported yet."""
        return int(not self.reports)

    def start(self, attempt: int, job: dict[str, Any]) -> bool:
        """Do it."""
        from elman.tasks.execution.worker import describe, work

        try:
            self.shards = self.shards or Shards.load(self.request)
            shard = work(self.shards, job, lambda begin, end: None)
        except (ElmanError, OSError) as error:
            self.reports.append(Report(attempt, error=describe(error)))
        else:
            self.reports.append(Report(attempt, shard=shard))
        return True

    def poll(self, timeout_s: float) -> list[Report]:
        """What was done."""
        done = list(self.reports)
        self.reports.clear()
        return done

    def stop(self, attempt: int) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing runs."""


class _Process:
    """A worker process and what it is at."""

    def __init__(self, command: Sequence[str], request: Request, log: IO[bytes] | None) -> None:
        self.process = subprocess.Popen(
            [*command, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "POLARS_MAX_THREADS": "1"},
        )
        assert self.process.stdin
        assert self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        os.set_blocking(self.stdout.fileno(), False)
        self.attempt: int | None = None
        self.ready = False
        self.rest = b""
        self.send({"request": request.to_json()})

    def send(self, value: dict[str, Any]) -> None:
        """Write a line; that the process has ended shows when it is read."""
        with contextlib.suppress(BrokenPipeError):
            self.stdin.write((json.dumps(value, ensure_ascii=False) + "\n").encode())
            self.stdin.flush()

    def lines(self) -> tuple[list[dict[str, Any]], bool]:
        """Lines that have come in, and whether there will be no more."""
        ended = False
        while True:
            raw = os.read(self.stdout.fileno(), 1 << 16) if _readable(self.stdout) else None
            if raw is None:
                break
            if not raw:
                ended = True
                break
            self.rest += raw
        *lines, self.rest = self.rest.split(b"\n")
        return [json.loads(line) for line in lines], ended

    def end(self, patience_s: float = 0.0) -> str:
        """Kill it, unless it ends by itself as soon as this, and say how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience_s)
        self.process.kill()
        code = self.process.wait()
        self.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _readable(stream: IO[bytes]) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        return bool(selector.select(0))


class Local:
    """Worker processes on this machine, each started when there is something for it to do.

    Where no kernel has been compiled yet one worker does that, alone, with the first shard, and then makes
    room for others: compiling takes a minute and 150 MB that are not given back.

    Args:
        workers: how many.
        request: what all shards have in common.
        log: where they write what goes wrong; this process's stderr if None.
        command: what starts one.
    """

    def __init__(
        self,
        workers: int,
        request: Request,
        log: IO[bytes] | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        self.workers, self.request, self.log, self.command = workers, request, log, command or WORKER
        self.processes: list[_Process] = []
        self.failed_starts = 0
        self.compiling = environment.kernels_missing()

    def idle(self) -> int:
        """Workers without work, those not yet started included."""
        workers = min(self.workers, 1) if self.compiling else self.workers
        return workers - sum(process.attempt is not None for process in self.processes)

    def start(self, attempt: int, job: dict[str, Any]) -> bool:
        """Give it to a worker that has nothing to do, or to a new one."""
        process = next((process for process in self.processes if process.attempt is None), None)
        if process is None:
            process = _Process(self.command, self.request, self.log)
            self.processes.append(process)
        process.attempt = attempt
        process.send({"attempt": attempt, "job": job})
        return process.ready

    def poll(self, timeout_s: float) -> list[Report]:
        """See `Engine`.

        Raises:
            ElmanError: no worker comes up.
        """
        reports: list[Report] = []
        with selectors.DefaultSelector() as selector:
            for process in self.processes:
                selector.register(process.stdout, selectors.EVENT_READ, process)
            if not self.processes:
                time.sleep(min(timeout_s, 0.01))
                return reports
            for key, _ in selector.select(timeout_s):
                reports += self._read(key.data)
        return reports

    def _read(self, process: _Process) -> list[Report]:
        reports: list[Report] = []
        lines, closed = process.lines()
        ended = closed
        for line in lines:
            if "ready" in line:
                if not line["ready"]:
                    raise as_error(line["error"])
                process.ready, self.failed_starts = True, 0
                if process.attempt is not None:
                    reports.append(Report(process.attempt))
            elif line["attempt"] == process.attempt:
                at = (line["at"][0], line["at"][1]) if "at" in line else None
                reports.append(Report(line["attempt"], at, line.get("shard"), line.get("error")))
                if at is None:
                    process.attempt = None
                if "shard" in line and self.compiling:
                    self.compiling, ended = False, True
        if ended:
            self.processes.remove(process)
            how = process.end(ENDING_S if closed else 0.0)
            if not process.ready:
                self.failed_starts += 1
                if self.failed_starts == STARTS:
                    raise ElmanError(
                        f"expected a worker to start. Got {how}, {STARTS} times; the run's log says more."
                    )
            if process.attempt is not None:
                reports.append(Report(process.attempt, died=how))
        return reports

    def stop(self, attempt: int) -> None:
        """Kill the worker of an attempt."""
        for process in [process for process in self.processes if process.attempt == attempt]:
            self.processes.remove(process)
            process.end()

    def close(self) -> None:
        """Kill all workers."""
        while self.processes:
            self.processes.pop().end()


def as_error(told: dict[str, Any]) -> Exception:
    """The error that `tasks.execution.worker.describe` told of."""
    if told["kind"] in ("bad-input", "changed"):
        return (Changed if told["kind"] == "changed" else BadInput)(**told["fields"])
    if told["kind"] == "os":
        return OSError(told["errno"], os.strerror(told["errno"]), told["file"] or None)
    error = ElmanError(told["message"])
    error.exit_code = told.get("exit_code", 1)
    return error
