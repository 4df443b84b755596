"""The steps of ingest."""

import json
from pathlib import Path

import pytest

from elman.data.errors import BadInput
from elman.data.formats.options import Options
from elman.data.sources.reading import collect_sources
from elman.data.store.writer import DatasetWriter, Staging
from elman.tasks.ingest import steps
from elman.tasks.ingest.steps import MOST_TASKS, bad_records, grouped, refusal, stage_items

CONLL = "John\tB-PER\nsleeps\tO\n.\tO\n\n"


@pytest.fixture
def staging(tmp_path) -> Staging:
    return DatasetWriter(tmp_path / "corpus", kind="test", config={}).staging


@pytest.fixture
def items(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.conll").write_text(CONLL * (number + 100))
    return collect_sources(sorted(tmp_path.glob("*.conll")))[0]


def test_an_interrupted_step_makes_only_the_shards_that_are_missing(staging, items, monkeypatch):
    monkeypatch.setattr(steps, "SHARD_BYTES", 500)
    done: list[float] = []
    whole = stage_items(staging, items, Options(), done.append)
    assert len(whole) > 5
    assert sum(done) == pytest.approx(sum(item.size for item in items))
    receipts = sorted((staging.folder / ".staging" / "receipts").iterdir())
    lost = staging.folder / ".staging" / whole[3]["files"]["data"]["path"]
    lost.unlink()
    made: list[Path] = []
    stage = Staging.stage
    monkeypatch.setattr(
        Staging, "stage", lambda self, id, *a, **k: made.append(id) or stage(self, id, *a, **k)
    )
    assert stage_items(staging, items, Options()) == whole
    assert made[0] == whole[3]["id"]
    assert lost.exists()
    assert sorted((staging.folder / ".staging" / "receipts").iterdir()) == receipts
    made.clear()
    done.clear()
    assert stage_items(staging, items, Options(), done.append) == whole
    assert made == []
    assert sum(done) == sum(item.size for item in items)


def test_other_options_give_other_shards(staging, items):
    first = stage_items(staging, items, Options())
    assert stage_items(staging, items, Options(token_column=1, tag_column=2))[0]["key"] != first[0]["key"]


@pytest.mark.parametrize("count", [1, MOST_TASKS, MOST_TASKS + 1, 1000, 5000])
def test_there_are_never_more_groups_than_tasks_allowed(items, count):
    many = [items[number % 3] for number in range(count)]
    groups = grouped(many)
    assert [item for group in groups for item in group] == many
    assert len(groups) <= MOST_TASKS
    assert count > MOST_TASKS or len(groups) == count


def test_the_report_names_reasons_counts_and_examples(staging, tmp_path, home):
    path = tmp_path / "bad.conll"
    path.write_text(CONLL * 9 + "a B-PER\nb\n\n" * 30)
    shards = stage_items(staging, collect_sources([path])[0], Options())
    report = bad_records(staging, shards)
    assert report is not None
    assert (report["records"], report["bad"]) == (39, 30)
    error = refusal(report)
    assert isinstance(error, BadInput)
    assert (error.source, error.line) == ("bad.conll", 9 * 4 + 2)
    kept = json.loads(next((home / "runs").glob("*/report.json")).read_text())
    reason = kept["reasons"]["wrong-columns"]
    assert reason["count"] == 30
    assert len(reason["examples"]) == 20
    assert reason["examples"][0]["raw"] == "a B-PER\nb\n"
