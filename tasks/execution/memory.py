"""What tagging needs of memory, and how `--memory` is shared out.

Measured with bench/memory.py, two workers on English novels: pages that processes share (libraries, the
mapped weights) counted once, the driver has 250 MiB, 290 with Prefect, a worker 150 beside model and tables.
"""

import os
import re
from dataclasses import dataclass

from elman.data.errors import UsageError
from elman.data.text.string_table import DEFAULT_STRINGS, INPUT_CACHE_BYTES
from elman.tasks.runtime import orchestration

MIB = 1 << 20
DRIVER, PREFECT = 260 * MIB, 40 * MIB  # bytes; the second where flows are Prefect's
WORKER = 165 * MIB  # without its model and its tables; freed memory that it keeps included
LIBRARIES = 160 * MIB  # that processes of one machine share
GENOMES = 320 * MIB  # of a worker that tags DNA, all in all
ENTRY = 400  # bytes of the tables for each word and each stretch between white space that is kept
FEWEST, MOST = 1 << 14, 1 << 17  # of these; a power of 2
LEAST_ROWS, MOST_ROWS = 24 * MIB, 192 * MIB  # bytes of the table of what enters the cells for these words


@dataclass(frozen=True)
class Share:
    """How many workers start (None: as many as a cluster has cores for), and what each has.

    Attributes:
        kept: words in its tables.
        rows: bytes of its table of what enters the cells.
        each: bytes of it all in all.
    """

    workers: int | None
    kept: int
    rows: int
    each: int


def of_driver() -> int:
    """Bytes of the driver."""
    return DRIVER + PREFECT * orchestration.prefect_active()


def of_worker(kind: str, weights: int, kept: int, rows: int) -> int:
    """Bytes of a worker, without the weights, which all map."""
    return GENOMES if kind == "dna" else WORKER + of_model(weights) + kept * ENTRY + rows


def of_model(weights: int) -> int:
    """Bytes that a worker makes of a model's weights, and of each batch with them."""
    return weights // 2


def of_weights(kind: str, weights: int) -> int:
    """Bytes of the weights, mapped once for all workers of a machine; of DNA they are counted in GENOMES."""
    return 0 if kind == "dna" else weights


def of_cluster(workers: int | None, kind: str, weights: int) -> Share:
    """What workers take that run elsewhere, with their libraries and weights to themselves."""
    own = LIBRARIES + of_weights(kind, weights) + of_worker(kind, weights, DEFAULT_STRINGS, INPUT_CACHE_BYTES)
    return Share(workers, DEFAULT_STRINGS, INPUT_CACHE_BYTES, own)


def share(asked: int | None, memory: int, shards: int, kind: str, weights: int) -> Share:
    """Share memory out: what is left goes to the tables of the workers, a third to those of words at most.

    Args:
        asked: workers; as many as there are cores and memory suffices for, if None; 0: none but the driver.
        memory: bytes that all processes may use together.
        shards: to be made; more workers have nothing to do.
        kind: of the model, "text" or "dna".
        weights: bytes of the model's files.

    Raises:
        UsageError: the memory does not suffice.
    """
    common, each = of_driver() + of_weights(kind, weights), of_worker(kind, weights, FEWEST, LEAST_ROWS)
    need = common + each * max(asked or 1, 1)
    if memory < need:
        raise UsageError(
            f"expected --memory of {-(-need // MIB)}MiB or more for {max(asked or 1, 1)} worker(s) with this "
            f"model. Got {memory // MIB}MiB."
        )
    wanted = len(os.sched_getaffinity(0)) if asked is None else asked
    workers = min(wanted, (memory - common) // each, max(shards, 1))
    kept, rows = FEWEST, LEAST_ROWS
    if kind == "text":
        left = (memory - common) // max(workers, 1) - of_worker(kind, weights, 0, 0)
        while 2 * kept <= MOST and 3 * 2 * kept * ENTRY <= left:
            kept *= 2
        rows = min(left - kept * ENTRY, MOST_ROWS)
    return Share(workers, kept, rows, of_worker(kind, weights, kept, rows))


_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size_of(value: str) -> int:
    """Bytes of a size as people write it: 512MiB, 1GiB, 4M, 1000000.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", value.strip(), re.IGNORECASE)
    if not found or float(found[1]) <= 0:
        raise UsageError(f"expected a size such as 512MiB or 1GiB. Got {value!r}.")
    return int(float(found[1]) * _UNITS[found[2].lower()])
