"""Take the pictures of docs/runs.md: MLflow's and Prefect's pages of runs, in a headless Chromium.

After the trainings that the page lists:

    PYTHONPATH=. .venv/bin/python docs/screenshots.py

It starts an MLflow and a Prefect server of its own and stops them. Playwright and chromium are those of the
tests.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from elman.tasks.runtime.environment import CHECKOUT, home
from elman.tasks.runtime.registry import versions
from elman.tasks.runtime.run_record import RunRecord
from elman.tasks.servers.processes import mlflow_command
from tests.browser.pages import Pages, open_browser
from tests.browser.prefect_server import prefect_server

IMAGES = CHECKOUT / "docs" / "img"
SAMPLES = CHECKOUT / "data" / "samples" / "english"
MODEL = "names"  # the registered model that is shown
MODE = "workflowType=machine_learning"
CHARTS = "f1_by_epoch|^loss$|^test_f1$|training_s|train_tokens_per_s|peak_memory_mib"
WINDOW = {"width": 1360, "height": 900}
START_UP_S = 300.0


def trainings(runs: Path) -> list[RunRecord]:
    """Records of the finished trainings, oldest first.

    Raises:
        SystemExit: there are fewer than two.
    """
    records = [RunRecord(path.parent) for path in sorted(runs.glob("*-train-*/run.json"))]
    found = [record for record in records if record.info.status == "FINISHED" and record.info.sent]
    if len(found) < 2:
        raise SystemExit(f"expected two trainings under {runs}. Got {len(found)}. See docs/runs.md.")
    return found


def take(pages: Pages, url: str, experiment: str, run: RunRecord) -> None:
    """Take every picture.

    Args:
        pages: of the browser.
        url: address of the server.
        experiment: id of the trainings' experiment.
        run: the training whose report is shown.
    """
    runs = f"{url}/#/experiments/{experiment}/runs"
    page = pages.open(f"{runs}?{MODE}&viewStateShareKey=scores")
    page.get_by_role("link", name=run.info.name, exact=True).wait_for()
    page.locator("[col-id='metrics.`dev_f1`']").nth(1).wait_for()
    _shoot(page, "mlflow_runs", height=480)
    page = pages.open(f"{runs}?{MODE}&compareRunsMode=CHART")
    page.get_by_placeholder("Search metric charts").fill(CHARTS)
    page.get_by_text("dev_f1_by_epoch", exact=True).first.wait_for()
    page.locator(".main-svg").nth(3).wait_for()
    _shoot(page, "mlflow_charts", height=760)
    address = f"{runs}/{run.info.mlflow_run_id}/artifacts/evaluation_test/report.html?{MODE}"
    page = pages.open(address)
    report = page.frame_locator("iframe.mlflow-html-iframe")
    heading = report.get_by_role("heading", name="Mistakes, the surest first")
    heading.evaluate("one => one.scrollIntoView()")
    _shoot(page, "mlflow_mistakes", height=760)
    page = pages.open(f"{url}/#/models/{MODEL}/versions/{versions(MODEL)[-1].version}?{MODE}")
    page.get_by_role("row").filter(has_text="test: all").wait_for()
    _shoot(page, "mlflow_model", height=900)


def take_prefect(pages: Pages) -> None:
    """Tag the English samples where a Prefect server answers, and take the page of that run."""
    with tempfile.TemporaryDirectory() as folder, prefect_server(Path(folder)) as server:
        out = str(Path(folder) / "letters")
        tagging = ["tag", f"models:/{MODEL}@champion", str(SAMPLES), "--out", out, "--workers", "0"]
        server.run([tagging], home())
        run = server.runs()["tag letters"]
        page = pages.open(f"{server.url}/runs/flow-run/{run['id']}")
        page.get_by_text("3 of 3 shards, 0 reused").first.wait_for()
        _shoot(page, "prefect_run", height=760)


def _shoot(page: Any, name: str, height: int) -> None:
    """Write a picture of the top of the page."""
    page.mouse.move(0, 0)
    clip = {"x": 0, "y": 0, "width": WINDOW["width"], "height": height}
    page.screenshot(path=IMAGES / f"{name}.png", clip=clip, animations="disabled")


def _serve(port: int, url: str) -> "subprocess.Popen[bytes]":
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(mlflow_command(port), env=dict(os.environ), stdout=log, stderr=log)
    until = time.monotonic() + START_UP_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=60):  # noqa: S310 (loopback)
                return server
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    server.terminate()
    raise SystemExit(f"expected MLflow to answer at {url} within {START_UP_S:.0f} s. It did not.")


def main() -> None:
    """Start the server, take the pictures of the latest training, stop the server."""
    from elman.tasks.runtime.mlflow_connection import connect

    run = trainings(home() / "runs")[-1]
    experiment = connect().MlflowClient().get_run(run.info.mlflow_run_id).info.experiment_id
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = _serve(port, url)
    try:
        with open_browser(viewport=WINDOW) as pages:
            take(pages, url, experiment, run)
            take_prefect(pages)
    finally:
        server.terminate()
        server.wait()
    print(*sorted((*IMAGES.glob("mlflow_*.png"), *IMAGES.glob("prefect_*.png"))), sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
