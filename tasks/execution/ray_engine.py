"""Attempts on the machines of a Ray cluster, under the same contract as on this one.

A Ray actor is a seat: it keeps one worker process of its machine, as `tasks.execution.engines.Local` does, and hands on
what that says. Paths and small values alone travel; all that is made lies on storage every machine sees under
the same name. Ray repeats nothing (`max_restarts`, `max_task_retries` of 0): `tasks.execution.scheduler` decides. A seat
that was given up is killed; what a seat beyond reach should still do is not heard, and changes nothing.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elman.data.errors import ElmanError, UsageError
from elman.data.store.disk import code_hash, sha256_file
from elman.tasks.execution.engines import Local, Report, as_error
from elman.tasks.execution.worker import describe
from elman.tasks.runtime import environment, orchestration
from elman.tasks.runtime.console import print_status
from elman.tasks.tagging.shard import Request

ADDRESS = "RAY_ADDRESS"  # of a cluster that runs; Ray's own name for it
HOLD_S = 10.0  # a seat answers when there is something to say, or after this long
LOOK_S = 20.0  # until a machine sees what was written on another
TELL_S, PLACE_S = 30.0, 900.0  # without any seat: until the user is told, until the run ends
OBJECTS = 100 << 20  # bytes of Ray's object store on this machine: no object is ever put there


class Seat:
    """What runs in a Ray actor: a worker process and whoever looks after it."""

    def __init__(self, request: dict[str, Any], command: Sequence[str] | None) -> None:
        self.local = Local(1, Request(**{**request, "formats": tuple(request["formats"])}), None, command)

    def look(self, paths: Sequence[str], plan: str, plan_sha256: str) -> dict[str, Any]:
        """What this machine is, what it has not, and whether it sees the plan the driver wrote."""
        until = time.monotonic() + LOOK_S
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
        """Start an attempt, then as `hold`."""
        self.local.start(attempt, job)
        return self.hold()

    def hold(self) -> dict[str, Any]:
        """What the process says next, as {"reports": [...]}, or why none comes up, as {"error": ...}."""
        try:
            return {"reports": [asdict(report) for report in self.local.poll(HOLD_S)]}
        except (ElmanError, OSError) as error:
            return {"error": describe(error)}


@dataclass
class _Seat:
    """The driver's end of a seat."""

    actor: Any
    call: Any  # Ray's reference to what was last asked of it
    up: bool = False
    node: str = ""  # Ray's name for its machine
    host: str = ""
    attempt: int | None = None


class Ray:
    """Runs attempts on the cluster at `RAY_ADDRESS`, or on a Ray of this machine that ends with the run.

    Args:
        workers: how many seats, of one core each; all cores of the cluster if None.
        request: what all shards have in common.
        plan: the file that says what is to be done, written already.
        paths: what else every machine must see, under the same names.
        most: seats that there is work for.
        memory: bytes a seat reserves on its machine.
        log: told where seats are.
        command: what starts a worker; a machine's own Python if None.

    Raises:
        UsageError: Ray is not installed, or its address is none for a driver.
        ElmanError: there is no cluster at the address.
    """

    def __init__(
        self,
        workers: int | None,
        request: Request,
        plan: Path,
        paths: Sequence[Path] = (),
        *,
        most: int,
        memory: int = 0,
        log: Callable[[str], None] = lambda line: None,
        command: Sequence[str] | None = None,
    ) -> None:
        self.request, self.log, self.command = request, log, command
        needed = [Path(request.model), *paths]
        self.needs = [str(path.absolute()) for path in needed], str(plan.absolute()), sha256_file(plan)
        self.open = ExitStack()
        self.ray = _open(self.open, workers or environment.cores())
        cores = int(self.ray.cluster_resources().get("CPU", 0))
        self.workers = max(min(workers or cores, most), 1)
        log(f"Ray: {self.workers} workers on {len(self._alive())} machines with {cores} cores")
        options = {"num_cpus": 1, "memory": memory, "max_restarts": 0, "max_task_retries": 0}
        self.remote = self.ray.remote(**options)(Seat)
        self.seats: list[_Seat] = []
        self.seated = self.told = time.monotonic()
        self._fill()

    def _fill(self) -> None:
        """Ask for the seats that are missing."""
        while len(self.seats) < self.workers:
            actor = self.remote.remote(self.request.to_json(), self.command)
            self.seats.append(_Seat(actor, actor.look.remote(*self.needs)))

    def idle(self) -> int:
        """Seats without work; those the cluster has no room for yet are none."""
        return sum(seat.up and seat.attempt is None for seat in self.seats)

    def start(self, attempt: int, job: dict[str, Any]) -> bool:
        """Give it to a seat that has nothing to do."""
        seat = next(seat for seat in self.seats if seat.up and seat.attempt is None)
        seat.attempt, seat.call = attempt, seat.actor.start.remote(attempt, job)
        return False

    def poll(self, timeout_s: float) -> list[Report]:
        """See `tasks.execution.engines.Engine`.

        Raises:
            ElmanError: a machine has not what it needs, no worker comes up, or there is no room for any.
        """
        self._fill()
        self._patience()
        asked = {seat.call: seat for seat in self.seats if seat.call is not None}
        if not asked:
            return []
        calls = list(asked)
        with _signals():
            self.ray.wait(calls, timeout=timeout_s)
            done, _ = self.ray.wait(calls, num_returns=len(calls), timeout=0)
            return [report for call in done for report in self._hear(asked[call])]

    def _hear(self, seat: _Seat) -> list[Report]:
        try:
            said = self.ray.get(seat.call)
        except self.ray.exceptions.RayError as error:
            return self._gone(seat, error)
        seat.call = None
        if not seat.up:
            self._seat(seat, said)
            return []
        if "error" in said:
            self.log(f"no worker comes up on {seat.host}, machine {seat.node}")
            raise as_error(said["error"])
        reports = [Report(**report) for report in said["reports"]]
        for failed in [report.error for report in reports if report.error]:
            if failed["kind"] == "os" and failed["errno"] == errno.ENOENT:
                raise _absent(seat.host, failed["file"])
            if failed["kind"] == "changed":
                self.log(f"{seat.host}, machine {seat.node}: a source is not what the driver has seen")
        if any(report.at is None and report != Report(report.attempt) for report in reports):
            seat.attempt = None
        else:
            seat.call = seat.actor.hold.remote()
        return reports

    def _seat(self, seat: _Seat, seen: dict[str, Any]) -> None:
        """A seat has its place; is all there that it needs?"""
        seat.node, seat.host = seen["node"], seen["host"]
        _, plan, _ = self.needs
        if seen["code"] != code_hash():
            raise ElmanError(f"{seat.host}: expected the driver's version of Elman. Got another.")
        for path in seen["missing"] or ([] if seen["plan"] else [plan]):
            raise _absent(seat.host, path)
        seat.up, self.seated = True, time.monotonic()
        self.log(f"a worker on {seat.host}, machine {seat.node}")

    def _gone(self, seat: _Seat, error: Exception) -> list[Report]:
        """A seat has come to its end, alone or with its machine."""
        self._kill(seat)
        if not seat.up and getattr(error, "_actor_init_failed", False):
            raise ElmanError(f"expected Elman installed on every machine of the cluster. Got {_last(error)}.")
        lost = seat.node not in self._alive() or isinstance(error, self.ray.exceptions.ActorUnavailableError)
        place = f"{seat.host}, machine {seat.node}" if seat.up else "a machine unknown"
        self.log(f"a worker on {place} is gone: {type(error).__name__}")
        if seat.attempt is None:
            return []
        died = "the end of its machine" if lost else "the end of its Ray worker"
        return [Report(seat.attempt, died=died, lost=lost)]

    def _alive(self) -> set[str]:
        return {node["NodeID"] for node in self.ray.nodes() if node["Alive"]}

    def _patience(self) -> None:
        """Tell the user, and give up in the end, where the cluster has no room for any worker."""
        now = time.monotonic()
        if any(seat.up for seat in self.seats):
            self.seated = self.told = now
        elif now - self.seated > PLACE_S:
            raise ElmanError(
                f"expected room for a worker in the Ray cluster. Got none in {PLACE_S:.0f} seconds."
            )
        elif now - self.told > TELL_S:
            self.told = now
            print_status(
                "waiting for room for a worker in the Ray cluster (`ray status` shows what it is used for)"
            )

    def _kill(self, seat: _Seat) -> None:
        self.seats.remove(seat)
        with contextlib.suppress(self.ray.exceptions.RayError):
            self.ray.kill(seat.actor, no_restart=True)

    def stop(self, attempt: int) -> None:
        """Kill the seat of an attempt, and its process with it."""
        for seat in [seat for seat in self.seats if seat.attempt == attempt]:
            self._kill(seat)

    def close(self) -> None:
        """Kill all seats, and leave the cluster."""
        for seat in list(self.seats):
            self._kill(seat)
        self.open.close()


def _open(stack: ExitStack, cores: int) -> Any:
    """Ray, with a cluster open until the stack is closed."""
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
    if address == "local" and not ray.is_initialized():  # for this run alone, and for nobody else
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        settings |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": OBJECTS}
    before = signal.getsignal(signal.SIGTERM)
    stack.enter_context(contextlib.redirect_stdout(sys.stderr))  # stdout is for `--json`; Ray speaks there
    try:
        stack.enter_context(orchestration.cluster(address, **settings))
    except (OSError, RuntimeError, ValueError) as error:
        raise ElmanError(f"expected a Ray cluster at {ADDRESS} {address}. Got {_last(error)}.") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray has put its own there
    return ray


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Raise what the handler of a signal raised; Ray wraps it in an error of its own."""
    try:
        yield
    except SystemError as error:
        if error.__cause__ is None or isinstance(error.__cause__, Exception):
            raise
        raise error.__cause__ from None


def _absent(host: str, path: str) -> ElmanError:
    return ElmanError(
        f"{host}: expected {path} as on the driver's machine. Got another or none. "
        "Sources, model and output must lie on storage that all machines see under the same names."
    )


def _last(error: Exception) -> str:
    """The last line of an error: Ray's are long."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip().rstrip(".")


def _sha256(path: str) -> str | None:
    with contextlib.suppress(OSError):
        return sha256_file(Path(path))
    return None
