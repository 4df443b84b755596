"""Division of `--memory` among the driver, the workers and their tables."""

import pytest

from elman.data.encoding.word_cache import _Table
from elman.data.errors import UsageError
from elman.data.text.scanner import Scanner
from elman.data.text.tokenizer import Tokenizer
from elman.tasks.execution.memory import (
    ENTRY,
    MAX_CACHE,
    MAX_ENTRIES,
    MIB,
    MIN_CACHE,
    MIN_ENTRIES,
    WORKER,
    Resources,
    driver_bytes,
    mapped_bytes,
    plan_memory,
    prepared_bytes,
)

WEIGHTS = 80 * MIB


def plan(workers, memory, shards=100):
    return plan_memory(Resources("local", workers, memory), shards, "text", WEIGHTS)


def needed(workers, entries, cache):
    """Bytes of all processes."""
    own = WORKER + prepared_bytes(WEIGHTS) + entries * ENTRY + cache
    return driver_bytes() + mapped_bytes("text", WEIGHTS) + workers * own


@pytest.mark.parametrize("memory", range(600 * MIB, 4096 * MIB, 100 * MIB))
@pytest.mark.parametrize("asked", [None, 1, 2, 9])
def test_planned_memory_never_exceeds_the_limit(memory, asked):
    try:
        got = plan(asked, memory)
    except UsageError:
        assert memory < needed(asked or 1, MIN_ENTRIES, MIN_CACHE)
        return
    assert needed(got.workers, got.table_entries, got.input_cache) <= memory
    assert got.workers == asked or asked is None
    assert MIN_ENTRIES <= got.table_entries <= MAX_ENTRIES
    assert MIN_CACHE <= got.input_cache <= MAX_CACHE


def test_more_memory_gives_larger_tables_and_too_little_is_an_error_with_the_need():
    plans = [plan(2, size * MIB) for size in (830, 940, 1460)]
    for sizes in ([made.table_entries for made in plans], [made.input_cache for made in plans]):
        assert sizes == sorted(set(sizes))
    least = -(-needed(2, MIN_ENTRIES, MIN_CACHE) // MIB)
    with pytest.raises(UsageError, match=rf"--memory of {least}MiB or more for 2 worker\(s\).* Got 500MiB"):
        plan(2, 500 * MIB)


def test_no_more_workers_than_shards():
    assert plan(8, 1 << 40, shards=3).workers == 3


def test_tables_of_a_worker_take_the_memory_planned_for_them():
    scanner, kept = Scanner(Tokenizer(), MIN_ENTRIES), MIN_ENTRIES
    table = _Table(None, kept)
    held = table.strings.nbytes + table.rows.nbytes + table.offsets.nbytes + scanner._table.nbytes
    spans = 2 * 8 * 3 * kept  # starts and ends of some tokens a stretch, which grow
    assert held + spans <= kept * ENTRY
