"""Exports get the staged tables shard by shard, a large table that is read alone in parts."""

import polars as pl
import pytest

from elman.data.exports import staged_tables as module
from elman.data.exports.staged_tables import staged_tables
from elman.data.store.writer import Staging

ROWS = [("a", n) for n in range(7)] + [("b", n) for n in range(3)]


@pytest.fixture
def shards(tmp_path):
    staging = Staging(tmp_path, "salt")
    frame = pl.DataFrame(ROWS, schema=["source", "number"], orient="row")
    others = {"contigs": frame.head(1)}
    return staging, [staging.stage(id, id, {"data": frame, **others}) for id in ("a", "b")]


def test_a_table_read_alone_comes_in_parts_with_the_same_rows(shards, monkeypatch):
    monkeypatch.setattr(module, "ROW_GROUP", 4)
    frames = [frame for (frame,) in staged_tables(*shards)("data")]
    assert [frame.height for frame in frames] == [4, 4, 2] * 2
    assert pl.concat(frames).rows() == ROWS * 2
    of_b = pl.concat([frame for (frame,) in staged_tables(*shards, "b")("data")])
    assert of_b.rows() == ROWS[7:] * 2


def test_tables_read_together_come_whole_and_those_that_are_missing_are_empty(shards, monkeypatch):
    monkeypatch.setattr(module, "ROW_GROUP", 4)
    tables = staged_tables(*shards)
    assert [[frame.height for frame in frames] for frames in tables("contigs", "data")] == [[1, 10]] * 2
    assert [frames[1].width for frames in tables("data", optional=("texts",))] == [0, 0]
    assert list(tables("data", "texts")) == []
