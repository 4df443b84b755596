"""Prefect server, one worker and the MLflow UI on loopback: started, watched and stopped as one.

Their state lies in `home()/servers`: a log each, the pids, the secret, and `env`, which clients read.
Hardened as far as the servers allow: loopback only, a login and CSRF tokens for Prefect, no foreign origin,
no job execution and no pickle in MLflow.
"""

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import psutil

from elman.data.errors import ElmanError, UsageError
from elman.data.store.disk import atomic_write
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import CHECKOUT, client_settings, home
from elman.tasks.runtime.mlflow_connection import tracking_uri
from elman.tasks.servers.prefect_runs import all_scheduled, close_dead_runs
from elman.tasks.servers.state import (
    HOST,
    POOL,
    client_environment,
    login,
    process_of,
    read_state,
    running_servers,
    servers_folder,
)
from elman.tasks.servers.status import ServerStatus, server_status

START_UP_S = 180.0  # two busy cores and a new database; an idle machine needs 15 to 25
SCHEDULER_S = 60.0  # the server schedules what was deployed within some seconds
SHUT_DOWN_S = 20.0


class ServerError(ElmanError):
    """A server did not start; the message names its log."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Names of the servers that were running and are stopped."""

    stopped: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"stopped": list(self.stopped)}


def _environment(prefect_port: int) -> dict[str, str]:
    origin = f"http://{HOST}:{prefect_port}"
    return {
        **os.environ,
        **client_environment(prefect_port),
        "ELMAN_HOME": str(home()),
        "PREFECT_SERVER_API_AUTH_STRING": login(),
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
    with (servers_folder() / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            arguments,
            cwd=servers_folder(),
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
    log = servers_folder() / f"{name}.log"
    until = time.monotonic() + START_UP_S
    while not _answers(url):
        if process_of(entry) is None:
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
    if running_servers():
        state = read_state()
        if len(running_servers()) == len(state["processes"]):
            print_status("Already up.")
            return server_status()
        stop_servers()
    _must_be_free(prefect_port, "--prefect-port")
    _must_be_free(mlflow_port, "--mlflow-port")
    servers_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = _environment(prefect_port)
    processes: dict[str, dict[str, Any]] = {}
    urls = {"prefect": f"http://{HOST}:{prefect_port}", "mlflow": f"http://{HOST}:{mlflow_port}"}

    def keep(name: str, entry: dict[str, Any]) -> None:
        processes[name] = entry
        state = {"processes": processes, "urls": urls, "prefect_port": prefect_port}
        atomic_write(servers_folder() / "state.json", json.dumps(state).encode())

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
        close_dead_runs(prefect_port)
        worker = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--limit", "1"]
        keep("worker", _start("worker", python + worker, environment))
        _wait("mlflow", f"{urls['mlflow']}/health", processes["mlflow"])
    except BaseException:
        stop_servers()
        raise
    _write_client_settings(prefect_port)
    until = time.monotonic() + SCHEDULER_S
    while not all_scheduled(prefect_port) and time.monotonic() < until:
        time.sleep(0.5)
    return server_status()


def _write_client_settings(prefect_port: int) -> None:
    values = {**client_environment(prefect_port), "ELMAN_HOME": str(home())}
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    atomic_write(client_settings(), text.encode())
    client_settings().chmod(0o600)


def stop_servers() -> Stopped:
    """Stop everything `start_servers` started, and what those processes started."""
    running = running_servers()
    family = list(running.values())
    for process in running.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            family += process.children(recursive=True)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                end(process)
        _, family = psutil.wait_procs(family, timeout=SHUT_DOWN_S)
    for path in (client_settings(), servers_folder() / "state.json"):
        path.unlink(missing_ok=True)
    return Stopped(stopped=tuple(sorted(running)))
