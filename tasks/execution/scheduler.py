"""Scheduler of shards: retries attempts whose workers die or stall, and quarantines records that end them.

After `TRIES` failed attempts the records that were being tried are divided until one is found that ends
its worker each time. It is quarantined, and the shard is tagged without it. Only the first result of a
shard counts.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from elman.data.errors import ElmanError
from elman.data.store.dataset import Shard
from elman.tasks.execution.engine import Engine, Log, Report, as_error
from elman.tasks.tagging.shard import Job

TRIES = 3
MAX_QUARANTINED = 100  # records that end workers in a run; with more, the records are not the cause
STALLED_S, SLOWEST_BYTES_S = 120.0, 20_000.0  # without a report: seconds, and bytes a second beside them
STARTING_S = 300.0  # until a worker is ready
CHECK_EVERY_S = 1.0  # for stalled workers


class AnyJob(Protocol):
    """Job of one attempt: `tagging.shard.Job` or `tagging.renumber.RenumberJob`."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        ...


@dataclass
class Work:
    """A shard to be made.

    Attributes:
        name: for the log.
        job: makes the job; called before each attempt.
        size: bytes of input, which set the time limit.
        extra_size: bytes of input that it may have to read besides.
        tries: failed attempts.
        skip: reason and detail by number of quarantined records.
        suspect: range of records that are tried in small windows.
        records: range of records that are being tried.
        reported: time of the last report, in seconds.
        ready: True if the worker is ready.
    """

    name: str
    job: Callable[[], AnyJob]
    size: int
    extra_size: int = 0
    tries: int = 0
    skip: dict[int, tuple[str, str]] = field(default_factory=dict)
    suspect: tuple[int, int] | None = None
    records: tuple[int, int] | None = None
    reported: float = 0.0
    ready: bool = False

    def timeout_s(self) -> float:
        """Return the seconds without a report after which the attempt is abandoned."""
        return STALLED_S + (self.size + self.extra_size) / SLOWEST_BYTES_S if self.ready else STARTING_S


class Scheduler:
    """Runs work on an engine.

    Args:
        engine: runs attempts.
        on_done: called with finished work and its shard.
        on_unreadable: called with work whose source cannot be read, and the error.
        log: called with a line for the run's log.
    """

    def __init__(
        self,
        engine: Engine,
        on_done: Callable[[Work, Shard], None],
        on_unreadable: Callable[[Work, Exception], None],
        log: Log = lambda line: None,
    ) -> None:
        self.engine, self.on_done, self.on_unreadable, self.log = engine, on_done, on_unreadable, log
        self.waiting: deque[Work] = deque()
        self.running: dict[int, Work] = {}
        self.attempts = 0
        self.quarantined = 0

    def add(self, works: Iterable[Work]) -> None:
        """Queue work."""
        self.waiting.extend(works)

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Run until a condition holds, or no work is left.

        Raises:
            OSError: a worker met one, as a full disk.
            ElmanError: no worker starts, or too many records end their workers.
        """
        checked = time.monotonic()
        while not until() and (self.waiting or self.running):
            while self.waiting and self.engine.idle() > 0:
                self._start(self.waiting.popleft())
            for report in self.engine.poll(1.0):
                self._handle(report)
            now = time.monotonic()
            if now - checked >= CHECK_EVERY_S:
                checked = now
                self._stop_stalled(now)

    def _stop_stalled(self, now: float) -> None:
        for attempt, work in list(self.running.items()):
            if now - work.reported > work.timeout_s():
                self.engine.stop(attempt)
                detail = f"no sign of life for {work.timeout_s():.0f} seconds"
                self._retry(attempt, "worker-stalled", detail)

    def drop(self, unwanted: Callable[[Work], bool]) -> list[Work]:
        """Cancel work, also running attempts, and return it."""
        dropped = [work for work in self.waiting if unwanted(work)]
        self.waiting = deque(work for work in self.waiting if not unwanted(work))
        for attempt, work in list(self.running.items()):
            if unwanted(work):
                dropped.append(self.running.pop(attempt))
                self.engine.stop(attempt)
        return dropped

    def _start(self, work: Work) -> None:
        job = work.job()
        if isinstance(job, Job):
            job = replace(job, skip=work.skip, suspect=work.suspect)
        self.attempts += 1
        work.records, work.reported = None, time.monotonic()
        self.running[self.attempts] = work
        work.ready = self.engine.start(self.attempts, job.to_json())

    def _handle(self, report: Report) -> None:
        work = self.running.get(report.attempt)
        if work is None:
            self.log(f"attempt {report.attempt}: late report of an abandoned attempt, ignored")
            return
        work.reported, work.ready = time.monotonic(), True
        if report.records is not None:
            work.records = report.records
        elif report.lost and work.records is None:
            self.log(f"{work.name}: machine lost before the shard was begun; it is tried elsewhere")
            self.waiting.appendleft(self.running.pop(report.attempt))
        elif report.died is not None:
            self._retry(report.attempt, "worker-killed", f"its end ({report.died})")
        elif report.error is not None and report.error["kind"] == "other":
            self._retry(report.attempt, "worker-failed", str(report.error["message"]))
        elif report.shard is not None:
            del self.running[report.attempt]
            self.on_done(work, Shard.from_json(report.shard))
        elif report.error is not None:
            del self.running[report.attempt]
            error = as_error(report.error)
            if report.error["kind"] != "bad-input":
                raise error
            self.on_unreadable(work, error)

    def _retry(self, attempt: int, reason: str, detail: str) -> None:
        """Retry, divide or quarantine after a failed attempt."""
        work = self.running.pop(attempt)
        work.tries += 1
        self.log(f"{work.name}: try {work.tries}: {reason}, {detail}; records {work.records}")
        if work.records is not None and work.records[1] > work.records[0] and work.tries >= TRIES:
            begin, end = work.records
            if end - begin == 1 and work.suspect is not None:
                self._quarantine(work, begin, reason, detail)
            else:
                work.suspect = work.records
        elif work.tries >= TRIES + 2:
            raise ElmanError(
                f"{work.name}: expected a worker to read it. Got {detail}, {work.tries} times ({reason}). "
                "What is done is kept: run the same command again when the cause is mended."
            )
        self.waiting.appendleft(work)

    def _quarantine(self, work: Work, number: int, reason: str, detail: str) -> None:
        for skipped in sorted(work.skip):
            number += skipped <= number
        work.skip[number] = reason, detail
        work.suspect, work.tries = None, TRIES - 1
        self.quarantined += 1
        self.log(f"{work.name}: record {number} quarantined: {reason}")
        if self.quarantined > MAX_QUARANTINED:
            raise ElmanError(
                f"expected at most {MAX_QUARANTINED} records that end their workers. Got more, last in "
                f"{work.name}: {detail}. The run's log says more."
            )
