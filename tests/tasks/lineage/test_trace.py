"""A trace of a large home takes under two CPU seconds after imports."""

import time

import pytest

from bench.lineage import make_home
from elman.tasks.lineage.trace import trace


@pytest.mark.slow
def test_a_large_home_is_traced_in_two_cpu_seconds(home):
    make_home(home, runs=1000, models=1000, shards=10_000, outputs=2)
    model = sorted((home / "models").iterdir())[0].name
    for name in ("out0", model, "0-0.conll"):
        begun = time.process_time()
        found = trace(name)
        assert time.process_time() - begun < 2
        assert found.problems == ()


def test_a_small_generated_home_is_traced_whole(home):
    make_home(home, runs=4, models=4, shards=5, outputs=1)
    found = trace("out0")
    assert found.problems == ()
    assert {step.key.kind for step in found.up} == {"model", "source", "corpus", "run"}
    assert [step.key.kind for step in trace("0-0.conll").down].count("model") == 4
