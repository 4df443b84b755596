"""`elman retrain` by a real schedule and worker: twice unattended, once for two starts, and after kills."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from elman.tasks.retraining import history
from elman.tasks.runtime import registry
from elman.tasks.servers.processes import start_servers, stop_servers
from tests.flows.test_retrain import half_labelled, write
from tests.patience import wait_for
from tests.running_servers import ask, family_of, free_port, settings

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.xdist_group("servers")]
CHECKOUT = Path(__file__).parents[2]
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Scheduled:
    """The deployment of prefect.yaml that retrains, for a corpus, with servers of its own."""

    def __init__(self, home: Path, scratch: Path, inbox: Path, strategy: str) -> None:
        self.home, self.ports = home, (free_port(), free_port())
        self.api = f"http://127.0.0.1:{self.ports[0]}/api"
        content = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text())
        (deployment,) = (one for one in content["deployments"] if one["name"] == "nightly-retrain")
        assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": strategy}
        config = {"corpus": "mail", "sources": [str(inbox)], "model": "people", "preset": "fast"}
        often = {"interval": 60, "slug": "often"}
        deployment |= {
            "name": "often",
            "parameters": {"config": config},
            "schedules": [often],
            "triggers": [],
        }
        self.file = scratch / "deployment.yaml"
        self.file.write_text(yaml.safe_dump({**content, "deployments": [deployment]}))

    def up(self) -> None:
        start_servers(*self.ports)
        login = base64.b64encode(settings()["PREFECT_API_AUTH_STRING"].encode()).decode()
        self.auth = {"Authorization": f"Basic {login}", "Prefect-Csrf-Client": "test"}
        self.auth["Prefect-Csrf-Token"] = ask(f"{self.api}/csrf-token?client=test", **self.auth)["token"]

    def deploy(self) -> None:
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
        done = subprocess.run(
            [*command, "--prefect-file", str(self.file)],
            env={**os.environ, **settings()},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self.id = ask(f"{self.api}/deployments/name/retrain/often", **self.auth)["id"]

    def start(self) -> str:
        """Ask for a run now, beside those of the schedule; its id."""
        return ask(f"{self.api}/deployments/{self.id}/create_flow_run", {}, **self.auth)["id"]

    def runs(self, *states: str) -> list[dict]:
        """Runs of the deployment in states of these types, in the order of their start."""
        wanted = {"flow_runs": {"state": {"type": {"any_": states}}, "deployment_id": {"any_": [self.id]}}}
        return ask(f"{self.api}/flow_runs/filter", {**wanted, "sort": "START_TIME_ASC"}, **self.auth)

    def log(self, run: dict) -> str:
        """Lines that a run logged."""
        chosen = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "limit": 200}
        return "\n".join(line["message"] for line in ask(f"{self.api}/logs/filter", chosen, **self.auth))

    def wait_for(self, entries: int) -> None:
        """Wait for as many decisions, and the end of the run that made the last one."""
        wait_for(lambda: len(history.read("people")) >= entries, every_s=1)
        wait_for(lambda: not self.runs("RUNNING"), every_s=1)


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=30)


def process_of(home: Path, name: str) -> list[psutil.Process]:
    """A process that `elman up` started, and its children."""
    started = json.loads((home / "servers" / "state.json").read_text())["processes"][name]
    process = psutil.Process(started["pid"])
    return [process, *process.children(recursive=True)]


@pytest.fixture
def scheduled(tracked_home, tmp_path, inbox) -> Iterator[Scheduled]:
    """The deployment, whose first model became champion by the schedule."""
    scheduled = Scheduled(tracked_home, tmp_path, inbox, "ENQUEUE")
    try:
        scheduled.up()
        scheduled.deploy()
        scheduled.wait_for(1)
        yield scheduled
    finally:
        stop_servers()


@pytest.fixture
def inbox(tmp_path, invented_rows) -> Path:
    inbox = tmp_path / "inbox"
    write(inbox / "a.train.conll", half_labelled(invented_rows(90, 1)))
    write(inbox / "a.test.conll", invented_rows(150, 2))
    return inbox


def test_a_schedule_retrains_unattended_and_what_is_killed_goes_on(
    scheduled, tracked_home, inbox, invented_rows
):
    write(inbox / "b.train.conll", invented_rows(400, 6))
    scheduled.wait_for(2)  # by the schedule alone
    assert [entry.champion for entry in history.read("people")] == ["1", "2"]
    assert all(run["auto_scheduled"] for run in scheduled.runs("COMPLETED"))

    write(inbox / "c.train.conll", invented_rows(60, 7))
    both = {scheduled.start(), scheduled.start()}
    wait_for(lambda: both <= {run["id"] for run in scheduled.runs(*ENDED)}, every_s=1)
    assert {run["state_type"] for run in scheduled.runs(*ENDED)} == {"COMPLETED"}
    assert (len(registry.versions("people")), len(history.read("people"))) == (3, 3)

    write(inbox / "d.train.conll", invented_rows(60, 8))
    wait_for(lambda: len(registry.versions("people")) == 4)  # trained, not judged yet
    (killed,) = scheduled.runs("RUNNING")
    champion = registry.champion("people")
    kill(family_of(tracked_home))  # server, worker and the run, as when the machine loses its power
    assert len(history.read("people")) == 3
    assert registry.champion("people") == champion

    scheduled.up()
    assert ask(f"{scheduled.api}/flow_runs/{killed['id']}", **scheduled.auth)["state_type"] == "CRASHED"
    assert {run["state_type"] for run in scheduled.runs(*ENDED)} == {"COMPLETED", "CRASHED"}
    scheduled.wait_for(4)
    last = scheduled.runs("COMPLETED")[-1]
    told = "people: version 4, which an earlier run trained on this corpus, is judged"
    assert wait_for(lambda: told in scheduled.log(last), every_s=2)
    assert len(registry.versions("people")) == 4

    write(inbox / "e.train.conll", invented_rows(60, 9))
    wait_for(lambda: len(registry.versions("people")) == 5)
    kill(process_of(tracked_home, "worker"))
    scheduled.up()
    scheduled.wait_for(5)
    assert len(registry.versions("people")) == 5
    assert [entry.number for entry in history.read("people")] == [1, 2, 3, 4, 5]


def test_a_server_killed_alone_and_started_again_loses_nothing(scheduled, tracked_home, inbox, invented_rows):
    write(inbox / "b.train.conll", invented_rows(400, 6))
    wait_for(lambda: len(registry.versions("people")) == 2)  # trained, not judged yet
    (running,) = scheduled.runs("RUNNING")
    kill(process_of(tracked_home, "prefect"))
    wait_for(lambda: len(history.read("people")) == 2, every_s=1)  # the run goes on without it

    scheduled.up()
    wait_for(lambda: scheduled.runs("SCHEDULED"), every_s=1)  # the deployment and its schedule are there
    write(inbox / "c.train.conll", invented_rows(60, 7))
    scheduled.wait_for(3)
    assert running["id"] not in {run["id"] for run in scheduled.runs("RUNNING", "PENDING")}
    assert [entry.number for entry in history.read("people")] == [1, 2, 3]
    assert len(registry.versions("people")) == 3
