"""`elman tag` while its MLflow or Prefect server is killed: no row is missing, the exit code is 0."""

import functools
import json
import os
import subprocess
import sys

import psutil
import pytest

from elman.data.store.dataset import Dataset
from elman.tasks.runtime.environment import client_settings
from elman.tasks.servers.processes import start_servers, stop_servers
from tests.patience import finish, wait_for
from tests.running_servers import free_port

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("servers")]  # one set of servers at a time
SENTENCES = 150_000


def kill_server(home, name):
    """The server and all its processes, by SIGKILL."""
    state = json.loads((home / "servers" / "state.json").read_text())
    process = psutil.Process(state["processes"][name]["pid"])
    for own in (process, *process.children(recursive=True)):
        own.kill()


def three_shards_or_its_end(receipts, run):
    return run.poll() is not None or len(list(receipts.glob("*.json"))) >= 3


@pytest.fixture
def servers(tracked_home):
    """The settings of a client of both."""
    try:
        status = start_servers(free_port(), free_port())
        lines = client_settings().read_text().splitlines()
        settings = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        yield {**settings, "MLFLOW_TRACKING_URI": status.servers["mlflow"]}
    finally:
        stop_servers()


def test_a_server_killed_in_mid_run_costs_nothing(servers, tracked_home, trained, sentence, tmp_path):
    source = tmp_path / "raw.txt"
    source.write_text("\n".join(map(sentence, range(SENTENCES))))
    for name, told_of in (("mlflow", "1 run(s) kept"), ("prefect", "goes on without it")):
        out = tmp_path / name
        command = [
            sys.executable,
            "-m",
            "elman.flows.cli",
            "tag",
            str(trained["model"]),
            str(source),
            "--json",
        ]
        command += ["--out", str(out), "--workers", "1", "--shard-size", "250KB", "--no-reuse"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        run = subprocess.Popen(command, env={**os.environ, **servers}, text=True, **pipes)
        receipts = out / ".staging" / "receipts"
        begun = functools.partial(three_shards_or_its_end, receipts, run)
        wait_for(begun, every_s=0.02)
        assert run.poll() is None, run.communicate()[1]
        kill_server(tracked_home, name)
        assert run.poll() is None, "it was over before the server was killed"
        said, told = finish(run)
        assert run.returncode == 0, told
        assert told_of in told
        summary = json.loads(said)
        assert summary["sentences"] == SENTENCES
        found = Dataset.open(out).scan().select("sentence").collect()["sentence"]
        assert len(found) == summary["rows"]
        assert found.n_unique() > 0.9 * SENTENCES  # the model finds a name in nearly every one
