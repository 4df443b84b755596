"""`elman runs`: the runs of the home in the terminal."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from elman.flows.arguments import Config
from elman.tasks.lineage.run_list import RunFilter, RunList, list_runs


@dataclass(frozen=True, kw_only=True)
class RunsConfig(Config):
    """List the runs of the home, newest first: when, kind, state, score, name and id."""

    kind: str | None = None
    """ingest, check, train, baseline, evaluate, ladder, tag, retrain ...; all if not given"""
    state: Literal["RUNNING", "FINISHED", "FAILED", "KILLED"] | None = None
    """how it ended, or that it goes on; all if not given"""
    name: str = ""
    """text that a run's name or id contains"""
    since: str | None = None
    """runs of the last hours (12h) or days (3d), or from a date on (2026-11-30, UTC)"""
    count: Annotated[int, Ge(0)] = 20
    """runs to list at most; 0 for all"""

    def __post_init__(self) -> None:
        """Check the date beside the bounds."""
        super().__post_init__()
        self.wanted.first_ms()

    @property
    def wanted(self) -> RunFilter:
        """The filter."""
        return RunFilter(kind=self.kind, state=self.state, name=self.name, since=self.since)


def runs(config: RunsConfig) -> RunList:
    """Read the records of the runs."""
    return list_runs(config.wanted, config.count)
