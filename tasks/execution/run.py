"""A tagging run at work: the shards of a plan that are not there yet are made, then put right."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from elman.data.corpus.shards import quarantine_table
from elman.data.formats.slices import Slice
from elman.data.sources.splitting import unpack
from elman.data.store import schema
from elman.data.store.dataset import STAGING, Shard
from elman.data.store.disk import disk, make_folder
from elman.data.store.writer import DatasetWriter
from elman.tasks.execution.engines import Engine
from elman.tasks.execution.scheduler import Log, Runner, Work
from elman.tasks.runtime.orchestration import task
from elman.tasks.tagging import renumber
from elman.tasks.tagging.inputs import NAMED, File
from elman.tasks.tagging.plan import Place, Planned, places
from elman.tasks.tagging.shard import Job, about_of, shard_id, shard_key

MOST_TASKS = 200  # Prefect task runs of a run
GROUP = 32 << 20  # bytes of one, so that none is done at once
UNPACKED = "unpacked"


@dataclass
class _Task(Work):
    """A shard of the plan that is being made."""

    place: Place = field(default_factory=lambda: Place(0, 0))


class Tagging:
    """What is done and to be done of a plan.

    Args:
        writer: of the output.
        plan: sources and slices.
    """

    def __init__(self, writer: DatasetWriter, plan: list[Planned]) -> None:
        self.writer, self.plan, self.staging = writer, plan, writer.staging
        self.done: dict[Place, Shard] = {}
        self.sentences: dict[Place, int] = {}  # of the document before a shard, where known
        self.unpacking: dict[int, Iterator[Path | None]] = {}
        self.unpacked: dict[Place, Path] = {}
        self.reused = 0
        # bytes a worker may have to read besides, for the habits of a genome
        self.beside = [max(map(_bytes, planned.pieces), default=0) * planned.each.dna for planned in plan]
        self.todo: list[Place] = []
        for place in places(plan):
            self._find(place)

    def _find(self, place: Place) -> None:
        """Take over what an earlier run staged."""
        planned = self.plan[place.source]
        about = about_of(
            planned.each,
            place.number,
            planned.pieces[place.number],
            place.number + 1 == len(planned.pieces),
        )
        if planned.quarantined:
            kept = {
                "data": (schema.INTERVALS if planned.each.dna else schema.ENTITIES).to_frame(),
                "quarantine": quarantine_table([planned.quarantined]),
            }
            counts = {"records": 1, "quarantined": 1}
            about = {**about, "base": 0, "names": 0, "refused": True}
            self.done[place] = self.staging.stage(
                shard_id(about), shard_key(about), kept, counts=counts, source=about
            )
            return
        shard = self.staging.staged(shard_key(about))
        if shard is None:
            self.todo.append(place)
            return
        self._take(place, shard)
        self.reused += 1

    def _take(self, place: Place, shard: Shard) -> None:
        self.done[place] = shard
        planned = self.plan[place.source]
        while place in self.done:  # what follows it may be done already
            before = self._base(place)
            if before is None or place.number + 1 == len(planned.pieces):
                break
            sentences = self.done[place].counts.get("sentences", 0)
            place = Place(place.source, place.number + 1)
            self.sentences[place] = before + sentences

    def _base(self, place: Place) -> int | None:
        """Sentences of the document before a shard, where known; only documents of plain text alone go on."""
        each = self.plan[place.source].each
        if place.number == 0 or not (isinstance(each, File) and each.kind == "plain"):
            return 0
        return self.sentences.get(place)

    def groups(self) -> list[list[Place]]:
        """What is to be done, neighbours together."""
        sizes = [self._size(place) for place in self.todo]
        most = max(GROUP, sum(sizes) // MOST_TASKS + 1)
        before = itertools.accumulate(sizes, initial=0)
        pairs = zip(before, self.todo, strict=False)
        found = itertools.groupby(pairs, key=lambda pair: pair[0] // most)
        return [[place for _, place in group] for _, group in found]

    def _size(self, place: Place) -> int:
        return _bytes(self.plan[place.source].pieces[place.number])

    def size(self) -> int:
        """Bytes of what is to be done."""
        return sum(map(self._size, self.todo))

    def state(self) -> str:
        """How many shards there are, for the line of progress."""
        there = sum(len(planned.kept or ()) for planned in self.plan)
        wanted = there + sum(len(planned.pieces) for planned in self.plan)
        return f"{there + len(self.done)} of {wanted} shards, {there + self.reused} reused"

    def tasks(self) -> list["_Task"]:
        """The work to be done."""
        return [self._task(place) for place in self.todo]

    def _task(self, place: Place) -> _Task:
        name = f"{self.plan[place.source].each.name} shard {place.number}"
        size, beside = self._size(place), self.beside[place.source]
        return _Task(name, lambda: self._job(place), size, beside, place=place)

    def _job(self, place: Place) -> Job:
        planned = self.plan[place.source]
        piece = planned.pieces[place.number]
        about = about_of(planned.each, place.number, piece, place.number + 1 == len(planned.pieces))
        file = None if planned.in_place else self._unpack(place)
        return Job(
            source=planned.each.to_job(),
            about=about,
            piece=piece.to_json(),
            base=self._base(place),
            unpacked=str(file.absolute()) if file else None,
            start=piece.begin if file else 0,
        )

    def _unpack(self, place: Place) -> Path:
        """The file that holds a slice of a source that cannot be read in the middle."""
        if place in self.unpacked:
            return self.unpacked[place]
        planned = self.plan[place.source]
        assert isinstance(planned.each, File)
        if place.source not in self.unpacking:
            folder = self.writer.folder / STAGING / UNPACKED / f"{place.source:06}"
            make_folder(folder)
            wanted = [Place(place.source, n) not in self.done for n in range(len(planned.pieces))]
            self.unpacking[place.source] = unpack(planned.each.item.files[0], planned.pieces, folder, wanted)
        for file in self.unpacking[place.source]:
            if file is not None and int(file.name) == place.number:
                self.unpacked[place] = file
                return file
        raise AssertionError(f"expected slice {place.number} of {planned.each.name}. Got the end.")

    def take(self, work: Work, shard: Shard) -> None:
        """A shard is there."""
        assert isinstance(work, _Task)
        self._take(work.place, shard)
        if work.place in self.unpacked:
            disk.remove(self.unpacked.pop(work.place))

    def refuse(self, work: Work, error: Exception) -> None:
        """A file cannot be read after all: it is refused whole."""
        assert isinstance(work, _Task)
        source = work.place.source
        self.plan[source].refuse(error)
        for place in [place for place in self.done if place.source == source]:
            del self.done[place]
        self._find(Place(source, 0))

    def has(self, group: Sequence[Place]) -> bool:
        """Whether all of a group is done."""
        return all(place in self.done for place in group)

    def settling(self) -> list["_Task"]:
        """The work that puts right what depends on other shards.

        Sentences of a document are counted on, and ids that come again in a source are told apart.
        """
        jobs = []
        for source, planned in enumerate(self.plan):
            if planned.kept is not None or len(planned.pieces) < 2:
                continue
            own = [Place(source, number) for number in range(len(planned.pieces))]
            shards = [self.done[place] for place in own]
            names: dict[int, dict[str, str]] = {}
            if isinstance(planned.each, File) and planned.each.kind in NAMED:
                names = renumber.renamed(self.staging, shards)
            for place, shard in zip(own, shards, strict=True):
                base = self._base(place)
                assert base is not None
                if shard.source["base"] != base or place.number in names:
                    delta = base - (shard.source["base"] or 0)
                    jobs.append(self._settling(place, shard, base, delta, names.get(place.number, {})))
        return jobs

    def _settling(self, place: Place, shard: Shard, base: int, delta: int, names: dict[str, str]) -> "_Task":
        job = {"settle": shard.to_json(), "base": base, "delta": delta, "names": names}
        name = f"{self.plan[place.source].each.name} shard {place.number}, its end"
        return _Task(name, lambda: job, 0, place=place)

    def shards(self) -> list[Shard]:
        """All shards of the sources, kept ones included, in order."""
        out: list[Shard] = []
        for source, planned in enumerate(self.plan):
            out += planned.kept or [self.done[Place(source, n)] for n in range(len(planned.pieces))]
        return out

    def counts(self) -> dict[str, int]:
        """How many shards there are, and how many of them were there before."""
        kept = [shard for planned in self.plan for shard in planned.kept or ()]
        return {"shards": len(self.shards()), "reused": self.reused + len(kept)}


@task
def tag_group(first: str, last: str, shards: int, wait: Callable[[], None]) -> int:
    """Wait until a group of shards is done; workers go on with the next in the meantime.

    Args:
        first, last: names, for whoever looks at the run.
        shards: how many there are.
        wait: returns when they are done.
    """
    wait()
    return shards


def same_source(work: Work) -> Callable[[Work], bool]:
    """Whether other work is of the same source."""
    assert isinstance(work, _Task)
    return lambda other: isinstance(other, _Task) and other.place.source == work.place.source


def run(tagging: Tagging, engine: Engine, advance: Callable[[int], None], log: Log) -> None:
    """Do all there is to do, as a few task runs where Prefect looks on.

    Args:
        tagging: what that is.
        engine: runs attempts.
        advance: told of bytes of input that are done.
        log: told what happens.
    """

    def done(work: Work, shard: Shard) -> None:
        tagging.take(work, shard)
        log(f"{work.name}: done, {shard.counts.get('rows', 0)} rows")
        advance(work.size)

    def bad(work: Work, error: Exception) -> None:
        tagging.refuse(work, error)
        log(f"{work.name}: {error}")
        dropped = runner.drop(same_source(work))
        advance(work.size + sum(other.size for other in dropped))

    runner = Runner(engine, done, bad, log)
    runner.add(tagging.tasks())
    for group in tagging.groups():
        names = [f"{tagging.plan[place.source].each.name} {place.number}" for place in (group[0], group[-1])]
        tag_group(names[0], names[1], len(group), lambda: runner.run(lambda: tagging.has(group)))  # noqa: B023
    runner.run(lambda: False)
    runner.add(tagging.settling())
    runner.run(lambda: False)


def _bytes(piece: Slice) -> int:
    """How much input a slice is."""
    return int(piece.state.get("bytes", piece.end - piece.begin))
