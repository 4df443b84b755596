"""`elman promote`, `elman rollback` and `elman history`: the champion of a registered name."""

from dataclasses import dataclass
from typing import Annotated, Any

import tyro
from tyro.conf import Positional

from elman.data.errors import UsageError
from elman.flows.arguments import Config
from elman.tasks.ingest.corpus_names import NAME
from elman.tasks.retraining import promotion
from elman.tasks.retraining.history import Entry, read
from elman.tasks.retraining.judging import judge_by_hand
from elman.tasks.retraining.promotion import Decision
from elman.tasks.runtime.console import print_status, without_controls
from elman.tasks.runtime.mlflow_connection import TrackingError

Name = Positional[Annotated[str, tyro.conf.arg(metavar="NAME")]]
Version = Positional[Annotated[str, tyro.conf.arg(metavar="VERSION")]]
OptionalVersion = Positional[Annotated[str | None, tyro.conf.arg(metavar="VERSION")]]


@dataclass(frozen=True, kw_only=True)
class _OfName(Config):
    """Config of a command on a registered name."""

    name: Name
    """registered name"""

    def __post_init__(self) -> None:
        """Check the name beside the bounds."""
        super().__post_init__()
        if not NAME.fullmatch(self.name):
            raise UsageError(
                f"expected NAME of lower-case letters, digits, '.', '_', '-'. Got {self.name!r}."
            )


@dataclass(frozen=True, kw_only=True)
class PromoteConfig(_OfName):
    """Make a version champion by hand, if it works in a process of its own."""

    version: Version
    """number of the version"""
    why: str = "promoted by hand"
    """reason, for the history"""


@dataclass(frozen=True, kw_only=True)
class RollbackConfig(_OfName):
    """Make an earlier version champion again, if the hashes of its files hold."""

    version: OptionalVersion = None
    """number of the version; the champion before this one by default"""
    why: str = ""
    """reason, for the history"""


@dataclass(frozen=True, kw_only=True)
class HistoryConfig(_OfName):
    """Show every decision about the champion of a name, with its reason."""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A decision as a command shows it."""

    name: str
    entry: Entry

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; exit code 1 if it was refused."""
        values = {"name": self.name, **self.entry.to_json()}
        return values if self.entry.done else {**values, "exit_code": 1}


def promote(config: PromoteConfig) -> Decided:
    """Promote a version by hand: the infrastructure gate, then compare-and-set."""
    champion = promotion.champion_of(config.name)
    judgement = judge_by_hand(config.name, config.version)
    entry = promotion.change(
        Decision(
            name=config.name,
            version=config.version,
            judged_against=champion,
            why=config.why if judgement.passed else judgement.why,
            checks=judgement.checks,
            passed=judgement.passed,
        )
    )
    return Decided(name=config.name, entry=entry)


def rollback(config: RollbackConfig) -> Decided:
    """Make an earlier version champion again."""
    return Decided(name=config.name, entry=promotion.rollback(config.name, config.version, config.why))


@dataclass(frozen=True, kw_only=True)
class History:
    """The decisions about a name, oldest first."""

    name: str
    entries: tuple[Entry, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        champion = self.entries[-1].champion if self.entries else ""
        return {
            "name": self.name,
            "champion": champion,
            "entries": [entry.to_json() for entry in self.entries],
        }


def history(config: HistoryConfig) -> History:
    """Show the decisions about a name."""
    try:
        entries = promotion.entries_of(config.name)
    except TrackingError as error:
        print_status(f"MLflow is not asked whether its alias was moved: {error}")
        entries = read(config.name)
    return History(name=config.name, entries=tuple(entries))


def text_of(shown: History) -> str:
    """The history for the terminal: a decision and its reason in two lines."""
    if not shown.entries:
        return f"{shown.name}: no version has been champion."
    lines = []
    for entry in shown.entries:
        champion = f"champion {entry.champion}" if entry.champion else "no champion"
        lines.append(f"{entry.time}  version {entry.version} {entry.action}, {champion}")
        lines.append(f"    {entry.why}")
    return "\n".join(map(without_controls, lines))
