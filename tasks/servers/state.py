"""State of the servers that `elman up` started, in `home()/servers`: pids, login, settings of clients."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

import psutil

from elman.tasks.runtime.environment import home

HOST = "127.0.0.1"
POOL = "local"


def servers_folder() -> Path:
    """Return where pids, login and logs of the servers lie."""
    return home() / "servers"


def read_state() -> dict[str, Any]:
    """Return processes (pid and creation time), urls by name, and prefect_port; {} if nothing was started."""
    path = servers_folder() / "state.json"
    state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return state


def process_of(entry: dict[str, Any]) -> psutil.Process | None:
    """Return the running process of a state entry; a pid given to another process since does not count."""
    try:
        process = psutil.Process(entry["pid"])
        alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return process if alive and abs(process.create_time() - entry["created"]) < 1 else None
    except psutil.NoSuchProcess:
        return None


def running_servers() -> dict[str, psutil.Process]:
    """Return the processes of the state that still run, by name."""
    found = {name: process_of(entry) for name, entry in read_state().get("processes", {}).items()}
    return {name: process for name, process in found.items() if process}


def login() -> str:
    """Return USER:SECRET of the Prefect server, made once; only this user may read the file."""
    path = servers_folder() / "secret"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(f"admin:{secrets.token_urlsafe(24)}")
    return path.read_text(encoding="utf-8")


def client_environment(prefect_port: int) -> dict[str, str]:
    """Return environment variables of the servers, the worker and the clients of this home."""
    return {
        "PREFECT_API_URL": f"http://{HOST}:{prefect_port}/api",
        "PREFECT_API_AUTH_STRING": login(),
        "PREFECT_HOME": str(home() / "prefect"),  # also its database: two servers must not share one
    }
