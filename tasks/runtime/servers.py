"""Prefect server, one worker and the MLflow UI on loopback: started, watched and stopped as one.

Their state lies in `home()/servers`: a log each, the pids, the secret, and `env`, which clients read.
Hardened as far as the servers allow: loopback only, a login and CSRF tokens for Prefect, no foreign origin,
no job execution and no pickle in MLflow.
"""

import contextlib
import json
import os
import secrets
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psutil

from elman.data.errors import ElmanError, UsageError
from elman.data.store.disk import atomic_write
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import CHECKOUT, client_settings, home
from elman.tasks.runtime.mlflow_connection import tracking_uri

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

HOST = "127.0.0.1"
POOL = "local"
START_UP_S = 180.0  # two busy cores and a new database; an idle machine needs 15 to 25
SCHEDULER_S = 60.0  # the server schedules what was deployed within some seconds
SHUT_DOWN_S = 20.0


class ServerError(ElmanError):
    """A server did not start; the message names its log."""


@dataclass(frozen=True, kw_only=True)
class ScheduledRun:
    """A run that the Prefect server has scheduled: its time, ISO 8601, and FLOW/DEPLOYMENT."""

    at: str
    deployment: str


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """State of the servers.

    Attributes:
        home: where everything lies.
        servers: address, pid or "stopped" by name.
        scheduled: the next runs, soonest first.
        client_settings: the file to source before using the prefect command by hand, while the server runs.
        dashboard_login: where the secret lies that Prefect's page asks for, while the server runs.
        unsent_runs: how many runs MLflow does not have yet, if they were counted.
        champions, corpora, held_apart, missing: as of `tasks.retraining.overview.Overview`, if it was asked.
    """

    home: str
    servers: Mapping[str, str]
    scheduled: tuple[ScheduledRun, ...] = ()
    client_settings: str | None = None
    dashboard_login: str | None = None
    unsent_runs: int | None = None
    champions: Mapping[str, str] | None = None
    corpora: Mapping[str, str] | None = None
    held_apart: Mapping[str, str] | None = None
    missing: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without those that are None."""
        values = {**asdict(self), "scheduled": [asdict(run) for run in self.scheduled]}
        return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Names of the servers that were running and are stopped."""

    stopped: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"stopped": list(self.stopped)}


def _folder() -> Path:
    return home() / "servers"


def _state() -> dict[str, Any]:
    path = _folder() / "state.json"
    state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return state


def _process(entry: dict[str, Any]) -> psutil.Process | None:
    """The running process of a state entry; a pid that the system has given to another one does not count."""
    try:
        process = psutil.Process(entry["pid"])
        alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return process if alive and abs(process.create_time() - entry["created"]) < 1 else None
    except psutil.NoSuchProcess:
        return None


def _running() -> dict[str, psutil.Process]:
    found = {name: _process(entry) for name, entry in _state().get("processes", {}).items()}
    return {name: process for name, process in found.items() if process}


def _secret() -> str:
    path = _folder() / "secret"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(f"admin:{secrets.token_urlsafe(24)}")
    return path.read_text(encoding="utf-8")


def _settings(prefect_port: int) -> dict[str, str]:
    """Environment variables of the servers, the worker and the clients of this home."""
    return {
        "PREFECT_API_URL": f"http://{HOST}:{prefect_port}/api",
        "PREFECT_API_AUTH_STRING": _secret(),
        "PREFECT_HOME": str(home() / "prefect"),  # also its database: two servers must not share one
    }


def _environment(prefect_port: int) -> dict[str, str]:
    origin = f"http://{HOST}:{prefect_port}"
    return {
        **os.environ,
        **_settings(prefect_port),
        "ELMAN_HOME": str(home()),
        "PREFECT_SERVER_API_AUTH_STRING": _secret(),
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": origin,
        "PREFECT_SERVER_UI_API_URL": f"{origin}/api",
        # on disk, as a run whose slot is forgotten with a killed server is cancelled
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_CLIENT_MAX_RETRIES": "5",  # the worker has the patience that a command by hand has not
        "PREFECT_API_REQUEST_TIMEOUT": "60",
    }


def _start(name: str, arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Start one server in a session of its own, its output going to a log."""
    with (_folder() / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            arguments,
            cwd=_folder(),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return {"pid": process.pid, "created": psutil.Process(process.pid).create_time()}


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as response:  # noqa: S310 (loopback)
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait(name: str, url: str, entry: dict[str, Any]) -> None:
    log = _folder() / f"{name}.log"
    until = time.monotonic() + START_UP_S
    while not _answers(url):
        if _process(entry) is None:
            raise ServerError(f"{name} ended while starting. Its log says why: {log}")
        if time.monotonic() > until:
            raise ServerError(f"{name} did not answer at {url} within {START_UP_S:.0f} s. Its log: {log}")
        time.sleep(0.3)


def _must_be_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((HOST, port)) == 0:
            raise UsageError(f"port {port} is taken by {_owner(port)}. Choose another with {option} PORT.")


def _owner(port: int) -> str:
    """The program that listens at a port, as far as this user may know."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if local and local.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "another program"


def _prefect(arguments: list[str], environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stdout + done.stderr).strip()
        raise ServerError(f"`prefect {' '.join(arguments)}` failed:\n{output}")


def mlflow_command(port: int) -> list[str]:
    """Command of the MLflow server on the store of this home; makes the folder of its database."""
    folder = home() / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    address = ["--host", HOST, "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", tracking_uri(), "--artifacts-destination", str(folder / "artifacts")]
    return [sys.executable, "-m", "mlflow", "server", *address, *store]


def start_servers(prefect_port: int, mlflow_port: int) -> ServerStatus:
    """Start what does not run yet, deploy `prefect.yaml`, and say where everything is.

    Raises:
        UsageError: a port is taken by another program.
        ServerError: a server did not start; what had been started is stopped again.
    """
    if _running():
        state = _state()
        if len(_running()) == len(state["processes"]):
            print_status("Already up.")
            return server_status()
        stop_servers()
    _must_be_free(prefect_port, "--prefect-port")
    _must_be_free(mlflow_port, "--mlflow-port")
    _folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = _environment(prefect_port)
    processes: dict[str, dict[str, Any]] = {}
    urls = {"prefect": f"http://{HOST}:{prefect_port}", "mlflow": f"http://{HOST}:{mlflow_port}"}

    def keep(name: str, entry: dict[str, Any]) -> None:
        processes[name] = entry
        state = {"processes": processes, "urls": urls, "prefect_port": prefect_port}
        atomic_write(_folder() / "state.json", json.dumps(state).encode())

    print_status("Starting the Prefect server and the MLflow UI (15 to 60 s).")
    python = [sys.executable, "-m"]
    try:
        server = ["prefect", "server", "start", "--host", HOST, "--port", str(prefect_port)]
        keep("prefect", _start("prefect", python + server, environment))
        keep("mlflow", _start("mlflow", mlflow_command(mlflow_port), environment))
        _wait("prefect", f"{urls['prefect']}/api/health", processes["prefect"])
        print_status("Deploying prefect.yaml and starting the worker.")
        _prefect(["work-pool", "create", POOL, "--type", "process", "--overwrite"], environment)
        _prefect(["deploy", "--all"], environment)
        _close_dead_runs(prefect_port)
        worker = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--limit", "1"]
        keep("worker", _start("worker", python + worker, environment))
        _wait("mlflow", f"{urls['mlflow']}/health", processes["mlflow"])
    except BaseException:
        stop_servers()
        raise
    _write_client_settings(prefect_port)
    until = time.monotonic() + SCHEDULER_S
    while not _all_scheduled(prefect_port) and time.monotonic() < until:
        time.sleep(0.5)
    return server_status()


def _write_client_settings(prefect_port: int) -> None:
    values = {**_settings(prefect_port), "ELMAN_HOME": str(home())}
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    atomic_write(client_settings(), text.encode())
    client_settings().chmod(0o600)


def stop_servers() -> Stopped:
    """Stop everything `start_servers` started, and what those processes started."""
    running = _running()
    family = list(running.values())
    for process in running.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            family += process.children(recursive=True)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                end(process)
        _, family = psutil.wait_procs(family, timeout=SHUT_DOWN_S)
    for path in (client_settings(), _folder() / "state.json"):
        path.unlink(missing_ok=True)
    return Stopped(stopped=tuple(sorted(running)))


@contextlib.contextmanager
def _api(prefect_port: int) -> Iterator["SyncPrefectClient"]:
    """A client of the Prefect server of this home, with its login; never by way of a proxy."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    values = _settings(prefect_port)
    login = {
        PREFECT_API_URL: values["PREFECT_API_URL"],
        PREFECT_API_AUTH_STRING: values["PREFECT_API_AUTH_STRING"],
    }
    with temporary_settings(login), get_client({"trust_env": False}, sync_client=True) as client:
        yield client


def server_status() -> ServerStatus:
    """State of the servers, and the next scheduled runs."""
    state = _state()
    running = _running()
    urls = state.get("urls", {})
    servers = {
        name: urls.get(name, f"pid {running[name].pid}") if name in running else "stopped"
        for name in ("prefect", "worker", "mlflow")
    }
    if "prefect" not in running:
        return ServerStatus(home=str(home()), servers=servers)
    return ServerStatus(
        home=str(home()),
        servers=servers,
        scheduled=_scheduled(state["prefect_port"]),
        client_settings=str(client_settings()),
        dashboard_login=f"the line in {_folder() / 'secret'}",
    )


def _runs_in(client: "SyncPrefectClient", *states: str, limit: int | None = None) -> "list[FlowRun]":
    """Runs in states of these types, in the order of their expected start."""
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    chosen = FlowRunFilter.model_validate({"state": {"type": {"any_": states}}})
    by_time = FlowRunSort.EXPECTED_START_TIME_ASC
    return client.read_flow_runs(flow_run_filter=chosen, sort=by_time, limit=limit)


def _close_dead_runs(prefect_port: int) -> None:
    """Mark runs as crashed whose process died with its worker: nobody else does, and they hold a slot."""
    from prefect.states import Crashed

    with _api(prefect_port) as client:
        dead = set[UUID]()
        for run in _runs_in(client, "PENDING", "RUNNING", "CANCELLING"):
            part_of = run.parent_task_run_id and client.read_task_run(run.parent_task_run_id).flow_run_id
            of_worker = run.work_pool_name == POOL and not _is_run(run.infrastructure_pid)
            if of_worker or part_of in dead:
                client.set_flow_run_state(run.id, Crashed(message="Its process died with its worker."))
                dead.add(run.id)


def _is_run(pid: str | None) -> bool:
    """True if a process of a flow run has this pid."""
    with contextlib.suppress(psutil.Error, ValueError):
        return any("prefect" in word for word in psutil.Process(int(pid or "")).cmdline())
    return False


def _all_scheduled(prefect_port: int) -> bool:
    """True if the server has scheduled a run of every deployment with an active schedule."""
    from httpx import HTTPError

    try:
        with _api(prefect_port) as client:
            active = {
                deployment.id
                for deployment in client.read_deployments()
                if not deployment.paused and any(schedule.active for schedule in deployment.schedules)
            }
            return active <= {run.deployment_id for run in _runs_in(client, "SCHEDULED")}
    except (HTTPError, OSError):
        return False


def _scheduled(prefect_port: int, limit: int = 10) -> tuple[ScheduledRun, ...]:
    """Time and deployment of the next runs."""
    from httpx import HTTPError

    try:
        with _api(prefect_port) as client:
            runs = _runs_in(client, "SCHEDULED", limit=limit)
            deployments: dict[UUID | None, str] = {d.id: d.name for d in client.read_deployments()}
            flows = {flow.id: flow.name for flow in client.read_flows()}
    except (HTTPError, OSError) as error:
        print_status(f"The Prefect API does not answer: {error}")
        return ()
    return tuple(
        ScheduledRun(
            at=run.expected_start_time.isoformat() if run.expected_start_time else "",
            deployment=f"{flows.get(run.flow_id, '?')}/{deployments.get(run.deployment_id, '?')}",
        )
        for run in runs
    )
