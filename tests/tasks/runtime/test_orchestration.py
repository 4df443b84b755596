"""The same flow with Prefect or without: observed by a real server, and never stopped by one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

FLOW = """
import json, os, signal, sys, time
from elman.tasks.runtime import orchestration
reason = orchestration.load_prefect()
from elman.tasks.runtime.orchestration import call, flow, task

@task
def double(number: int) -> int:
    return 2 * number

@flow
def work(number: int) -> dict[str, int]:
    first = double(number)
    if os.environ.get("KILL"):
        os.kill(int(os.environ["KILL"]), signal.SIGKILL)
        time.sleep(1)
    if number < 0:
        raise ValueError("a negative number")
    return {"doubled": double(first)}

try:
    out = call(work, int(sys.argv[1]))
except ValueError as error:
    out = {"error": str(error)}
print(json.dumps({**out, "reason": reason, "prefect": "prefect" in sys.modules}))
"""


def run(checkout, tmp_path, number, **environment):
    script = tmp_path / "work.py"
    script.write_text(FLOW)
    env = {k: v for k, v in os.environ.items() if k != "PREFECT_API_URL"}
    env |= {"PYTHONPATH": str(checkout), "ELMAN_HOME": str(tmp_path / "home"), **environment}
    command = [sys.executable, str(script), str(number)]
    out = subprocess.run(command, capture_output=True, text=True, env=env, timeout=240, check=False)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout.splitlines()[-1]), out.stderr


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_prefect(tmp_path):
    url = f"http://127.0.0.1:{free_port()}/api"
    env = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "true"}
    env["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    port = url.split(":")[2].split("/", maxsplit=1)[0]
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    server = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 180
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=2).close()
        except OSError:
            assert server.poll() is None, "the Prefect server ended while starting"
            time.sleep(0.3)
        else:
            return server, url
    raise TimeoutError(url)


def ask(url, body=None):
    request = urllib.request.Request(
        url, json.dumps(body or {}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())


def test_without_an_api_a_flow_is_plain_python_and_says_why(checkout, tmp_path):
    out, _ = run(checkout, tmp_path, 2)
    assert out["doubled"] == 8
    assert not out["prefect"]
    assert "PREFECT_API_URL" in out["reason"]


def test_with_an_api_that_does_not_answer_a_flow_is_plain_python(checkout, tmp_path):
    url = f"http://127.0.0.1:{free_port()}/api"
    out, _ = run(checkout, tmp_path, 2, PREFECT_API_URL=url)
    assert out["doubled"] == 8
    assert url in out["reason"]


@pytest.mark.servers
def test_a_real_server_sees_the_runs_and_its_death_does_not_stop_them(checkout, tmp_path):
    server, url = start_prefect(tmp_path)
    try:
        out, _ = run(checkout, tmp_path, 2, PREFECT_API_URL=url)
        assert (out["doubled"], out["reason"]) == (8, None)
        failed, _ = run(checkout, tmp_path, -1, PREFECT_API_URL=url)
        assert failed["error"] == "a negative number"
        states = sorted(r["state_type"] for r in ask(f"{url}/flow_runs/filter"))
        assert states == ["COMPLETED", "FAILED"]
        until = time.monotonic() + 180
        while len(tasks := ask(f"{url}/task_runs/filter")) < 3 and time.monotonic() < until:
            time.sleep(0.5)  # the server writes task runs some seconds after the flow
        assert len(tasks) == 3

        out, shown = run(checkout, tmp_path, 3, PREFECT_API_URL=url, KILL=str(server.pid))
        assert out["doubled"] == 12
        assert "goes on without" in shown
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
