"""What tagging needs of memory, and how `--memory` is shared out.

Measured with bench/memory.py, two workers on English novels: pages that processes share (libraries, the
mapped weights) counted once, the driver has 250 MiB, 290 with Prefect, a worker 140 beside model and tables.
"""

import os
from dataclasses import dataclass

from data.errors import UsageError
from data.kept import KEPT

MIB = 1 << 20
DRIVER, WORKER = 330 * MIB, 140 * MIB  # bytes; of a worker without its model and its tables
LIBRARIES = 160 * MIB  # that processes of one machine share
GENOMES = 320 * MIB  # of a worker that tags DNA, all in all
ENTRY = 400  # bytes of the tables for each word and each stretch between white space that is kept
FEWEST, MOST = 1 << 14, 1 << 17  # of these; a power of 2


@dataclass(frozen=True)
class Share:
    """How many workers start (None: as many as a cluster has cores for), words kept and bytes of each."""

    workers: int | None
    kept: int
    each: int


def of_worker(kind: str, weights: int, kept: int) -> int:
    """Bytes of a worker."""
    return GENOMES if kind == "dna" else WORKER + of_model(weights) + kept * ENTRY


def of_model(weights: int) -> int:
    """Bytes of a model at work: its mapped weights, and what is made of them before the first sentence."""
    return weights + weights // 2


def of_cluster(workers: int | None, kind: str, weights: int) -> Share:
    """What workers take that run elsewhere, with their libraries to themselves."""
    return Share(workers, KEPT, LIBRARIES + of_worker(kind, weights, KEPT))


def share(asked: int | None, memory: int, shards: int, kind: str, weights: int) -> Share:
    """Share memory out.

    Args:
        asked: workers; as many as there are cores and memory suffices for, if None; 0: none but the driver.
        memory: bytes that all processes may use together.
        shards: to be made; more workers have nothing to do.
        kind: of the model, "text" or "dna".
        weights: bytes of the model's files.

    Raises:
        UsageError: the memory does not suffice.
    """
    each = of_worker(kind, weights, FEWEST)
    need = DRIVER + each * max(asked or 1, 1)
    if memory < need:
        raise UsageError(
            f"expected --memory of {-(-need // MIB)}MiB or more for {max(asked or 1, 1)} worker(s) with this "
            f"model. Got {memory // MIB}MiB."
        )
    wanted = len(os.sched_getaffinity(0)) if asked is None else asked
    workers = min(wanted, (memory - DRIVER) // each, max(shards, 1))
    kept, left = FEWEST, (memory - DRIVER) // max(workers, 1) - WORKER - of_model(weights)
    while kind == "text" and 2 * kept <= MOST and 2 * kept * ENTRY <= left:
        kept *= 2
    return Share(workers, kept, of_worker(kind, weights, kept))
