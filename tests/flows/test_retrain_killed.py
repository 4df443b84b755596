"""`elman retrain` killed between any two steps: a champion can be loaded, and the next run completes it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from elman.data.store.dataset import Dataset
from elman.tasks.retraining import history
from tests import patience
from tests.flows.test_retrain import half_labelled, write

pytestmark = [pytest.mark.kills, pytest.mark.slow, pytest.mark.xdist_group("retrain killed")]
CHECKOUT = Path(__file__).parents[2]
GAPS = [
    "before elman.flows.retrain._hold_bad_batch",
    "after elman.flows.retrain._hold_bad_batch",
    "before elman.data.store.writer.DatasetWriter.commit",
    "before elman.flows.retrain.find_challenger",
    "before elman.flows.retrain.mark_unjudged",
    "before elman.tasks.models.model_folder.write",
    "before elman.flows.train._record_model",
    "before elman.tasks.runtime.mlflow_models.log_model",
    "before elman.tasks.runtime.mlflow_models.register",
    "after elman.tasks.runtime.mlflow_models.register",
    "before elman.flows.retrain._verdict",
    "before elman.flows.retrain.judge",
    "before elman.flows.retrain.decide",
    "before elman.tasks.retraining.history.append",
    "after elman.tasks.retraining.history.append",
    "before elman.tasks.retraining.history.set_mirrored",
    "after elman.flows.retrain.decide",
    "before elman.flows.retrain._tell",
]

KILLED = """
import importlib, os, signal, sys
from elman.tasks.runtime import environment, orchestration
environment.prepare()
orchestration.run_without_prefect()
when, path = sys.argv[1].split()
parts = path.split(".")
for cut in range(len(parts) - 1, 0, -1):
    try:
        place = importlib.import_module(".".join(parts[:cut]))
        break
    except ModuleNotFoundError:
        continue
for name in parts[cut:-1]:
    place = getattr(place, name)
real = getattr(place, parts[-1])

def killed(*arguments, **named):
    if when == "after":
        real(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(place, parts[-1], killed)
from elman.flows.cli import main
sys.exit(main(sys.argv[2:]))
"""

ASK = """
import json
from elman.tasks.models import model_folder
from elman.tasks.retraining.promotion import VERDICT
from elman.tasks.runtime import registry
model_folder.read(registry.resolve_model("models:/names@champion"))
verdicts = [version.tags.get(VERDICT) for version in registry.versions("names")]
print(json.dumps([registry.champion("names").version, verdicts]))
"""


def start(inbox: Path, gap: str = "") -> subprocess.Popen:
    arguments = ["retrain", "mail", str(inbox), "--model", "names", "--preset", "fast", "--json"]
    command = [sys.executable, "-c", KILLED, gap] if gap else [sys.executable, "-m", "elman.flows.cli"]
    return subprocess.Popen(
        [*command, *arguments], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen) -> dict:
    out, error = patience.finish(process)
    assert process.returncode == 0, error
    summary: dict = json.loads(out)
    return summary


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, mlflow_template, invented_rows) -> tuple[Path, Path, Path]:
    """A home with a champion, a copy of it, and an inbox with what makes a better challenger."""
    folder = tmp_path_factory.mktemp("retrain-killed")
    home, copy, inbox = folder / "home", folder / "copy", folder / "inbox"
    (home / "mlflow").mkdir(parents=True)
    shutil.copyfile(mlflow_template, home / "mlflow" / "mlflow.db")
    write(inbox / "a.train.conll", half_labelled(invented_rows(90, 1)))
    write(inbox / "a.test.conll", invented_rows(150, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(home))
        assert finish(start(inbox))["promoted"]
    write(inbox / "b.train.conll", invented_rows(600, 6))
    shutil.copytree(home, copy)
    return home, copy, inbox


@pytest.fixture
def inbox(prepared, monkeypatch) -> Path:
    """The inbox; the home is as it was when version 1 was champion, in the same place: MLflow has paths."""
    home, copy, inbox = prepared
    monkeypatch.setenv("ELMAN_HOME", str(home))
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    shutil.rmtree(home)
    shutil.copytree(copy, home)
    return inbox


def asked() -> tuple[str, list[str | None]]:
    """The champion in MLflow, whose files are read, and the verdicts of all versions.

    Asked by a process of its own, as MLflow keeps connections to a database, which a test puts back.
    """
    command = [sys.executable, "-c", ASK]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    champion, verdicts = json.loads(done.stdout)
    return champion, verdicts


@pytest.mark.parametrize("gap", GAPS)
def test_the_champion_is_the_old_or_the_new_one_and_the_next_run_completes_it(inbox, gap):
    process = start(inbox, gap)
    _, error = patience.finish(process)
    assert process.returncode == -signal.SIGKILL, error
    assert asked()[0] in ("1", "2")
    finish(start(inbox))
    last, verdicts = asked()
    assert int(last) == len(verdicts)  # of two, or of three if one was never judged
    assert verdicts.count("never judged") <= 1
    assert None not in verdicts
    entries = history.read("names")
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert (entries[-1].action, entries[-1].champion) == ("promoted", last)
    assert len(Dataset.open(Path(os.environ["ELMAN_HOME"]) / "corpora" / "mail").sources) == 3
    again = finish(start(inbox))
    assert (again["trained"], again["promoted"]) == (False, False)
