"""Flows and tasks with Prefect and without; a server that dies never stops the work."""

import ast
import json
import os
import signal
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path
from string import Formatter

import pytest

from elman.data.errors import BadInput
from elman.tasks.runtime.orchestration import _namer, task
from tests.patience import wait_for
from tests.running_servers import free_port

FLOW = """
import json, os, signal, sys, time
from elman.tasks.runtime import orchestration
reason = orchestration.why_no_prefect()
if reason:
    orchestration.run_without_prefect()
from elman.tasks.runtime.artifacts import publish_link, publish_markdown
from elman.tasks.runtime.orchestration import call, flow, task

@task(tags=("registry",))
def double(number: int) -> int:
    return 2 * number

@flow
def inner(number: int) -> int:
    return number

@flow
def work(number: int) -> dict[str, int]:
    publish_markdown("numbers", f"- {number}", "The number")
    publish_link("a-page", "http://127.0.0.1/x", "page", "A page")
    first = double(number)
    if os.environ.get("KILL"):
        os.kill(int(os.environ["KILL"]), signal.SIGKILL)
        time.sleep(orchestration.ASKED_EVERY_S)
        publish_markdown("more-numbers", f"- {first}", "The number doubled")
    if number < 0:
        raise ValueError("a negative number")
    return {"doubled": double(call(inner, first))}

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
    out = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout.splitlines()[-1]), out.stderr


def start_prefect(tmp_path):
    url = f"http://127.0.0.1:{free_port()}/api"
    env = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "true"}
    env["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    port = url.split(":")[2].split("/", maxsplit=1)[0]
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    server = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers():
        assert server.poll() is None, "the Prefect server ended while starting"
        try:
            urllib.request.urlopen(f"{url}/health", timeout=2).close()
        except OSError:
            return False
        return True

    wait_for(answers, every_s=0.3)
    return server, url


def ask(url, body=None):
    request = urllib.request.Request(
        url, json.dumps(body or {}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read())


AS_PREFECT = """
import json
{imports}
print(json.dumps([
    isinstance(train, prefect.Flow), train.name, train.fn.__name__, train.flow_run_name,
    train.with_options(name="other").name, train.to_deployment("nightly").entrypoint,
]))
"""
IMPORTS = ("import prefect", "from elman.flows.train import train")


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


@pytest.mark.heavy
@pytest.mark.parametrize("imports", ["\n".join(IMPORTS), "\n".join(reversed(IMPORTS))])
def test_a_flow_is_a_prefect_flow_in_either_import_order(checkout, tmp_path, imports):
    env = {**os.environ, "PYTHONPATH": str(checkout), "ELMAN_HOME": str(tmp_path)}
    command = [sys.executable, "-c", AS_PREFECT.format(imports=imports)]
    out = subprocess.run(command, capture_output=True, text=True, env=env, cwd=checkout, check=True)
    assert json.loads(out.stdout) == [
        True,
        "train",
        "train",
        "train {config.corpus}",
        "other",
        "elman/flows/train.py:train",
    ]


def failing(times, error):
    """A task that fails so many times, and the list of its calls."""
    calls = []

    @task(retries=2, retry_delay_seconds=0, task_run_name="step {number}", tags=("registry",))
    def step(number):
        calls.append(number)
        if len(calls) <= times:
            raise error
        return number

    return step, calls


def test_a_failed_task_is_run_again():
    step, calls = failing(2, ConnectionError("away"))
    assert step(7) == 7
    assert calls == [7, 7, 7]


def test_a_task_fails_after_its_last_retry():
    step, calls = failing(3, ConnectionError("away"))
    with pytest.raises(ConnectionError):
        step(7)
    assert len(calls) == 3


def test_an_error_of_the_input_is_not_retried():
    step, calls = failing(1, BadInput("text", got="none", todo="Give some."))
    with pytest.raises(BadInput):
        step(7)
    assert len(calls) == 1


def test_the_name_of_a_task_run_has_the_last_part_of_a_path_and_the_number_of_further_ones():
    name = _namer("read {sources} for {corpus}, seed {seed}")
    sources = [Path("/data/a.txt"), Path("/data/b.txt"), Path("/data/c.txt")]
    shown = name(parameters={"sources": sources, "corpus": "/home/corpora/names", "seed": 0})
    assert shown == "read a.txt and 2 more for names, seed 0"
    assert (
        name(parameters={"sources": sources[:1], "corpus": "names", "seed": 1})
        == "read a.txt for names, seed 1"
    )


def test_every_task_names_its_runs_after_parameters_that_it_has(checkout):
    """Prefect fails a run whose name cannot be made."""
    found = 0
    for path in sorted((checkout / "tasks").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if getattr(called, "id", "") != "task":
                    continue
                assert isinstance(decorator, ast.Call), f"{path}: {node.name} has no task_run_name"
                (template,) = [k.value.value for k in decorator.keywords if k.arg == "task_run_name"]
                fields = {field.split(".")[0] for _, field, _, _ in Formatter().parse(template) if field}
                assert fields <= {argument.arg for argument in node.args.args}, template
                found += 1
    assert found > 10


@pytest.mark.heavy
def test_the_options_of_a_task_reach_prefect(checkout):
    code = """
        from elman.tasks.runtime.orchestration import task
        options = {"retries": 2, "retry_delay_seconds": 3, "tags": ("registry",)}
        @task(task_run_name="step {number}", name="a step", **options)
        def step(number: int) -> int: return number
        t = step.prefect_task
        name = t.task_run_name(parameters={"number": 4})
        print(t.name, t.retries, t.retry_delay_seconds, name, *t.tags, t.fn(4), sep="; ")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    out = subprocess.run(command, capture_output=True, text=True, cwd=checkout, check=True)
    assert out.stdout.strip() == "a step; 2; 3; step 4; registry; 4"


@pytest.mark.heavy
def test_commands_load_no_prefect_where_no_api_answers(trained, names, home, tmp_path, checkout):
    (tmp_path / "a.txt").write_text("Badeson met Gorubson in Tinakburg .")
    out = str(tmp_path / "out")
    code = f"""
        import sys
        from elman.flows.cli import main
        codes = [
            main(["train", {str(names)!r}, "--preset", "fast", "--epochs", "1"]),
            main(["tag", {str(trained["model"])!r}, {str(tmp_path / "a.txt")!r}, "--out", {out!r},
                  "--workers", "0"]),
        ]
        print(codes, "prefect" in sys.modules)
    """
    env = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}  # MLflow away: not loaded either
    env.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=checkout, check=True)
    assert done.stdout.splitlines()[-1] == "[0, 0] False", done.stderr


@pytest.mark.servers
def test_a_real_server_sees_the_runs_and_its_death_does_not_stop_them(checkout, tmp_path):
    server, url = start_prefect(tmp_path)
    try:
        out, _ = run(checkout, tmp_path, 2, PREFECT_API_URL=url)
        assert (out["doubled"], out["reason"]) == (8, None)
        failed, _ = run(checkout, tmp_path, -1, PREFECT_API_URL=url)
        assert failed["error"] == "a negative number"
        states = sorted(r["state_type"] for r in ask(f"{url}/flow_runs/filter"))
        assert states == ["COMPLETED", "COMPLETED", "FAILED"]  # of work, inner, work
        shown = {artifact["key"]: artifact["data"] for artifact in ask(f"{url}/artifacts/filter")}
        assert shown["numbers"] in {"- 2", "- -1"}
        assert "http://127.0.0.1/x" in shown["a-page"]
        tasks = wait_for(lambda: (found := ask(f"{url}/task_runs/filter"))[3:] and found, every_s=0.5)
        assert len(tasks) == 4  # that of inner, too; the server writes task runs some seconds after the flow

        out, shown = run(checkout, tmp_path, 3, PREFECT_API_URL=url, KILL=str(server.pid))
        assert out["doubled"] == 12
        assert "inner goes on without Prefect: " in shown
        assert "Prefect does not show more-numbers: " in shown
        assert "Prefect stopped answering" in shown  # of work itself, whose end it cannot be told
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
