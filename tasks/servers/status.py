"""State of the servers and the next scheduled runs, for `elman up` and `elman status`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from elman.tasks.runtime.environment import client_settings, home
from elman.tasks.servers.prefect_runs import ScheduledRun, scheduled_runs
from elman.tasks.servers.state import read_state, running_servers, servers_folder


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


def server_status() -> ServerStatus:
    """State of the servers, and the next scheduled runs."""
    state = read_state()
    running = running_servers()
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
        scheduled=scheduled_runs(state["prefect_port"]),
        client_settings=str(client_settings()),
        dashboard_login=f"the line in {servers_folder() / 'secret'}",
    )
