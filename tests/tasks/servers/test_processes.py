"""`elman up`, a real scheduled run by the real worker, seen through both servers, and `elman down`."""

import base64
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from elman.data.errors import UsageError
from elman.data.store.dataset import Dataset
from elman.tasks.runtime.environment import client_settings
from elman.tasks.servers.processes import start_servers, stop_servers
from elman.tasks.servers.status import server_status
from tests.patience import wait_for
from tests.running_servers import ask, family_of, free_port, settings

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("servers")]


def refused(url, body=None, **headers):
    try:
        ask(url, body, **headers)
    except urllib.error.HTTPError as error:
        return error.code
    return None


def prefect(*arguments):
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **settings()}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def write_splits(folder, rows):
    """Write train.conll, dev.conll and test.conll of sentences "token/TAG token/TAG"."""
    folder.mkdir()
    for _, split, line in rows:
        with (folder / f"{split}.conll").open("a") as out:
            out.write("".join(f"{word.replace('/', ' ')}\n" for word in line.split()) + "\n")


def test_a_taken_port_is_named_with_the_program_that_has_it(tracked_home):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        expected = (
            rf"port {port} is taken by .+ \(process {os.getpid()}\)\. Choose another with --mlflow-port"
        )
        with pytest.raises(UsageError, match=expected):
            start_servers(free_port(), port)
    assert set(server_status().servers.values()) == {"stopped"}


def test_a_scheduled_retraining_runs_then_tagging_and_nothing_is_left(
    tracked_home, tmp_path, invented_rows, monkeypatch
):
    for name in ("http_proxy", "https_proxy", "all_proxy"):  # one that never answers: loopback goes by none
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    write_splits(tmp_path / "people", invented_rows(200, 1))
    ports = free_port(), free_port()
    try:
        status = start_servers(*ports)
        family = family_of(tracked_home)
        api, ui = f"http://127.0.0.1:{ports[0]}/api", f"http://127.0.0.1:{ports[1]}"
        assert status.servers["prefect"] == api.removesuffix("/api")
        scheduled = {"retrain/nightly-retrain", "tag/tag-after-promotion"}
        assert {run.deployment for run in status.scheduled} == scheduled

        assert refused(f"{api}/admin/version") == 401
        assert refused(f"{ui}/api/2.0/mlflow/runs/search", {}, Origin="http://evil.example") == 403
        assert client_settings().stat().st_mode & 0o077 == 0
        assert (tracked_home / "prefect" / "prefect.db").is_file()  # no server of another home shares it

        login = base64.b64encode(settings()["PREFECT_API_AUTH_STRING"].encode()).decode()
        auth = {"Authorization": f"Basic {login}"}
        token = ask(f"{api}/csrf-token?client=test", **auth)["token"]
        auth |= {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "test"}
        new = {"corpus": "people", "sources": [str(tmp_path / "people")], "model": "names", "preset": "fast"}
        params = json.dumps({"config": new})
        prefect("deployment", "run", "retrain/nightly-retrain", "--start-in", "1 second", "--params", params)
        log = tracked_home / "servers" / "worker.log"
        wanted = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}}

        def failed(runs):
            return any(run["state_type"] != "COMPLETED" for run in runs)

        def ended():
            """Ended runs of deployments; flows inside a retraining are runs, too, without a deployment."""
            runs = ask(f"{api}/flow_runs/filter", {**wanted, "sort": "END_TIME_DESC"}, **auth)
            return [run for run in reversed(runs) if run["deployment_id"]]

        done = wait_for(lambda: (runs := ended()) and (runs[1:] or failed(runs)) and runs, every_s=2)
        names = [(run["name"].split()[0], run["state_type"]) for run in done]
        assert names == [("retrain", "COMPLETED"), ("tag", "COMPLETED")], log.read_text()
        logs = {"logs": {"flow_run_id": {"any_": [done[0]["id"]]}}}
        verdict = "names: the first model becomes champion; version 1 is champion."

        def messages():
            return [line["message"] for line in ask(f"{api}/logs/filter", logs, **auth)]

        assert wait_for(lambda: verdict in messages(), every_s=2)  # the worker sends its log in batches
        assert Dataset.open(tracked_home / "tagged" / "samples").kind == "tagged-text"

        found = ask(f"{ui}/api/2.0/mlflow/registered-models/get?name=names")["registered_model"]
        assert [alias["alias"] for alias in found["aliases"]] == ["champion"]
        family += family_of(tracked_home)
    finally:
        stop_servers()
    assert [process for process in family if process.is_running() and process.status() != "zombie"] == []
    assert server_status().servers == {"prefect": "stopped", "worker": "stopped", "mlflow": "stopped"}
    assert not client_settings().exists()
