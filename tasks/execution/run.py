"""Run of a tagging plan: tags the missing shards, then renumbers those that depend on others."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from elman.data.corpus.shards import quarantine_table
from elman.data.formats.common.slices import Slice
from elman.data.store import schema
from elman.data.store.dataset import STAGING, Shard
from elman.data.store.disk import disk, make_folder
from elman.data.store.writer import DatasetWriter
from elman.tasks.execution.engine import Engine, Log
from elman.tasks.execution.scheduler import Scheduler, Work
from elman.tasks.runtime.orchestration import task
from elman.tasks.tagging.origin import ShardOrigin
from elman.tasks.tagging.plan import PlannedSource
from elman.tasks.tagging.renumber import RenumberJob, repeated_ids
from elman.tasks.tagging.shard import Job

MAX_GROUPS = 200  # Prefect task runs of a run
GROUP = 32 << 20  # bytes of one, at least, so that none ends at once
UNPACKED = "unpacked"
_COUNTED = ("records", "rows", "quarantined")


@dataclass(eq=False)
class SourceState:
    """A source of the plan and its shards."""

    index: int
    planned: PlannedSource
    shards: list["ShardState"] = field(default_factory=list)
    unpacking: Iterator[Path | None] | None = None

    @cached_property
    def largest(self) -> int:
        """Bytes of the largest slice."""
        return max(map(slice_bytes, self.planned.slices), default=0)


@dataclass(eq=False)
class ShardState:
    """A shard of the plan.

    Attributes:
        source: it is of.
        number: of its slice.
        base: sentences of its first document in the slices before, where known.
        staged: the shard, once it is staged.
        reused: True if an earlier run staged it.
        unpacked: file that holds its slice, while there is one.
    """

    source: SourceState
    number: int
    base: int | None = None
    staged: Shard | None = None
    reused: bool = False
    unpacked: Path | None = None

    @property
    def slice(self) -> Slice:
        """Its slice."""
        return self.source.planned.slices[self.number]

    @property
    def size(self) -> int:
        """Bytes of input."""
        return slice_bytes(self.slice)

    @property
    def name(self) -> str:
        """Name for the log."""
        return f"{self.source.planned.source.name} shard {self.number}"

    @property
    def origin(self) -> ShardOrigin:
        """Its origin, as far as it is known."""
        return self.source.planned.origin(self.number, self.base)


@dataclass(kw_only=True)
class _ShardWork(Work):
    """A shard of the plan that is being made."""

    shard: ShardState


class ShardGroup:
    """Neighbouring shards, shown as one step of the run."""

    def __init__(self, shards: list[ShardState]) -> None:
        self.shards = shards

    def __repr__(self) -> str:
        return f"{self.shards[0].name} to {self.shards[-1].name}"

    def staged(self) -> bool:
        """Return True if all its shards are staged."""
        return all(shard.staged for shard in self.shards)


class TaggingRun:
    """State of a run: the shards that are staged, and those to be made.

    Args:
        writer: of the output.
        plan: sources and slices.
    """

    def __init__(self, writer: DatasetWriter, plan: list[PlannedSource]) -> None:
        self.writer, self.plan, self.staging = writer, plan, writer.staging
        self.committed = sum(len(planned.reused or ()) for planned in plan)  # shards taken over as they are
        self.planned = self.staged = self.reused = 0  # other shards; staged, and by an earlier run
        self.todo: list[ShardState] = []
        self.unreadable: list[ShardState] = []  # of sources that go to quarantine, not yet staged
        self.sources = [SourceState(index, planned) for index, planned in enumerate(plan)]
        for source in self.sources:
            if source.planned.reused is None:
                self._add_shards(source)

    def _add_shards(self, source: SourceState) -> None:
        """Add the shards of a source, and take over what an earlier run staged."""
        spans = source.planned.source.documents_span_slices
        count = len(source.planned.slices)
        source.shards = [ShardState(source, n, base=None if spans and n else 0) for n in range(count)]
        self.planned += count
        for shard in source.shards:
            if source.planned.quarantined:
                self.unreadable.append(shard)
            elif staged := self.staging.staged(shard.origin.key):
                self._take(shard, staged)
                shard.reused = True
                self.reused += 1
            else:
                self.todo.append(shard)

    def stage_unreadable(self) -> None:
        """Stage the shards of sources that cannot be read: their quarantine tables."""
        while self.unreadable:
            shard = self.unreadable.pop()
            self._take(shard, self._stage_quarantined(shard))

    def _stage_quarantined(self, shard: ShardState) -> Shard:
        planned, origin = shard.source.planned, shard.origin
        assert planned.quarantined is not None
        tables = {
            "data": schema.OUTPUTS[self.writer.kind].to_frame(),
            "quarantine": quarantine_table([planned.quarantined]),
        }
        counts = {"records": 1, "quarantined": 1}
        return self.staging.stage(origin.id, origin.key, tables, counts=counts, source=origin.to_json())

    def _take(self, shard: ShardState, staged: Shard) -> None:
        shard.staged = staged
        self.staged += 1
        if not shard.source.planned.source.documents_span_slices:
            return
        shards = shard.source.shards
        for number in range(shard.number, len(shards) - 1):  # later shards may have waited for this one
            before = shards[number]
            if before.staged is None or before.base is None:
                break
            shards[number + 1].base = before.base + before.staged.counts.get("sentences", 0)

    def groups(self) -> list[ShardGroup]:
        """Return the shards to be made, neighbours together."""
        sizes = [shard.size for shard in self.todo]
        most = max(GROUP, sum(sizes) // MAX_GROUPS + 1)
        before = itertools.accumulate(sizes, initial=0)
        pairs = zip(before, self.todo, strict=False)
        grouped = itertools.groupby(pairs, key=lambda pair: pair[0] // most)
        return [ShardGroup([shard for _, shard in group]) for _, group in grouped]

    def size(self) -> int:
        """Return the bytes of the shards to be made."""
        return sum(shard.size for shard in self.todo)

    def progress(self) -> str:
        """Return how many shards there are, for the progress line."""
        total, done = self.committed + self.planned, self.committed + self.staged
        return f"{done} of {total} shards, {self.committed + self.reused} reused"

    def work(self) -> list[Work]:
        """Return the shards to be made as work for a scheduler."""
        return [self._work(shard) for shard in self.todo]

    def _work(self, shard: ShardState) -> Work:
        # A worker may have to read the largest slice besides, to fit the genome model.
        extra = shard.source.largest if shard.source.planned.source.dna else 0
        return _ShardWork(shard.name, lambda: self._job(shard), shard.size, extra, shard=shard)

    def _job(self, shard: ShardState) -> Job:
        planned = shard.source.planned
        file = None if planned.in_place else self._unpack(shard)
        return Job(
            source=planned.source.to_job(),
            origin=shard.origin,
            unpacked=str(file.absolute()) if file else None,
            start=shard.slice.begin if file else 0,
        )

    def _unpack(self, shard: ShardState) -> Path:
        """Return the file that holds a slice of a source that has to be unpacked, in order."""
        if shard.unpacked:
            return shard.unpacked
        source = shard.source
        if source.unpacking is None:
            folder = self.writer.folder / STAGING / UNPACKED / f"{source.index:06}"
            make_folder(folder)
            wanted = [shard.staged is None for shard in source.shards]
            source.unpacking = source.planned.source.unpack(source.planned.slices, folder, wanted)
        for file in source.unpacking:
            if file is not None and int(file.name) == shard.number:
                shard.unpacked = file
                return file
        raise AssertionError(f"expected slice {shard.number} of {source.planned.source.name}. Got the end.")

    def take(self, work: Work, staged: Shard) -> None:
        """Record a staged shard."""
        assert isinstance(work, _ShardWork)
        if work.shard.staged is None:
            self._take(work.shard, staged)
        else:  # renumbered
            work.shard.staged = staged
        if work.shard.unpacked:
            disk.remove(work.shard.unpacked)
            work.shard.unpacked = None

    def quarantine(self, work: Work, error: Exception) -> Callable[[Work], bool]:
        """Quarantine the source of work, which cannot be read to its end.

        Returns:
            a test for other work of the same source.

        Raises:
            the error: it is not the source's fault.
        """
        assert isinstance(work, _ShardWork)
        source = work.shard.source
        source.planned.quarantine(source.planned.source.unreadable(error))
        self.planned -= len(source.shards)
        self.staged -= sum(shard.staged is not None for shard in source.shards)
        self.reused -= sum(shard.reused for shard in source.shards)
        self._add_shards(source)
        self.stage_unreadable()
        return lambda other: isinstance(other, _ShardWork) and other.shard.source is source

    def renumbering(self) -> list[Work]:
        """Return the work that depends on other shards.

        Sentences of a document are numbered over its shards, and repeated ids of a source told apart.
        """
        works: list[Work] = []
        for source in self.sources:
            if len(source.shards) < 2:
                continue
            names: dict[int, dict[str, str]] = {}
            if source.planned.source.named_documents:
                names = repeated_ids(self.staging, [_staged(shard) for shard in source.shards])
            for shard in source.shards:
                staged, base = _staged(shard), shard.base
                assert base is not None
                counted = ShardOrigin.from_json(staged.source).base
                if counted != base or shard.number in names:
                    job = RenumberJob(staged, base, base - (counted or 0), names.get(shard.number, {}))
                    works.append(_renumber_work(shard, job))
        return works

    def shards(self) -> list[Shard]:
        """Return all shards of the sources in order, reused ones included."""
        out: list[Shard] = []
        for source in self.sources:
            out += source.planned.reused or [_staged(shard) for shard in source.shards]
        return out

    def by_state(self) -> list[dict[str, str | int]]:
        """Return shards, records and rows by what became of them, once all are staged."""
        parts: dict[str, list[Shard]] = {"tagged": [], "reused": [], "source unreadable": []}
        for source in self.sources:
            parts["reused"] += source.planned.reused or ()
            for shard in source.shards:
                bad, kept = source.planned.quarantined, shard.reused
                parts["source unreadable" if bad else "reused" if kept else "tagged"].append(_staged(shard))
        rows: list[dict[str, str | int]] = []
        for state, of in parts.items():
            numbers = {name: sum(shard.counts.get(name, 0) for shard in of) for name in _COUNTED}
            rows.append({"state": state, "shards": len(of), **numbers})
        return rows

    def counts(self) -> dict[str, int]:
        """Return the number of shards, and of those that an earlier run made."""
        return {"shards": self.committed + self.planned, "reused": self.committed + self.reused}


def slice_bytes(slice: Slice) -> int:
    """Return the bytes of input of a slice; of Parquet, whose slices are rows, its state has them."""
    return int(slice.state.get("bytes", slice.end - slice.begin))


def _staged(shard: ShardState) -> Shard:
    assert shard.staged is not None
    return shard.staged


def _renumber_work(shard: ShardState, job: RenumberJob) -> Work:
    return _ShardWork(f"{shard.name}, renumbering", lambda: job, 0, shard=shard)


@task(task_run_name="tag {group}", tags=("tagging",))
def tag_group(group: ShardGroup, scheduler: Scheduler) -> int:
    """Tag a group of shards; workers that are idle begin with the next group meanwhile."""
    scheduler.run(group.staged)
    return len(group.shards)


def run_shards(run: TaggingRun, engine: Engine, advance: Callable[[int], None], log: Log) -> None:
    """Tag all shards to be made, in groups that Prefect shows as task runs, then renumber.

    Args:
        run: its state.
        engine: runs attempts.
        advance: called with bytes of input that are done.
        log: called with a line for the run's log.
    """

    def on_done(work: Work, staged: Shard) -> None:
        run.take(work, staged)
        log(f"{work.name}: done, {staged.counts.get('rows', 0)} rows")
        advance(work.size)

    def on_unreadable(work: Work, error: Exception) -> None:
        same_source = run.quarantine(work, error)
        log(f"{work.name}: {error}")
        dropped = scheduler.drop(same_source)
        advance(work.size + sum(other.size for other in dropped))

    run.stage_unreadable()
    scheduler = Scheduler(engine, on_done, on_unreadable, log)
    scheduler.add(run.work())
    for group in run.groups():
        tag_group(group, scheduler)
    scheduler.run()
    scheduler.add(run.renumbering())
    scheduler.run()
