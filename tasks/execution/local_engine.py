"""Engine of local worker processes (`tasks.execution.worker`)."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO, Any

from elman.data.errors import ElmanError
from elman.tasks.execution.engine import EngineType, Report, as_error
from elman.tasks.execution.makers import ShardRequest
from elman.tasks.execution.memory import plan_memory
from elman.tasks.runtime import environment

MAX_STARTS = 3  # workers in a row that may die before they are ready
EXIT_GRACE_S = 2.0  # between the end of a worker's output and its exit
WORKER = environment.command_of("elman.tasks.execution.worker")


class _WorkerProcess:
    """A worker process and the attempt it runs."""

    def __init__(self, command: Sequence[str], request: ShardRequest, log: IO[bytes] | None) -> None:
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
        self.buffer = b""
        self.send({"request": request.to_json()})

    def send(self, value: dict[str, Any]) -> None:
        """Write a line; a process that has ended is noticed when its output is read."""
        with contextlib.suppress(BrokenPipeError):
            self.stdin.write((json.dumps(value, ensure_ascii=False) + "\n").encode())
            self.stdin.flush()

    def lines(self) -> tuple[list[dict[str, Any]], bool]:
        """Return new lines of its output, and True if it has ended."""
        ended = False
        while True:
            raw = os.read(self.stdout.fileno(), 1 << 16) if _readable(self.stdout) else None
            if raw is None:
                break
            if not raw:
                ended = True
                break
            self.buffer += raw
        *lines, self.buffer = self.buffer.split(b"\n")
        return [json.loads(line) for line in lines], ended

    def end(self, grace_s: float = 0.0) -> str:
        """Kill it, unless it exits within `grace_s`; return how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)
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
    """Worker processes on this machine, started as shards come.

    Where no kernel has been compiled yet, one worker compiles them with the first shard and then ends:
    compiling takes a minute and 150 MB that are not given back.

    Args:
        workers: number of processes.
        request: settings of all shards.
        log: file for their stderr; this process's stderr if None.
        command: starts a worker.
    """

    def __init__(
        self,
        workers: int,
        request: ShardRequest,
        log: IO[bytes] | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        self.workers, self.request, self.log, self.command = workers, request, log, command or WORKER
        self.processes: list[_WorkerProcess] = []
        self.failed_starts = 0
        self.compiling = environment.kernels_missing()
        self.compiled = environment.kernels_compiled()

    def idle(self) -> int:
        """Return how many workers have no attempt, those not yet started included."""
        workers = min(self.workers, 1) if self.compiling else self.workers
        return workers - sum(process.attempt is not None for process in self.processes)

    def start(self, attempt: int, job: dict[str, Any]) -> bool:
        """Send the job to an idle worker, or to a new one."""
        process = next((process for process in self.processes if process.attempt is None), None)
        if process is None:
            process = _WorkerProcess(self.command, self.request, self.log)
            self.processes.append(process)
        process.attempt = attempt
        process.send({"attempt": attempt, "job": job})
        return process.ready

    def poll(self, timeout_s: float) -> list[Report]:
        """Return new reports; see `Engine`.

        Raises:
            ElmanError: no worker starts.
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
        return reports or self._compiled()

    def _compiled(self) -> list[Report]:
        """Report all attempts as alive if a kernel was compiled since the last look."""
        before, self.compiled = self.compiled, environment.kernels_compiled()
        if self.compiled == before:
            return []
        return [Report(process.attempt) for process in self.processes if process.attempt is not None]

    def _read(self, process: _WorkerProcess) -> list[Report]:
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
                records = (line["records"][0], line["records"][1]) if "records" in line else None
                reports.append(Report(line["attempt"], records, line.get("shard"), line.get("error")))
                if records is None:
                    process.attempt = None
                if "shard" in line and self.compiling:
                    self.compiling, ended = False, True
        if ended:
            self.processes.remove(process)
            how = process.end(EXIT_GRACE_S if closed else 0.0)
            if not process.ready:
                self.failed_starts += 1
                if self.failed_starts == MAX_STARTS:
                    raise ElmanError(
                        f"expected a worker to start. Got {how}, {MAX_STARTS} times; the run's log says more."
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


ENGINE = EngineType(
    open=lambda launch: Local(launch.memory.workers or 1, launch.request, launch.log_file),
    plan_memory=plan_memory,
    one_machine=True,
)
