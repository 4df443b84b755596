"""Calls of the servers of a home by tests: ports, requests, settings, processes."""

import json
import socket
import urllib.request

import psutil

from elman.tasks.runtime.environment import client_settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())


def settings() -> dict[str, str]:
    lines = client_settings().read_text().splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def family_of(home) -> list[psutil.Process]:
    """Processes of the servers and the worker of a home, and all that they started."""
    started = json.loads((home / "servers" / "state.json").read_text())["processes"]
    own = [psutil.Process(entry["pid"]) for entry in started.values()]
    return [*own, *(child for process in own for child in process.children(recursive=True))]
