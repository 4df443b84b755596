"""A trillion tokens on paper, checked here: the scheduler and the manifest with 100,000 shards.

    python bench/scale.py [--shards 100000] [--workers 2000] [--dying 0.01] [--seed 0]

The real scheduler drives simulated workers (an engine with a clock of its own; some attempts die),
and a manifest of as many shards is written, read and added up. Printed: CPU seconds and bytes for each, peak
memory, and how long the simulated workers stood idle.
"""

import argparse
import heapq
import random
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.data.store.dataset import FORMAT, MANIFEST, Dataset, FileEntry, Shard
from elman.data.store.disk import to_chunks, write_whole
from elman.tasks.execution import scheduler
from elman.tasks.execution.engine import Report
from elman.tasks.tagging.origin import ShardOrigin
from elman.tasks.tagging.output import summarize


def shard_of(number: int) -> Shard:
    """A shard as tagging text makes them."""
    digest = f"{number:064x}"
    files = {
        table: FileEntry(f"{table}/{digest[:16]}-{number:06}.{digest[:16]}.parquet", digest, 1 << 20, 50_000)
        for table in ("data", "documents")
    }
    counts = dict.fromkeys(("records", "sentences", "tokens", "rows", "quarantined"), 1000 + number)
    counts |= {f"probability {bin:02}": number for bin in range(20)} | {
        f"type T{n}": number for n in range(6)
    }
    origin = ShardOrigin(
        name=f"source {number // 1000}",
        sha256=digest,
        number=number,
        begin=0,
        end=1 << 26,
        state={"char": number, "wrapped": True},
        last=False,
        base=number,
    )
    return Shard(f"{digest[:16]}-{number:06}", digest, files, counts, origin.to_json())


@dataclass(frozen=True)
class Simulation:
    """The job of a simulated worker."""

    number: int

    def to_json(self) -> dict[str, Any]:
        """Return the shard that it will stage."""
        return {"shard": shard_of(self.number).to_json()}


class Simulated:
    """Workers whose attempts take time on a clock of their own; some die."""

    def __init__(self, workers: int, dying: float, seed: int) -> None:
        self.workers, self.dying, self.draw = workers, dying, random.Random(seed)  # noqa: S311 (a simulation)
        self.now = self.worked = 0.0
        self.events: list[tuple[float, int, Any]] = []
        self.died = 0

    def idle(self) -> int:
        """Workers without work."""
        return self.workers - len(self.events)

    def start(self, attempt: int, job: dict[str, Any]) -> bool:
        """Let it end after some seconds."""
        took = self.draw.gauss(900, 90)  # 64 MiB at 75,000 words a second
        dies = self.draw.random() < self.dying
        self.died += dies
        took *= self.draw.random() if dies else 1
        self.worked += took
        heapq.heappush(self.events, (self.now + took, attempt, None if dies else job))
        return True

    def poll(self, timeout_s: float) -> list[Report]:
        """The next to end."""
        if not self.events:
            return []
        self.now, attempt, job = heapq.heappop(self.events)
        if job is None:
            return [Report(attempt, died="SIGKILL")]
        return [Report(attempt, shard=job["shard"])]

    def stop(self, attempt: int) -> None:
        """Nothing stalls here."""

    def close(self) -> None:
        """Nothing runs."""


def timed(label: str, since: float) -> float:
    """Print what a step took; returns the time now."""
    now = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{label:<44}{now - since:8.2f} CPU s   peak {peak:6.0f} MB", flush=True)
    return now


def main() -> None:
    """Run the simulation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shards", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2000)
    parser.add_argument("--dying", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    since = timed("start", time.process_time())
    engine = Simulated(options.workers, options.dying, options.seed)
    done: dict[str, Shard] = {}
    twice = 0

    def take(work: scheduler.Work, shard: Shard) -> None:
        nonlocal twice
        twice += work.name in done
        done[work.name] = shard

    def bad(work: scheduler.Work, error: Exception) -> None:
        raise error

    def work_of(number: int) -> scheduler.Work:
        return scheduler.Work(f"{number}", lambda: Simulation(number), 1 << 26)

    run = scheduler.Scheduler(engine, take, bad)
    run.add(work_of(number) for number in range(options.shards))
    run.run()
    since = timed(f"scheduler: {options.shards:,} shards, {run.attempts:,} attempts", since)
    ideal = engine.worked / options.workers
    print(f"  {engine.died:,} attempts died; {len(done):,} shards done, {twice} twice")
    idle = 100 * (1 - ideal / engine.now)
    print(f"  simulated {engine.now / 3600:.1f} h, workers idle for {idle:.1f} % of it")
    shards = sorted(done.values(), key=lambda shard: shard.id)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / MANIFEST
        write_whole(path, to_chunks({"format": FORMAT, "exports": {}, "shards": shards}))
        since = timed(f"manifest written: {path.stat().st_size / 1e6:.0f} MB", since)
        again = Dataset.open(path.parent).shards
        since = timed("manifest read beside those", since)
        assert list(again) == shards
    print(f"  tokens in its summary: {summarize(again)['tokens']:,}")
    timed("summary", since)


if __name__ == "__main__":
    main()
