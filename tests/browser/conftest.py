"""A home with small runs of text and DNA, the MLflow server of that home, and a browser; once a session."""

import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from elman.flows.check import CheckConfig, check
from elman.flows.evaluate import EvaluateConfig, evaluate
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.train import TrainConfig, train
from elman.tasks.models import gene_presets
from elman.tasks.runtime import registry
from elman.tasks.runtime.run_record import RunRecord
from elman.tasks.servers.processes import mlflow_command
from tests.browser.pages import TIMEOUT_MS, Pages, open_browser
from tests.patience import wait_for

CHECKOUT = Path(__file__).resolve().parents[2]
# What a page might take for markup, a picture, a diagram, a command of the terminal
SCRIPT = "<script>window.attacked=1</script>"
IMAGE = "![shot](http://evil.example/shot.png)"
HANDLER = "<img src=http://evil.example/x onerror=window.attacked=2>"
MERMAID = "```mermaid\ngraph TD; A-->B;\n```"
ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;title\x07"
LINKS = "https://evil.example/a or www.evil.example, to me@evil.example or @evil"
HOSTILE_TYPE = "<b>PER</b>"


@dataclass(frozen=True)
class Trainings:
    """Record folders of the runs.

    Attributes:
        home: where they lie.
        fast, other: trainings on the English samples, the first registered as "names".
        hostile: training on the hostile corpus.
        genes: training on DNA.
        evaluation: of the model of `fast` on the hostile corpus.
        check: page of `elman check --html` on the hostile corpus.
    """

    home: Path
    fast: RunRecord
    other: RunRecord
    hostile: RunRecord
    genes: RunRecord
    evaluation: RunRecord
    check: Path


@dataclass(frozen=True)
class Ui:
    """The runs, and the address of the server that shows them."""

    runs: Trainings
    url: str
    experiments: dict[str, str]  # id by name

    def run(self, record: RunRecord, rest: str = "") -> str:
        """Address of a run's page."""
        (experiment,) = {
            run["experiment_id"]
            for run in self.ask("runs/get", run_id=record.info.mlflow_run_id)["run"].values()
            if "experiment_id" in run
        }
        return f"{self.url}/#/experiments/{experiment}/runs/{record.info.mlflow_run_id}{rest}?{MODE}"

    def ask(self, method: str, **query: Any) -> Any:
        """Answer of the server's API."""
        values = "&".join(f"{key}={value}" for key, value in query.items())
        with urllib.request.urlopen(f"{self.url}/api/2.0/mlflow/{method}?{values}", timeout=120) as answer:
            return json.loads(answer.read())


MODE = "workflowType=machine_learning"


def hostile_corpus(folder: Path) -> Path:
    """Documents whose text, ids and types hold markup; entities are names in -son."""
    folder.mkdir()
    for split, count in (("train", 40), ("dev", 8), ("test", 8)):
        lines = []
        for number in range(count):
            name, attack = (
                f"Ba{'dgkln'[number % 5]}ison",
                (SCRIPT, IMAGE, HANDLER, MERMAID, ESCAPES)[number % 5],
            )
            text = f"{name} met {'xyz' * 90 if number == 7 else 'him'} and wrote {attack} ."
            spans = [{"start": 0, "end": len(name), "label": HOSTILE_TYPE}]
            if split == "test":  # entities that the model misses, with the attack in their text
                start = text.index(attack)
                spans.append({"start": start, "end": start + len(attack), "label": f"{HOSTILE_TYPE}2"})
            lines.append(json.dumps({"id": f"{split}{number} {attack}", "text": text, "spans": spans}))
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def _record(home: Path, run_id: str) -> RunRecord:
    """The record of a run by either of its ids."""
    records = (RunRecord(path.parent) for path in sorted((home / "runs").glob("*/run.json")))
    return next(record for record in records if run_id in (record.id, record.info.mlflow_run_id))


def _train(home: Path, config: TrainConfig) -> RunRecord:
    return _record(home, train.fn(config).run_id)


def _make(home: Path, folder: Path) -> Trainings:
    ingest.fn(IngestConfig(sources=(CHECKOUT / "data" / "samples" / "english",), name="english"))
    hostile = hostile_corpus(folder / "hostile")
    about = f"Letters {SCRIPT} {IMAGE} {MERMAID} {LINKS}"
    ingest.fn(IngestConfig(sources=(hostile,), name="letters", description=about, licence=HANDLER))
    fast = _train(home, TrainConfig(corpus="english", preset="fast", epochs=4, register="names"))
    other = _train(home, TrainConfig(corpus="english", preset="fast", epochs=2, seed=1))
    letters = _train(home, TrainConfig(corpus="letters", preset="fast", epochs=3, register="letters"))
    assert fast.info.model is not None
    known = set((home / "runs").iterdir())
    evaluate.fn(EvaluateConfig(model=fast.info.model.folder, corpus="letters"))
    (evaluation,) = (path for path in set((home / "runs").iterdir()) - known if "-evaluate-" in path.name)
    check(CheckConfig(sources=("letters",), html=folder / "check.html"))
    genome = tuple(CHECKOUT / "tests" / "fixtures" / f"ecoli_100kb.{kind}.gz" for kind in ("fna", "gff3"))
    for split in ("train", "test"):
        ingest.fn(IngestConfig(sources=genome, name="ecoli", as_=split))
    genes = _train(home, TrainConfig(corpus="ecoli", preset="fast"))
    page = folder / "check.html"
    return Trainings(home, fast, other, letters, genes, RunRecord(evaluation), page)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=60) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session")
def ui(tmp_path_factory) -> Iterator[Ui]:
    """The server starts as `elman up` starts it, while the runs are made."""
    if shutil.which("chromium") is None:
        pytest.skip("there is no chromium: install Debian's package chromium")
    pytest.importorskip("playwright", reason="playwright is not installed: make env")
    folder = tmp_path_factory.mktemp("browser")
    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        small = replace(gene_presets.PRESETS["fast"], hidden=16, least=0.5, most=0.5)
        patch.setitem(gene_presets.PRESETS, "fast", small)
        registry.versions("none")  # makes the database, before two processes meet in it
        port = _free_port()
        with (folder / "mlflow.log").open("wb") as log:
            server = subprocess.Popen(
                mlflow_command(port), cwd=folder, env=dict(os.environ), stdout=log, stderr=log
            )
        try:
            runs = _make(home, folder)
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: _answers(url) or server.poll() is not None)
            assert server.poll() is None, (folder / "mlflow.log").read_text()
            found = Ui(runs, url, {}).ask("experiments/search", max_results=100)["experiments"]
            yield Ui(runs, url, {one["name"]: one["experiment_id"] for one in found})
        finally:
            server.terminate()
            server.wait()


@pytest.fixture(scope="session")
def browser(ui) -> Iterator[Pages]:
    """One browser for all tests."""
    with open_browser() as pages:
        yield pages


@pytest.fixture(scope="session")
def expect(browser) -> Any:
    """Playwright's assertions, which wait until they hold."""
    from playwright.sync_api import expect

    expect.set_options(timeout=TIMEOUT_MS)
    return expect
