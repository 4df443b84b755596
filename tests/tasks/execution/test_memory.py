"""How `--memory` is shared out among the driver, the workers and their tables."""

import pytest

from elman.data.encoding.word_cache import _Table
from elman.data.errors import UsageError
from elman.data.text.scanner import Scanner
from elman.data.text.tokenizer import Tokenizer
from elman.tasks.execution.memory import (
    ENTRY,
    FEWEST,
    LEAST_ROWS,
    MIB,
    MOST,
    MOST_ROWS,
    WORKER,
    of_driver,
    of_model,
    of_weights,
    share,
)

WEIGHTS = 80 * MIB


def needed(workers, kept, rows):
    """Bytes of all processes."""
    own = WORKER + of_model(WEIGHTS) + kept * ENTRY + rows
    return of_driver() + of_weights("text", WEIGHTS) + workers * own


@pytest.mark.parametrize("memory", range(600 * MIB, 4096 * MIB, 100 * MIB))
@pytest.mark.parametrize("asked", [None, 1, 2, 9])
def test_what_is_shared_out_never_exceeds_the_memory(memory, asked):
    try:
        got = share(asked, memory, 100, "text", WEIGHTS)
    except UsageError:
        assert memory < needed(asked or 1, FEWEST, LEAST_ROWS)
        return
    assert needed(got.workers, got.kept, got.rows) <= memory
    assert got.workers == asked or asked is None
    assert FEWEST <= got.kept <= MOST
    assert LEAST_ROWS <= got.rows <= MOST_ROWS


def test_more_memory_gives_larger_tables_and_too_little_is_refused_with_what_is_needed():
    shares = [share(2, size * MIB, 100, "text", WEIGHTS) for size in (830, 940, 1460)]
    for sizes in ([each.kept for each in shares], [each.rows for each in shares]):
        assert sizes == sorted(set(sizes))
    least = -(-needed(2, FEWEST, LEAST_ROWS) // MIB)
    with pytest.raises(UsageError, match=rf"--memory of {least}MiB or more for 2 worker\(s\).* Got 500MiB"):
        share(2, 500 * MIB, 100, "text", WEIGHTS)


def test_no_more_workers_than_shards():
    assert share(8, 1 << 40, 3, "text", WEIGHTS).workers == 3


def test_the_tables_of_a_worker_take_what_is_counted_for_them():
    scanner, kept = Scanner(Tokenizer(), FEWEST), FEWEST
    table = _Table(None, kept)
    held = table.strings.nbytes + table.rows.nbytes + table.offsets.nbytes + scanner._table.nbytes
    spans = 2 * 8 * 3 * kept  # starts and ends of some tokens a stretch, which grow
    assert held + spans <= kept * ENTRY
