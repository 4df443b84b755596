"""Engines: the protocol by which attempts at shards are run, and the registry of its implementations.

An engine starts attempts and reports what became of them; `tasks.execution.scheduler` decides.
`inline.py` works in this process; every other engine is a module NAME_engine.py of this folder with an
`ENGINE`, and becomes `elman tag --engine NAME`.
"""

import os
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Protocol

from elman.data.errors import BadInput, Changed, ElmanError
from elman.tasks import execution
from elman.tasks.execution.makers import ShardRequest
from elman.tasks.execution.memory import MemoryPlan, Resources

Log = Callable[[str], None]
_SUFFIX = "_engine"


@dataclass(frozen=True)
class Report:
    """Progress or result of an attempt; one without either: its worker is ready.

    Attributes:
        attempt: number of the attempt.
        records: range of records that is tried next.
        shard: staged by the attempt.
        error: as `tasks.execution.worker.describe` gives it.
        died: how its worker ended.
        lost: True if its whole machine was lost.
    """

    attempt: int
    records: tuple[int, int] | None = None
    shard: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    died: str | None = None
    lost: bool = False


class Engine(Protocol):
    """Runs attempts; late results of an abandoned attempt are ignored."""

    def idle(self) -> int:
        """Return how many attempts can be started now."""
        ...

    def start(self, attempt: int, job: dict[str, Any]) -> bool:
        """Start an attempt; return True if its worker is ready already."""
        ...

    def poll(self, timeout_s: float) -> list[Report]:
        """Return new reports; wait up to `timeout_s` for the first."""
        ...

    def stop(self, attempt: int) -> None:
        """Abandon an attempt and end its worker."""
        ...

    def close(self) -> None:
        """Stop all workers."""
        ...


@dataclass(frozen=True, kw_only=True)
class Launch:
    """Settings with which an engine runs the shards of a run.

    Attributes:
        request: settings of all shards.
        memory: number of workers, and what each may take.
        shards: number of shards to run; more workers have nothing to do.
        plan: path of the plan, written already.
        paths: files and folders that workers read.
        log_file: for the stderr of workers.
        log: called with a line for the run's log.
    """

    request: ShardRequest
    memory: MemoryPlan
    shards: int
    plan: Path
    paths: Sequence[Path]
    log_file: IO[bytes]
    log: Log


@dataclass(frozen=True)
class EngineType:
    """A kind of engine.

    Attributes:
        open: starts one. plan_memory: shares memory out, from resources, number of shards, kind of model
        and bytes of its weights. one_machine: True if its workers share this machine, so that throughput
        can be recorded.
    """

    open: Callable[[Launch], Engine]
    plan_memory: Callable[[Resources, int, str, int], MemoryPlan]
    one_machine: bool


def engine_names() -> tuple[str, ...]:
    """Return the names of all engines that can be named on the command line."""
    modules = (module.name for module in pkgutil.iter_modules(execution.__path__))
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in modules if name.endswith(_SUFFIX)))


def engine_type(name: str) -> EngineType:
    """Load the engine of a name."""
    engine: EngineType = import_module(f"elman.tasks.execution.{name}{_SUFFIX}").ENGINE
    return engine


def as_error(description: dict[str, Any]) -> Exception:
    """Return the error that `tasks.execution.worker.describe` described."""
    if description["kind"] in ("bad-input", "changed"):
        return (Changed if description["kind"] == "changed" else BadInput)(**description["fields"])
    if description["kind"] == "os":
        return OSError(description["errno"], os.strerror(description["errno"]), description["file"] or None)
    error = ElmanError(description["message"])
    error.exit_code = description.get("exit_code", 1)
    return error
