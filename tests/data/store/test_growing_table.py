"""A table that grows beyond its limit lies in files, and is staged with the bytes it would have in memory."""

import polars as pl
import pytest

from elman.data.store import schema, writer
from elman.data.store.growing_table import GrowingTable
from elman.data.store.writer import Staging


def interval(number: int) -> tuple:
    return ("s", "c", number, number + 3, "+-"[number % 2], number % 3, "CDS", 0, number / 1000, None)


FRAMES = [
    pl.DataFrame([interval(n) for n in range(low, low + size)], schema=schema.INTERVALS, orient="row")
    for low, size in ((0, 5), (5, 0), (5, 300), (305, 1), (306, 94))
]


def grown(folder, limit: int) -> GrowingTable:
    rows = GrowingTable(folder, limit)
    for frame in FRAMES:
        rows.add(frame)
    return rows


@pytest.mark.parametrize("limit", [0, 1000, 10_000, 1 << 20])
def test_rows_are_the_same_whatever_the_limit(tmp_path, limit):
    rows = grown(tmp_path, limit)
    assert rows.in_memory == (limit == 1 << 20)
    assert rows.height == 400
    assert rows.frame().equals(pl.concat(FRAMES))


@pytest.mark.parametrize("limit", [0, 10_000])
def test_a_shard_of_a_large_table_has_the_same_bytes(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(writer, "ROW_GROUP", 64)
    staged = {}
    for name, rows in (("small", pl.concat(FRAMES)), ("large", grown(tmp_path, limit))):
        staging = Staging(tmp_path / name, "salt")
        staged[name] = staging.stage("a", "a", {"data": rows}).files["data"]
        assert staging.find(staged[name]).stat().st_size == staged[name].bytes
        assert [path.name for path in (tmp_path / name / ".staging").rglob("*.tmp")] == []
    assert staged["small"] == staged["large"]


def test_the_files_are_gone_with_the_table(tmp_path):
    rows = grown(tmp_path, 0)
    assert len(list(tmp_path.rglob("*.parquet"))) == 4
    del rows
    assert list(tmp_path.iterdir()) == []


def test_a_table_of_large_rows_is_written_to_a_file_and_has_the_same_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "LARGE", 100)
    monkeypatch.setattr(writer, "LARGE_ROW", 10)
    large = pl.DataFrame({"audio": [b"ab" * 1000, b"c"]})
    staging = Staging(tmp_path, "salt")
    shard = staging.stage("a", "a", {"data": large})
    rows = staging.scan(shard, "data")
    assert rows is not None
    assert rows.collect().equals(large)
    assert staging.holds(shard)
