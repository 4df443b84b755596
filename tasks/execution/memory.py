"""Memory of a tagging run: what each process takes, and how `--memory` is divided.

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
LIBRARIES = 160 * MIB  # shared by the processes of one machine
GENOME_WORKER = 320 * MIB  # of a worker that tags DNA, all in all
ENTRY = 400  # bytes of the tables for each word and each stretch between white space
MIN_ENTRIES, MAX_ENTRIES = 1 << 14, 1 << 17  # of the tables; a power of 2
MIN_CACHE, MAX_CACHE = 24 * MIB, 192 * MIB  # bytes of the input cache


@dataclass(frozen=True)
class Resources:
    """Engine, workers and memory that a run may use.

    Attributes:
        engine: name of an engine.
        workers: processes; as many as there are cores if None; 0: this process.
        memory: bytes, of all processes together.
    """

    engine: str
    workers: int | None
    memory: int


@dataclass(frozen=True)
class MemoryPlan:
    """Number of workers and the memory of each.

    Attributes:
        workers: None for as many as a cluster has cores.
        table_entries: words in the tables of a worker.
        input_cache: bytes of its input cache.
        worker: bytes of a worker all in all.
    """

    workers: int | None
    table_entries: int
    input_cache: int
    worker: int


def driver_bytes() -> int:
    """Return bytes of the driver."""
    return DRIVER + PREFECT * orchestration.prefect_active()


def worker_bytes(kind: str, weights: int, table_entries: int, input_cache: int) -> int:
    """Return bytes of a worker, without the mapped weights, which all workers share."""
    if kind == "dna":
        return GENOME_WORKER
    return WORKER + prepared_bytes(weights) + table_entries * ENTRY + input_cache


def prepared_bytes(weights: int) -> int:
    """Return bytes of the prepared network of a worker, and of each batch in it."""
    return weights // 2


def mapped_bytes(kind: str, weights: int) -> int:
    """Return bytes of the weights, mapped once a machine; of DNA they are counted in GENOME_WORKER."""
    return 0 if kind == "dna" else weights


def plan_cluster_memory(resources: Resources, shards: int, kind: str, weights: int) -> MemoryPlan:
    """Plan workers that run elsewhere, each with libraries and weights to itself."""
    own = (
        LIBRARIES
        + mapped_bytes(kind, weights)
        + worker_bytes(kind, weights, DEFAULT_STRINGS, INPUT_CACHE_BYTES)
    )
    return MemoryPlan(resources.workers, DEFAULT_STRINGS, INPUT_CACHE_BYTES, own)


def plan_memory(resources: Resources, shards: int, kind: str, weights: int) -> MemoryPlan:
    """Divide memory among workers: what is left goes to tables (a third at most) and input caches.

    Args:
        resources: workers and memory that may be used.
        shards: to be tagged; more workers would have nothing to do.
        kind: of the model, "text" or "dna".
        weights: bytes of the model's files.

    Raises:
        UsageError: the memory does not suffice.
    """
    memory, workers = resources.memory, resources.workers
    common = driver_bytes() + mapped_bytes(kind, weights)
    smallest = worker_bytes(kind, weights, MIN_ENTRIES, MIN_CACHE)
    need = common + smallest * max(workers or 1, 1)
    if memory < need:
        raise UsageError(
            f"expected --memory of {-(-need // MIB)}MiB or more for {max(workers or 1, 1)} worker(s) with "
            f"this model. Got {memory // MIB}MiB."
        )
    wanted = len(os.sched_getaffinity(0)) if workers is None else workers
    workers = min(wanted, (memory - common) // smallest, max(shards, 1))
    entries, cache = MIN_ENTRIES, MIN_CACHE
    if kind == "text":
        left = (memory - common) // max(workers, 1) - worker_bytes(kind, weights, 0, 0)
        while 2 * entries <= MAX_ENTRIES and 3 * 2 * entries * ENTRY <= left:
            entries *= 2
        cache = min(left - entries * ENTRY, MAX_CACHE)
    return MemoryPlan(workers, entries, cache, worker_bytes(kind, weights, entries, cache))


_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_size(value: str) -> int:
    """Return the bytes of a size such as 512MiB, 1GiB, 4M or 1000000.

    Raises:
        UsageError: it is no size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", value.strip(), re.IGNORECASE)
    if not match or float(match[1]) <= 0:
        raise UsageError(f"expected a size such as 512MiB or 1GiB. Got {value!r}.")
    return int(float(match[1]) * _UNITS[match[2].lower()])
