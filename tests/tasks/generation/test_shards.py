"""Shards of pieces: what a worker is sent suffices it, and memory decides how many workers there are."""

from types import SimpleNamespace

import numpy as np
import pytest

from elman.data.errors import UsageError
from elman.rnn.inference.sampling import SampleConfig
from elman.tasks.execution.makers import MAKER, PlainRequest
from elman.tasks.execution.memory import MIB
from elman.tasks.generation import shards
from elman.tasks.generation.copying import BYTES
from elman.tasks.generation.drawing import SHARD_PIECES, Drawing, Request


def drawing(steps=2000, symbols=0):
    drawn = Drawing.__new__(Drawing)
    drawn.generator = SimpleNamespace(params={"table": np.zeros(1000, np.float32)})
    drawn.how, drawn.corpus = SampleConfig(steps=steps), lambda: (None, symbols)
    return drawn


def test_a_request_names_its_maker_and_comes_back_from_plain_values():
    request = shards.ShardRequest(model="m", out="o", salt="s", request=Request(count=3, start="K:G", seed=5))
    values = request.to_json()
    assert values[MAKER] == shards.__name__
    assert PlainRequest(values).model == "m"
    assert PlainRequest(values).to_json() == values
    assert Request.from_json(values["request"]) == request.request


def test_one_shard_is_drawn_in_this_process_unless_workers_are_asked_for():
    assert shards.workers_for(drawing(), None, 1024 * MIB, 1) == 0
    assert shards.workers_for(drawing(), 2, 1024 * MIB, 1) == 1
    assert shards.workers_for(drawing(), 2, 1024 * MIB, 9) == 2
    assert shards.workers_for(drawing(), 0, 1024 * MIB, 9) == 0


def test_what_the_training_takes_is_counted_for_each_worker(monkeypatch):
    monkeypatch.setattr(shards.environment, "cores", lambda: 8)
    few = shards.workers_for(drawing(symbols=100 * MIB // BYTES), None, 1024 * MIB, 99)
    assert 1 <= few < shards.workers_for(drawing(), None, 1024 * MIB, 99)
    with pytest.raises(UsageError, match=r"--memory of \d+MiB or more for 2 worker\(s\) with this model"):
        shards.workers_for(drawing(), 2, 300 * MIB, 99)
    with pytest.raises(UsageError, match="--memory"):
        shards.workers_for(drawing(symbols=10_000_000), None, 1024 * MIB, 1)


def test_long_pieces_come_in_smaller_shards():
    assert drawing(2000).per_shard == SHARD_PIECES
    assert drawing(1 << 19).per_shard == 2
    assert drawing(1 << 30).per_shard == 1
