"""Sources and models that change during a run: an error names them, and a rerun resumes."""

import json
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.store.dataset import Dataset
from elman.flows.tag import TagConfig, tag
from elman.tasks.execution import local_engine
from elman.tasks.models import model_folder
from tests.patience import Patience

pytestmark = pytest.mark.kills


@pytest.fixture
def tagger(trained, tmp_path) -> Path:
    """A copy of the model that may be moved away."""
    return Path(shutil.copytree(trained["model"], tmp_path / "tagger"))


@pytest.fixture
def run(tracked_home, tagger, tmp_path):
    def run(source: Path, folder: Path = tagger, **options):
        options = {"shard_size": "3000", "workers": 1, "out": tmp_path / "out", **options}
        return tag.fn(TagConfig(model=str(folder), sources=(source,), **options)).to_json()

    return run


@pytest.fixture
def meanwhile(marked_worker, monkeypatch, run, tmp_path):
    """Run, and do something while a worker is held up by a mark WAIT; the run's result, or what it raises."""
    monkeypatch.setattr(local_engine, "WORKER", (sys.executable, str(marked_worker)))

    def meanwhile(source: Path, change):
        receipts, log = tmp_path / "out" / ".staging" / "receipts", tmp_path / "log"
        with ThreadPoolExecutor(1) as pool:
            going = pool.submit(run, source)
            patience = Patience()
            while not (list(receipts.glob("*.json")) and log.exists() and "d60" in log.read_text().split()):
                patience.check()
                assert not going.done(), going.result()
                time.sleep(0.05)
            change()
            (tmp_path / "go").touch()
            return going.result()

    return meanwhile


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_source_that_changes_in_mid_run_ends_it_and_the_next_tags_what_is_there(
    meanwhile, run, write_marked, tmp_path
):
    source = write_marked(tmp_path / "a.jsonl", {60: "WAIT"})
    with pytest.raises(BadInput, match=r"a\.jsonl: expected a file that does not change during the run"):
        meanwhile(source, lambda: write_marked(source, {}, 90))
    assert not (tmp_path / "out" / "manifest.json").exists()
    summary = run(source)
    assert (summary["records"], summary["quarantined"]) == (90, 0)
    run(source, out=tmp_path / "whole", workers=0)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_source_touched_in_mid_run_is_not_quarantined(meanwhile, run, write_marked, tmp_path):
    source = write_marked(tmp_path / "a.jsonl", {60: "WAIT"})
    with pytest.raises(BadInput, match=r"a\.jsonl: expected a file that does not change during the run"):
        meanwhile(source, lambda: os.utime(source, (0, 0)))
    assert run(source)["quarantined"] == 0


def test_a_model_that_vanishes_in_mid_run_ends_it_when_a_worker_needs_it_and_a_rerun_goes_on(
    meanwhile, run, write_marked, tmp_path, tagger
):
    source = write_marked(tmp_path / "a.jsonl", {60: "WAIT", 90: "ONCE"})
    with pytest.raises(BadInput, match=r"tagger.*expected a model folder"):
        meanwhile(source, lambda: tagger.rename(tmp_path / "away"))
    assert not (tmp_path / "out" / "manifest.json").exists()
    with pytest.raises(BadInput, match=r"tagger.*expected a model"):
        run(source)
    (tmp_path / "away").rename(tagger)
    summary = run(source)
    assert (summary["records"], summary["quarantined"]) == (120, 0)
    assert summary["shards"] > summary["reused"] > 0
    run(source, out=tmp_path / "whole", workers=0)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_output_and_unfinished_runs_of_another_model_are_left_alone(
    meanwhile, run, write_marked, tmp_path, tagger
):
    other = Path(shutil.copytree(tagger, tmp_path / "other"))
    passport = json.loads((other / model_folder.PASSPORT).read_text())
    passport["corpus"]["name"] = "others"
    (other / model_folder.PASSPORT).write_text(json.dumps(passport))
    source = write_marked(tmp_path / "a.jsonl", {60: "WAIT", 90: "ONCE"})
    with pytest.raises(BadInput, match="expected a model folder"):
        meanwhile(source, lambda: tagger.rename(tmp_path / "away"))
    (tmp_path / "away").rename(tagger)
    for what in ("an unfinished run", "output"):
        before = tree(tmp_path / "out")
        with pytest.raises(UsageError, match=f"expected {what} made with model .*Nothing is overwritten"):
            run(source, other)
        assert tree(tmp_path / "out") == before
        run(source)
    assert set(Dataset.open(tmp_path / "out").scan().collect()["model"]) == {
        model_folder.read(tagger).version
    }
