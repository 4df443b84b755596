"""Runs of the Prefect server of this home, by its API: those scheduled, and those whose worker died."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import psutil

from elman.tasks.runtime.console import print_status
from elman.tasks.servers.state import POOL, client_environment

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun


@dataclass(frozen=True, kw_only=True)
class ScheduledRun:
    """A run that the Prefect server has scheduled: its time, ISO 8601, and FLOW/DEPLOYMENT."""

    at: str
    deployment: str


@contextlib.contextmanager
def _api(prefect_port: int) -> Iterator["SyncPrefectClient"]:
    """A client of the Prefect server of this home, with its login; never by way of a proxy."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    values = client_environment(prefect_port)
    login = {
        PREFECT_API_URL: values["PREFECT_API_URL"],
        PREFECT_API_AUTH_STRING: values["PREFECT_API_AUTH_STRING"],
    }
    with temporary_settings(login), get_client({"trust_env": False}, sync_client=True) as client:
        yield client


def _runs_in(client: "SyncPrefectClient", *states: str, limit: int | None = None) -> "list[FlowRun]":
    """Runs in states of these types, in the order of their expected start."""
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    chosen = FlowRunFilter.model_validate({"state": {"type": {"any_": states}}})
    by_time = FlowRunSort.EXPECTED_START_TIME_ASC
    return client.read_flow_runs(flow_run_filter=chosen, sort=by_time, limit=limit)


def close_dead_runs(prefect_port: int) -> None:
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


def all_scheduled(prefect_port: int) -> bool:
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


def scheduled_runs(prefect_port: int, limit: int = 10) -> tuple[ScheduledRun, ...]:
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
