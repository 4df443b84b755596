"""`elman up`, `down`, `status`: the servers that schedule and show, on loopback."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from annotated_types import Interval

from elman.flows.arguments import Config
from elman.tasks.runtime.console import print_status

if TYPE_CHECKING:
    from elman.tasks.servers.processes import Stopped
    from elman.tasks.servers.status import ServerStatus

Port = Annotated[int, Interval(ge=1024, le=65535)]


@dataclass(frozen=True, kw_only=True)
class UpConfig(Config):
    """Start the Prefect server, one worker and the MLflow UI, and deploy prefect.yaml."""

    prefect_port: Port = 4200
    """port of the Prefect server and its dashboard"""
    mlflow_port: Port = 5000
    """port of the MLflow UI"""


@dataclass(frozen=True, kw_only=True)
class DownConfig(Config):
    """Stop what `elman up` started."""


@dataclass(frozen=True, kw_only=True)
class StatusConfig(Config):
    """Show what is running, the next scheduled runs, who is champion, and when data last came."""


def up(config: UpConfig) -> "ServerStatus":
    """Start the servers; return where they are and what is scheduled."""
    from elman.tasks.runtime.mlflow_sync import send_pending
    from elman.tasks.servers.processes import start_servers

    status = start_servers(config.prefect_port, config.mlflow_port)
    send_pending()  # ingests and checks wait for a command that loads MLflow
    return status


def down(config: DownConfig) -> "Stopped":
    """Stop the servers; return which were running."""
    from elman.tasks.servers.processes import stop_servers

    stopped = stop_servers()
    if not stopped.stopped:
        print_status("Nothing was running.")
    return stopped


def status(config: StatusConfig) -> "ServerStatus":
    """Return what runs where, what is scheduled, what waits for MLflow, champions, corpora and batches."""
    from elman.tasks.retraining.overview import overview
    from elman.tasks.runtime.run_record import unsent
    from elman.tasks.servers.status import server_status

    found = overview()
    if found.missing:
        print_status(f"prefect.yaml names flow files that are gone: {', '.join(found.missing)}.")
    return replace(
        server_status(),
        unsent_runs=len(unsent()),
        champions=found.champions,
        corpora=found.corpora,
        held_apart=found.held_apart,
        missing=found.missing,
    )
