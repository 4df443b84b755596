"""Engine of worker processes on the machines of a Ray cluster.

Each Ray actor supervises one worker process of its machine, as `tasks.execution.local_engine.Local` does,
and forwards its reports. Only paths and small values travel; shards are staged on storage that every
machine sees under the same name. Ray repeats nothing (`max_restarts`, `max_task_retries` of 0):
`tasks.execution.scheduler` decides. An abandoned actor is killed; late reports of one that is out of
reach are ignored.
"""

import contextlib
import errno
import logging
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elman.data.errors import ElmanError, UsageError
from elman.data.store.code_hash import code_hash
from elman.data.store.disk import sha256_file
from elman.tasks.execution.engine import EngineType, Launch, Report, as_error
from elman.tasks.execution.local_engine import Local
from elman.tasks.execution.makers import PlainRequest
from elman.tasks.execution.memory import MemoryPlan, Resources, plan_cluster_memory, plan_memory
from elman.tasks.execution.worker import describe
from elman.tasks.runtime import environment, orchestration
from elman.tasks.runtime.console import print_status

ADDRESS = "RAY_ADDRESS"  # of a cluster that runs; Ray's own name for it
POLL_S = 10.0  # an actor answers when there are reports, or after this long
VISIBLE_S = 20.0  # until a machine sees what was written on another
WARN_S, PLACEMENT_S = 30.0, 900.0  # without any actor: until the user is warned, until the run ends
START_TRIES = 3  # of a Ray of this machine: Ray gives its processes 30 seconds, which a busy one exceeds
OBJECTS = 100 << 20  # bytes of Ray's object store on this machine: no object is ever put there


class WorkerActor:
    """A worker process and its supervisor, run as a Ray actor."""

    def __init__(self, request: dict[str, Any], command: Sequence[str] | None) -> None:
        self.local = Local(1, PlainRequest(request), None, command)

    def inspect(self, paths: Sequence[str], plan: str, plan_sha256: str) -> dict[str, Any]:
        """Return the machine's names, the paths it does not see, and whether it sees the driver's plan."""
        until = time.monotonic() + VISIBLE_S
        while (seen := _sha256(plan)) != plan_sha256 and time.monotonic() < until:
            time.sleep(0.5)
        import ray

        return {
            "node": ray.get_runtime_context().get_node_id(),
            "host": socket.gethostname(),
            "code": code_hash(),
            "missing": [path for path in paths if not Path(path).exists()],
            "plan": seen == plan_sha256,
        }

    def start(self, attempt: int, job: dict[str, Any]) -> dict[str, Any]:
        """Start an attempt, then `poll`."""
        self.local.start(attempt, job)
        return self.poll()

    def poll(self) -> dict[str, Any]:
        """Return new reports as {"reports": [...]}, or why no worker starts as {"error": ...}."""
        try:
            return {"reports": [asdict(report) for report in self.local.poll(POLL_S)]}
        except (ElmanError, OSError) as error:
            return {"error": describe(error)}


@dataclass
class _Handle:
    """The driver's view of an actor."""

    actor: Any
    call: Any  # Ray's reference to the last call
    ready: bool = False
    node: str = ""  # Ray's name for its machine
    host: str = ""
    attempt: int | None = None


class Ray:
    """Runs attempts on the cluster at `RAY_ADDRESS`, or on a Ray of this machine that ends with the run.

    Args:
        launch: the run; its number of workers is the number of actors, of one core each, all cores of the
        cluster if
            None; its memory per worker is reserved.
        command: starts a worker; a machine's own Python if None.

    Raises:
        UsageError: Ray is not installed, or its address is not that of a driver.
        ElmanError: there is no cluster at the address.
    """

    def __init__(self, launch: Launch, command: Sequence[str] | None = None) -> None:
        self.request, self.log, self.command = launch.request, launch.log, command
        needed = [Path(self.request.model), *launch.paths]
        plan = launch.plan
        self.required = [str(path.absolute()) for path in needed], str(plan.absolute()), sha256_file(plan)
        self.open = ExitStack()
        self.ray = _open(self.open, launch.memory.workers or environment.cores())
        cores = int(self.ray.cluster_resources().get("CPU", 0))
        self.workers = max(min(launch.memory.workers or cores, launch.shards), 1)
        self.log(f"Ray: {self.workers} workers on {len(self._alive())} machines with {cores} cores")
        memory = launch.memory.worker
        options = {"num_cpus": 1, "memory": memory, "max_restarts": 0, "max_task_retries": 0}
        self.remote = self.ray.remote(**options)(WorkerActor)
        self.actors: list[_Handle] = []
        self.placed = self.warned = time.monotonic()
        self._start_actors()

    def _start_actors(self) -> None:
        """Request the actors that are missing."""
        while len(self.actors) < self.workers:
            actor = self.remote.remote(self.request.to_json(), self.command)
            self.actors.append(_Handle(actor, actor.inspect.remote(*self.required)))

    def idle(self) -> int:
        """Return how many actors have no attempt; those that wait for a place in the cluster do not count."""
        return sum(actor.ready and actor.attempt is None for actor in self.actors)

    def start(self, attempt: int, job: dict[str, Any]) -> bool:
        """Send the job to an idle actor."""
        idle = next(actor for actor in self.actors if actor.ready and actor.attempt is None)
        idle.attempt, idle.call = attempt, idle.actor.start.remote(attempt, job)
        return False

    def poll(self, timeout_s: float) -> list[Report]:
        """Return new reports; see `tasks.execution.engine.Engine`.

        Raises:
            ElmanError: a machine lacks something, no worker starts, or the cluster has no place for any.
        """
        self._start_actors()
        self._check_placement()
        called = {actor.call: actor for actor in self.actors if actor.call is not None}
        if not called:
            return []
        calls = list(called)
        with _signals():
            self.ray.wait(calls, timeout=timeout_s)
            done, _ = self.ray.wait(calls, num_returns=len(calls), timeout=0)
            return [report for call in done for report in self._collect(called[call])]

    def _collect(self, actor: _Handle) -> list[Report]:
        try:
            result = self.ray.get(actor.call)
        except self.ray.exceptions.RayError as error:
            return self._lose(actor, error)
        actor.call = None
        if not actor.ready:
            self._admit(actor, result)
            return []
        if "error" in result:
            self.log(f"no worker starts on {actor.host}, machine {actor.node}")
            raise as_error(result["error"])
        reports = [Report(**report) for report in result["reports"]]
        for failed in [report.error for report in reports if report.error]:
            if failed["kind"] == "os" and failed["errno"] == errno.ENOENT:
                raise _missing(actor.host, failed["file"])
            if failed["kind"] == "changed":
                self.log(
                    f"{actor.host}, machine {actor.node}: a source differs from what the driver has hashed"
                )
        if any(report.records is None and report != Report(report.attempt) for report in reports):
            actor.attempt = None
        else:
            actor.call = actor.actor.poll.remote()
        return reports

    def _admit(self, actor: _Handle, seen: dict[str, Any]) -> None:
        """Check that a new actor sees the model, the sources and the plan."""
        actor.node, actor.host = seen["node"], seen["host"]
        _, plan, _ = self.required
        if seen["code"] != code_hash():
            raise ElmanError(f"{actor.host}: expected the driver's version of Elman. Got another.")
        for path in seen["missing"] or ([] if seen["plan"] else [plan]):
            raise _missing(actor.host, path)
        actor.ready, self.placed = True, time.monotonic()
        self.log(f"a worker on {actor.host}, machine {actor.node}")

    def _lose(self, actor: _Handle, error: Exception) -> list[Report]:
        """Report an actor that has ended, alone or with its machine."""
        self._kill(actor)
        if not actor.ready and getattr(error, "_actor_init_failed", False):
            raise ElmanError(f"expected Elman installed on every machine of the cluster. Got {_last(error)}.")
        unavailable = isinstance(error, self.ray.exceptions.ActorUnavailableError)
        lost = actor.node not in self._alive() or unavailable
        place = f"{actor.host}, machine {actor.node}" if actor.ready else "an unknown machine"
        self.log(f"a worker on {place} is lost: {type(error).__name__}")
        if actor.attempt is None:
            return []
        died = "the end of its machine" if lost else "the end of its Ray worker"
        return [Report(actor.attempt, died=died, lost=lost)]

    def _alive(self) -> set[str]:
        return {node["NodeID"] for node in self.ray.nodes() if node["Alive"]}

    def _check_placement(self) -> None:
        """Warn the user, and in the end give up, while the cluster has no place for any worker."""
        now = time.monotonic()
        if any(actor.ready for actor in self.actors):
            self.placed = self.warned = now
        elif now - self.placed > PLACEMENT_S:
            raise ElmanError(
                f"expected room for a worker in the Ray cluster. Got none in {PLACEMENT_S:.0f} seconds."
            )
        elif now - self.warned > WARN_S:
            self.warned = now
            print_status(
                "waiting for room for a worker in the Ray cluster (`ray status` shows what it is used for)"
            )

    def _kill(self, actor: _Handle) -> None:
        self.actors.remove(actor)
        with contextlib.suppress(self.ray.exceptions.RayError):
            self.ray.kill(actor.actor, no_restart=True)

    def stop(self, attempt: int) -> None:
        """Kill the actor of an attempt, and its process with it."""
        for actor in [actor for actor in self.actors if actor.attempt == attempt]:
            self._kill(actor)

    def close(self) -> None:
        """Kill all actors, and leave the cluster."""
        for actor in list(self.actors):
            self._kill(actor)
        self.open.close()


def _open(stack: ExitStack, cores: int) -> Any:
    """Return the ray module, with a cluster open until the stack is closed."""
    address = os.environ.get(ADDRESS, "local")
    if address.startswith("ray://"):
        raise UsageError(
            f"expected {ADDRESS} of a driver that runs on a machine of the cluster: HOST:6379 or auto. Got "
            f"{address}, of a client from outside, which a lost connection would end."
        )
    try:
        import prefect_ray  # noqa: F401 (`orchestration.cluster` needs it)
        import ray
    except ImportError:
        raise UsageError(
            "expected Ray, for --engine ray. Got none: `make ray` adds it to .venv, "
            "as `pip install -e '.[ray]'` does elsewhere; or leave --engine out."
        ) from None
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local" and not ray.is_initialized():  # for this run alone
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        settings |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": OBJECTS}
    before = signal.getsignal(signal.SIGTERM)
    stack.enter_context(contextlib.redirect_stdout(sys.stderr))  # stdout is for `--json`; Ray prints there
    try:
        for tried in range(START_TRIES if address == "local" else 1):
            try:
                stack.enter_context(orchestration.cluster(address, **settings))
                break
            except Exception as error:  # Ray raises the class itself when a machine is too busy to start it
                ray.shutdown()
                if tried + 1 == START_TRIES or address != "local":
                    raise ElmanError(
                        f"expected a Ray cluster at {ADDRESS} {address}. Got {_last(error)}."
                    ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray has replaced it
    return ray


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Raise the exception of a signal handler, which Ray wraps in an error of its own."""
    try:
        yield
    except SystemError as error:
        if error.__cause__ is None or isinstance(error.__cause__, Exception):
            raise
        raise error.__cause__ from None


def _missing(host: str, path: str) -> ElmanError:
    return ElmanError(
        f"{host}: expected {path} as on the driver's machine. Got another or none. "
        "Sources, model and output must lie on storage that all machines see under the same names."
    )


def _last(error: Exception) -> str:
    """Return the last line of an error: Ray's are long."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip().rstrip(".")


def _sha256(path: str) -> str | None:
    with contextlib.suppress(OSError):
        return sha256_file(Path(path))
    return None


def _plan_memory(resources: Resources, shards: int, kind: str, weights: int) -> MemoryPlan:
    """Plan for the machines of a running cluster, else for this one."""
    plan = plan_cluster_memory if ADDRESS in os.environ else plan_memory
    return plan(resources, shards, kind, weights)


def _start(launch: Launch) -> Ray:
    return Ray(launch)


ENGINE = EngineType(open=_start, plan_memory=_plan_memory, one_machine=False)
