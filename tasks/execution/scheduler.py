"""Brings every shard of a plan to its end, whatever becomes of the workers.

An attempt whose worker dies or gives no sign of life is made again; after `TRIES` of them the records that
were being tried are divided until one is found that ends its worker each time. That one is set aside with its
reason, and the shard is tried without it. Only the first answer to a shard counts.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from elman.data.errors import ElmanError
from elman.data.store.dataset import Shard
from elman.tasks.execution.engines import Engine, Report, as_error
from elman.tasks.tagging.shard import Job

TRIES = 3
MOST_SET_ASIDE = 100  # records in a run; more is no matter of records
STALLED_S, SLOWEST = 120.0, 20_000.0  # without a sign of life: seconds, and bytes a second beside them
STARTING_S = 300.0  # until a worker is up
LOOK_EVERY_S = 1.0  # for workers that give no sign of life
Log = Callable[[str], None]


@dataclass
class Work:
    """A shard that is to be made.

    job: makes the attempt's; called before each.
    size: bytes of input, for the time it may take.
    beside: bytes that it may have to read besides.
    """

    name: str
    job: Callable[[], Job | dict[str, Any]]
    size: int
    beside: int = 0
    tries: int = 0
    skip: dict[int, tuple[str, str]] = field(default_factory=dict)
    suspect: tuple[int, int] | None = None
    at: tuple[int, int] | None = None
    heard: float = 0.0
    up: bool = False

    def limit_s(self) -> float:
        """How long it may be silent."""
        return STALLED_S + (self.size + self.beside) / SLOWEST if self.up else STARTING_S


class Runner:
    """Runs work on an engine.

    Args:
        engine: runs attempts.
        on_done: called with each work done and its shard.
        on_bad: called with work whose source cannot be read, and why.
        log: told what happens.
    """

    def __init__(
        self,
        engine: Engine,
        on_done: Callable[[Work, Shard], None],
        on_bad: Callable[[Work, Exception], None],
        log: Log = lambda line: None,
    ) -> None:
        self.engine, self.on_done, self.on_bad, self.log = engine, on_done, on_bad, log
        self.waiting: deque[Work] = deque()
        self.running: dict[int, Work] = {}
        self.attempts = 0
        self.set_aside = 0

    def add(self, works: Iterable[Work]) -> None:
        """Queue work."""
        self.waiting.extend(works)

    def run(self, until: Callable[[], bool]) -> None:
        """Go on until something holds, or nothing is left to do.

        Raises:
            OSError: a worker met one, as a full disk.
            ElmanError: no worker comes up, or too many records end theirs.
        """
        looked = time.monotonic()
        while not until() and (self.waiting or self.running):
            while self.waiting and self.engine.idle() > 0:
                self._start(self.waiting.popleft())
            for report in self.engine.poll(1.0):
                self._hear(report)
            now = time.monotonic()
            if now - looked < LOOK_EVERY_S:
                continue
            looked = now
            for attempt, work in list(self.running.items()):
                if now - work.heard > work.limit_s():
                    self.engine.stop(attempt)
                    detail = f"no sign of life for {work.limit_s():.0f} seconds"
                    self._lost(attempt, "worker-stalled", detail)

    def drop(self, unwanted: Callable[[Work], bool]) -> list[Work]:
        """Forget work, and what is under way of it; returns it."""
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
            job = asdict(replace(job, skip=work.skip, suspect=work.suspect))
        self.attempts += 1
        work.at, work.heard = None, time.monotonic()
        self.running[self.attempts] = work
        work.up = self.engine.start(self.attempts, job)

    def _hear(self, report: Report) -> None:
        work = self.running.get(report.attempt)
        if work is None:  # given up before
            self.log(f"attempt {report.attempt}: a late answer, ignored")
            return
        work.heard, work.up = time.monotonic(), True
        if report.at is not None:
            work.at = report.at
            return
        if report == Report(report.attempt):
            return
        if report.lost and work.at is None:
            self.log(f"{work.name}: its machine is gone before it was begun; it is tried elsewhere")
            self.waiting.appendleft(self.running.pop(report.attempt))
            return
        if report.died is not None:
            self._lost(report.attempt, "worker-killed", f"its end ({report.died})")
            return
        if report.error is not None and report.error["kind"] == "other":
            self._lost(report.attempt, "worker-failed", str(report.error["message"]))
            return
        del self.running[report.attempt]
        if report.shard is not None:
            self.on_done(work, Shard.from_json(report.shard))
            return
        assert report.error is not None
        error = as_error(report.error)
        if report.error["kind"] != "bad-input":
            raise error
        self.on_bad(work, error)

    def _lost(self, attempt: int, reason: str, detail: str) -> None:
        """An attempt came to nothing: what next?"""
        work = self.running.pop(attempt)
        work.tries += 1
        self.log(f"{work.name}: try {work.tries}: {reason}, {detail}; records {work.at}")
        if work.at is not None and work.at[1] > work.at[0] and work.tries >= TRIES:
            begin, end = work.at
            if end - begin == 1 and work.suspect is not None:
                self._set_aside(work, begin, reason, detail)
            else:
                work.suspect = work.at
        elif work.tries >= TRIES + 2:
            raise ElmanError(
                f"{work.name}: expected a worker to read it. Got {detail}, {work.tries} times ({reason}). "
                "What is done is kept: run the same command again when the cause is mended."
            )
        self.waiting.appendleft(work)

    def _set_aside(self, work: Work, number: int, reason: str, detail: str) -> None:
        for skipped in sorted(work.skip):
            number += skipped <= number
        work.skip[number] = reason, detail
        work.suspect, work.tries = None, TRIES - 1
        self.set_aside += 1
        self.log(f"{work.name}: record {number} set aside: {reason}")
        if self.set_aside > MOST_SET_ASIDE:
            raise ElmanError(
                f"expected at most {MOST_SET_ASIDE} records that end their workers. Got more, last in "
                f"{work.name}: {detail}. The run's log says more."
            )
