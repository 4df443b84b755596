"""Sources are staged once, however often a run is interrupted, and too many bad records are reported."""

import json
from pathlib import Path

import pytest

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.sources.reading import collect_sources
from elman.data.store.writer import Staging
from elman.tasks.ingest import staging as module
from elman.tasks.ingest.staging import bad_records, stage_sources
from elman.tasks.runtime import run_record

CONLL = "John\tB-PER\nsleeps\tO\n.\tO\n\n"


def test_an_interrupted_step_makes_only_the_shards_that_are_missing(staging, three_sources, monkeypatch):
    monkeypatch.setattr(module, "SHARD_BYTES", 500)
    done: list[float] = []
    size = sum(source.size for source in three_sources)
    shards = stage_sources(staging, three_sources, Options(), done.append)
    assert len(shards) > 5
    assert sum(done) == pytest.approx(size)
    receipts = sorted((staging.folder / ".staging" / "receipts").iterdir())
    lost = staging.folder / ".staging" / shards[3].files["data"].path
    lost.unlink()
    made: list[Path] = []
    stage = Staging.stage
    monkeypatch.setattr(
        Staging, "stage", lambda self, id, *a, **k: made.append(id) or stage(self, id, *a, **k)
    )
    assert stage_sources(staging, three_sources, Options()) == shards
    assert made[0] == shards[3].id
    assert lost.exists()
    assert sorted((staging.folder / ".staging" / "receipts").iterdir()) == receipts
    made.clear()
    done.clear()
    assert stage_sources(staging, three_sources, Options(), done.append) == shards
    assert made == []
    assert sum(done) == size


def test_other_options_give_other_shards(staging, three_sources):
    first = stage_sources(staging, three_sources, Options())
    other = stage_sources(staging, three_sources, Options(token_column=1, tag_column=2))
    assert other[0].key != first[0].key


def test_the_report_names_reasons_counts_and_examples(staging, tmp_path, home):
    path = tmp_path / "bad.conll"
    path.write_text(CONLL * 9 + "a B-PER\nb\n\n" * 30)
    shards = stage_sources(staging, collect_sources([path])[0], Options())
    report = bad_records(staging, shards)
    assert report is not None
    assert (report.records, report.bad) == (39, 30)
    error = report.error(run_record.start("ingest", "c", {}))
    assert isinstance(error, BadInput)
    assert (error.source, error.line) == ("bad.conll", 9 * 4 + 2)
    written = json.loads(next((home / "runs").glob("*/report.json")).read_text())
    reason = written["reasons"]["wrong-columns"]
    assert reason["count"] == 30
    assert len(reason["examples"]) == 20
    assert reason["examples"][0]["raw"] == "a B-PER\nb\n"
