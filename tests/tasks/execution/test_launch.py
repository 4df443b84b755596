"""Forecasts of runs."""

import gzip
import json
import random
from dataclasses import replace

import pytest

from elman.data.errors import UsageError
from elman.flows.tag import TagConfig, Tagged, TagPlan, tag
from elman.tasks.execution import throughput


@pytest.fixture
def config(tracked_home, trained, write_marked, tmp_path):
    source = write_marked(tmp_path / "a.jsonl", {})

    def config(**options):
        options = {"shard_size": "3000", "workers": 0, **options}
        return TagConfig(model=str(trained["model"]), sources=(source,), out=tmp_path / "out", **options)

    return config


def test_a_forecast_names_the_shards_to_be_made_and_writes_nothing(config, tmp_path):
    planned = tag.fn(config(plan=True))
    assert isinstance(planned, TagPlan)
    foreseen = planned.forecast
    assert foreseen.to_tag == foreseen.shards > 2
    assert foreseen.reused == 0
    assert foreseen.bytes == foreseen.bytes_to_tag == (tmp_path / "a.jsonl").stat().st_size
    assert not (tmp_path / "out").exists()
    tagged = tag.fn(config())
    assert isinstance(tagged, Tagged)
    assert tagged.shards == foreseen.shards
    after = tag.fn(config(plan=True)).forecast
    assert (after.to_tag, after.reused, after.bytes_to_tag) == (0, foreseen.shards, 0)


def test_a_forecast_writes_nothing_for_a_file_that_will_be_quarantined(config, tmp_path):
    damaged = tmp_path / "b.txt.gz"
    damaged.write_bytes(gzip.compress(random.Random(0).randbytes(5000).hex().encode())[:2000])
    options = config(plan=True)
    foreseen = tag.fn(replace(options, sources=(*options.sources, damaged))).forecast
    assert foreseen.sources == 2
    assert foreseen.to_tag == foreseen.shards - 1
    assert not (tmp_path / "out").exists()


def test_a_forecast_takes_its_time_from_the_throughput_of_earlier_runs(config, trained, tracked_home):
    assert tag.fn(config(plan=True, workers=1)).forecast.expected_s is None
    version = tag.fn(config(plan=True)).inputs.model
    throughput.record_throughput(version, 1 << 20, seconds=10.0, workers=2)
    assert json.loads((tracked_home / throughput.FILE).read_text()) == {version: round((1 << 20) / 20)}
    foreseen = tag.fn(config(plan=True, workers=1)).forecast
    assert foreseen.expected_s == round(foreseen.bytes_to_tag / round((1 << 20) / 20), 1)


def test_too_little_memory_is_an_error_before_a_worker_starts(config):
    with pytest.raises(UsageError, match=r"expected --memory of \d+MiB or more for 2 worker\(s\)"):
        tag.fn(config(workers=2, memory="300MiB"))
