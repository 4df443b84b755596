"""A Prefect server with runs of small flows, for its pages: quarantine, scores, shards, progress, links."""

import json
import os
import socket
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.patience import wait_for

COMMANDS = textwrap.dedent("""
    import json, sys
    from elman.flows import cli
    from elman.tasks.runtime import artifacts

    artifacts.PROGRESS_EVERY_S = 0.0  # every step is a long one
    for command in json.loads(sys.argv[1]):
        code = cli.main(command)
        assert code in (0, 3), (command, code)
""")


class PrefectServer:
    """A server, and the flow runs that it knows.

    Attributes:
        url: of its pages.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, query: dict[str, Any] | None = None) -> Any:
        """Answer of the API to a filter."""
        request = urllib.request.Request(
            f"{self.url}/api/{method}", json.dumps(query or {}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def run(self, commands: Sequence[Sequence[str]], home: Path) -> None:
        """Run commands of `elman` in one process; one that quarantines records may end with exit code 3."""
        env = {**os.environ, "PREFECT_API_URL": f"{self.url}/api", "ELMAN_HOME": str(home)}
        subprocess.run([sys.executable, "-c", COMMANDS, json.dumps(commands)], env=env, check=True)

    def runs(self) -> dict[str, dict[str, Any]]:
        """Flow runs by name."""
        return {run["name"]: run for run in self.ask("flow_runs/filter")}

    def artifacts(self, run: str) -> dict[str, dict[str, Any]]:
        """Artifacts of a flow run, by key; the latest of each."""
        query = {"artifacts": {"flow_run_id": {"any_": [self.runs()[run]["id"]]}}, "sort": "UPDATED_DESC"}
        found: dict[str, dict[str, Any]] = {}
        for artifact in self.ask("artifacts/filter", query):
            found.setdefault(artifact["key"], artifact)
        return found


@contextmanager
def prefect_server(folder: Path) -> Iterator[PrefectServer]:
    """Start a server of an empty database, and stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    env = {
        **os.environ,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
    }
    env.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "prefect.log").open("wb") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        wait_for(lambda: _answers(url) or server.poll() is not None, every_s=0.3)
        assert server.poll() is None, (folder / "prefect.log").read_text()
        yield PrefectServer(url)
    finally:
        server.terminate()
        server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
