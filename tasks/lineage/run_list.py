"""Runs of the home as rows of a list: what, when, how it ended, and its score."""

import calendar
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from elman.data.errors import UsageError
from elman.tasks.inspection.render import table
from elman.tasks.runtime import run_record
from elman.tasks.runtime.console import printable
from elman.tasks.runtime.run_record import RunRecord

# Metrics that stand for a run, the first that it has
SCORES = (
    *(f"{split}_{name}" for name in ("f1", "mcc") for split in ("test", "all", "dev")),
    "challenger_score",
    "f1",
)
_SINCE = re.compile(r"(\d+)([hd])|(\d{4}-\d\d-\d\d)")
_LONGEST_NAME = 48


@dataclass(frozen=True, kw_only=True)
class ListedRun:
    """One run in a list.

    Attributes:
        id: of the run.
        kind: "train", "tag", ...
        name: shown in lists.
        started: UTC, as 2026-11-30T17:12:04Z.
        seconds: wall time; None while it goes on.
        state: RUNNING, FINISHED, FAILED or KILLED.
        score: its value and the metric it is; None without one.
        parent: run it is a part of.
    """

    id: str
    kind: str
    name: str
    started: str
    seconds: float | None
    state: str
    score: tuple[str, float] | None
    parent: str | None

    @classmethod
    def of(cls, run: RunRecord) -> "ListedRun":
        """Read a run's record; one whose process is gone counts as killed."""
        info = run.info
        ended = info.ended_ms
        return cls(
            id=info.id,
            kind=info.kind,
            name=info.name,
            started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(info.started_ms / 1000)),
            seconds=None if ended is None else round((ended - info.started_ms) / 1000, 1),
            state=state_of(run),
            score=score_of(run),
            parent=info.parent,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `metric` and `score` only if there is one."""
        scored = {"metric": self.score[0], "score": self.score[1]} if self.score else {}
        plain = {"id": self.id, "kind": self.kind, "name": self.name, "started": self.started}
        ended = {} if self.seconds is None else {"seconds": self.seconds}
        parent = {"parent": self.parent} if self.parent else {}
        return {**plain, **ended, "state": self.state, **scored, **parent}


def state_of(run: RunRecord) -> str:
    """State of a run; KILLED if it never ended and its process is gone."""
    gone = run.info.status == "RUNNING" and not run_record.lives(run.info)
    return "KILLED" if gone else run.info.status


def score_of(run: RunRecord) -> tuple[str, float] | None:
    """The first of SCORES that a run has, with its last value."""
    values = {name: value for name, value, _, _ in run.rows()}
    return next(((name, values[name]) for name in SCORES if name in values), None)


@dataclass(frozen=True, kw_only=True)
class RunFilter:
    """Which runs to list.

    Attributes:
        kind: of all runs if None.
        state: likewise.
        name: text that a run's name or id contains, in any case.
        since: 12h or 3d ago, or a date, 2026-11-30 (UTC).
    """

    kind: str | None = None
    state: str | None = None
    name: str = ""
    since: str | None = None

    def first_ms(self) -> int:
        """Earliest start, in ms since 1970.

        Raises:
            UsageError: `since` is neither a span nor a date.
        """
        if self.since is None:
            return 0
        found = _SINCE.fullmatch(self.since)
        try:
            if found is None:
                raise ValueError
            if found[3]:
                return int(_utc_seconds(found[3]) * 1000)
            return int((time.time() - int(found[1]) * {"h": 3600, "d": 86400}[found[2]]) * 1000)
        except ValueError:
            raise UsageError(
                f"expected --since of hours (12h), days (3d) or a date (2026-11-30). Got {self.since!r}."
            ) from None

    def passes(self, run: RunRecord) -> bool:
        """Return True if a run is to be listed."""
        info, wanted = run.info, self.name.casefold()
        return (
            (self.kind is None or info.kind == self.kind)
            and info.started_ms >= self.first_ms()
            and any(wanted in text.casefold() for text in (info.name, info.id))
            and (self.state is None or state_of(run) == self.state)
        )


def _utc_seconds(date: str) -> float:
    return float(calendar.timegm(time.strptime(date, "%Y-%m-%d")))


@dataclass(frozen=True, kw_only=True)
class RunList:
    """Runs, newest first.

    Attributes:
        runs: that are shown.
        matching: number of runs that pass the filter.
        damaged: messages about records that cannot be read.
    """

    runs: tuple[ListedRun, ...]
    matching: int
    damaged: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        damaged = {"damaged": list(self.damaged)} if self.damaged else {}
        return {"matching": self.matching, "runs": [run.to_json() for run in self.runs], **damaged}


def list_runs(wanted: RunFilter, count: int) -> RunList:
    """Read the records of the home.

    Args:
        wanted: the filter.
        count: most runs to show; all if 0.
    """
    found, damaged = run_record.records()
    passing = [run for run in found if wanted.passes(run)]
    passing.sort(key=lambda run: (run.info.started_ms, run.info.id), reverse=True)
    shown = passing[:count] if count else passing
    return RunList(
        runs=tuple(map(ListedRun.of, shown)), matching=len(passing), damaged=tuple(damaged.values())
    )


def text_of(found: RunList) -> str:
    """The list for a terminal."""
    return "\n".join(_lines(found))


def _lines(found: RunList) -> Iterator[str]:
    if not found.runs:
        yield "No run matches." if not found.damaged else "No run that can be read matches."
    else:
        head = ("started (UTC)", "kind", "state", "score", "name", "id")
        yield from (line[3:] for line in table(head, [_row(run) for run in found.runs]))
        if found.matching > len(found.runs):
            yield f"{len(found.runs)} of {found.matching:,}, the newest; --count 0 lists all."
    yield from map(printable, found.damaged)


def _row(run: ListedRun) -> Sequence[str]:
    score = f"{run.score[0]} {run.score[1]:.4f}" if run.score else ""
    name = run.name if len(run.name) <= _LONGEST_NAME else run.name[: _LONGEST_NAME - 3] + "..."
    return (run.started[:16].replace("T", " "), run.kind, run.state, score, printable(name), run.id)
