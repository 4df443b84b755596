"""Scheduler: the record that ends its worker is found by dividing, and no other is quarantined."""

import itertools
from dataclasses import dataclass, field

from elman.data.store.dataset import Shard
from elman.tasks.execution import scheduler
from elman.tasks.execution.engine import Report
from elman.tasks.tagging.origin import ShardOrigin
from elman.tasks.tagging.shard import Job
from elman.tasks.tagging.windows import SUSPECT_PARTS

RECORDS = 1000
ORIGIN = ShardOrigin(name="s", sha256="", number=0, begin=0, end=1, state={}, last=True)


@dataclass
class Cluster:
    """A machine at a time, lost when it comes to a record of `fatal`, and `early` times before it begins."""

    fatal: set[int]
    early: int = 0
    lost: int = 0
    reports: list[Report] = field(default_factory=list)

    def idle(self) -> int:
        return int(not self.reports)

    def start(self, attempt, job) -> bool:
        if self.early:
            self.early -= 1
            self._lose(attempt)
            return False
        left = [n for n in range(RECORDS) if n not in job["skip"]]
        low, high = job["suspect"] or (0, len(left))
        step = max(-(-(high - low) // SUSPECT_PARTS), 1) if job["suspect"] else len(left)
        edges = sorted({0, *range(low, high, step), high, len(left)})
        for a, b in itertools.pairwise(edges):
            self.reports.append(Report(attempt, records=(a, b)))
            if self.fatal & set(left[a:b]):
                self._lose(attempt)
                return False
        self.reports.append(
            Report(attempt, shard=Shard("s", "k", {}, {"skipped": len(job["skip"])}, {}).to_json())
        )
        return True

    def _lose(self, attempt) -> None:
        self.lost += 1
        self.reports.append(Report(attempt, died="the end of its machine", lost=True))

    def poll(self, timeout_s):
        reports, self.reports = self.reports, []
        return reports

    def stop(self, attempt) -> None:
        raise AssertionError("nothing stalls here")

    def close(self) -> None:
        pass


def finish(cluster: Cluster) -> tuple[scheduler.Work, Shard]:
    done = []
    run = scheduler.Scheduler(
        cluster, lambda work, shard: done.append((work, shard)), lambda work, error: None
    )
    run.add([scheduler.Work("a shard", lambda: Job(source={}, origin=ORIGIN), 1000)])
    run.run()
    ((work, shard),) = done
    return work, shard


def test_records_that_end_their_machines_are_quarantined_and_no_others():
    cluster = Cluster({77, 901})
    work, shard = finish(cluster)
    assert {number: reason for number, (reason, _) in work.skip.items()} == dict.fromkeys(
        (77, 901), "worker-killed"
    )
    assert shard.counts["skipped"] == 2
    assert cluster.lost <= 2 * (scheduler.TRIES + 3)  # and three to part a thousand by sixteen


def test_a_machine_lost_before_the_shard_began_counts_as_no_try():
    work, _ = finish(Cluster(set(), early=20))
    assert (work.tries, work.skip) == (0, {})
