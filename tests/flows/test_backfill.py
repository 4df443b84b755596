"""`elman backfill`: each day of a range once, whatever was done before; days that fail or lack are named."""

import json
from datetime import date
from pathlib import Path

import pytest

from elman.data.errors import UsageError
from elman.data.store.dataset import Dataset
from elman.flows.backfill import BackfillConfig, backfill

pytestmark = pytest.mark.heavy
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 4)


def write_day(root: Path, day: str, text: str) -> None:
    folder = root / "eu" / f"dt={day}"
    folder.mkdir(parents=True)
    (folder / "texts.jsonl").write_text(json.dumps({"id": day, "text": text}) + "\n")


@pytest.fixture
def days(tmp_path) -> Path:
    for day in ("2026-02-28", "2026-03-01", "2026-03-03"):
        write_day(tmp_path / "in", day, f"Badeson met Gorulson in Tinaburg on {day} .")
    return tmp_path / "in"


def test_days_are_ingested_and_tagged_once(tracked_home, days, trained, tmp_path):
    tagging = {"model": trained["model"], "out": tmp_path / "tagged", "workers": 0}
    config = BackfillConfig(root=days, from_=FIRST, to=LAST, corpus="mail", **tagging)
    first = backfill.fn(config).to_json()
    assert list(first["days"]) == ["2026-03-01", "2026-03-03"]
    assert (first["missing"], first["failed"]) == (["2026-03-02", "2026-03-04"], {})
    assert first["days"]["2026-03-01"]["ingest"] == {"ingested": 1, "already": 0, "quarantined": 0}
    assert Dataset.open(tmp_path / "tagged" / "dt=2026-03-03").kind == "tagged-text"
    again = backfill.fn(config).to_json()
    assert [day["ingest"]["already"] for day in again["days"].values()] == [1, 1]
    assert [day["tag"]["reused"] for day in again["days"].values()] == [1, 1]
    assert len(Dataset.open(tracked_home / "corpora" / "mail").sources) == 2


def test_a_day_that_fails_is_named_and_the_others_are_done(tracked_home, days):
    folder = days / "eu" / "dt=2026-03-02"
    folder.mkdir()
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 40)
    done = backfill.fn(BackfillConfig(root=days, from_=FIRST, to=LAST, corpus="mail")).to_json()
    assert list(done["failed"]) == ["2026-03-02"]
    assert list(done["days"]) == ["2026-03-01", "2026-03-03"]
    assert done["exit_code"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"from_": LAST, "to": FIRST, "corpus": "mail"}, "expected --from before --to"),
        ({}, "expected --corpus to ingest into, --model to tag with, or both"),
        ({"model": "m"}, "expected --model and --out together"),
        ({"corpus": "Not A Name"}, "corpus"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        BackfillConfig(**{"root": tmp_path, "from_": FIRST, "to": LAST, **options})
