"""Shards of pieces drawn by workers: what each is sent, and what it does (see tasks/execution/makers.py)."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elman.data.errors import UsageError
from elman.data.store.dataset import Shard
from elman.data.store.disk import key_of
from elman.data.store.writer import DatasetWriter, Staging
from elman.tasks.execution.engine import Engine
from elman.tasks.execution.inline import Inline
from elman.tasks.execution.local_engine import Local
from elman.tasks.execution.makers import MAKER
from elman.tasks.execution.memory import MIB, WORKER, driver_bytes
from elman.tasks.execution.scheduler import Scheduler, Work
from elman.tasks.generation.copying import BYTES
from elman.tasks.generation.drawing import Drawing, Request, stage_rows
from elman.tasks.generation.generator import Generator
from elman.tasks.runtime import environment
from elman.tasks.tagging.shard import Announce

LOG = "log.txt"
STEP_BYTES = 200  # of memory for a step of a piece, and of "input" for the scheduler's time limit


@dataclass(frozen=True, kw_only=True)
class ShardRequest:
    """Settings of all shards of a run.

    Attributes:
        model: its folder.
        out: folder of the dataset.
        salt: of its keys.
        request: pieces that are to be generated.
    """

    model: str
    out: str
    salt: str
    request: Request

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {MAKER: __name__, **asdict(self)}


@dataclass(frozen=True)
class PiecesJob:
    """One attempt at a shard of the pieces from `first` on, but for `last`; `key` is the shard's."""

    first: int
    last: int
    key: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class PieceMaker:
    """Draws shards of pieces and stages them."""

    def __init__(self, drawing: Drawing, staging: Staging) -> None:
        self.drawing, self.staging = drawing, staging

    def make(self, job: Mapping[str, Any], announce: Announce) -> dict[str, Any]:
        """Draw the pieces of a job and stage their shard."""
        rows = self.drawing.draw(range(job["first"], job["last"]))
        return stage_rows(self.staging, job["key"], job["first"], rows).to_json()


def load(values: Mapping[str, Any]) -> PieceMaker:
    """Load the model of a request as of `ShardRequest.to_json`."""
    generator = Generator.read(Path(values["model"]))
    drawing = Drawing(generator, Request.from_json(values["request"]))
    return PieceMaker(drawing, Staging(Path(values["out"]), values["salt"]))


def workers_for(drawing: Drawing, wanted: int | None, memory: int, shards: int) -> int:
    """How many workers draw so many shards; 0 stands for this process.

    Args:
        drawing: what is drawn.
        wanted: by the user; as many as there are cores if None, or this process for a single shard.
        memory: bytes that all processes may take together.
        shards: that are to be drawn.

    Raises:
        UsageError: the memory does not suffice.
    """
    weights = sum(value.nbytes for value in drawing.generator.params.values())
    _, symbols = drawing.corpus() or (None, 0)
    steps = drawing.per_shard * drawing.how.steps
    own = 2 * weights + symbols * BYTES + steps * STEP_BYTES
    # in this process, or in each worker; pieces that come out like others are drawn again here
    most = max((memory - driver_bytes() - own) // (WORKER + own), 0)
    need = driver_bytes() + own + max(wanted or 0, 0) * (WORKER + own)
    if memory < need:
        raise UsageError(
            f"expected --memory of {-(-need // MIB)}MiB or more for {wanted or 0} worker(s) with this model. "
            f"Got {memory // MIB}MiB."
        )
    if wanted is None:
        wanted = environment.cores() if shards > 1 else 0
    return min(wanted, most, shards)


def stage_pieces(
    writer: DatasetWriter,
    drawing: Drawing,
    model: Path,
    log: Path,
    workers: Callable[[int], int],
    on_piece: Callable[[float], None],
) -> list[Shard]:
    """Draw all pieces and stage them, but for the shards that an interrupted run has staged.

    Args:
        writer: of the output.
        drawing: what is drawn.
        model: folder of the model.
        log: file for what the scheduler and the workers say.
        workers: how many draw so many shards; 0 for this process.
        on_piece: called with the number of pieces that are done.

    Raises:
        OSError: a worker met one, as a full disk.
        ElmanError: no worker starts, or a shard ends its workers.
    """
    jobs = list(_jobs(drawing))
    staged = {job.first: shard for job in jobs if (shard := writer.staged(job.key)) is not None}
    todo = [job for job in jobs if job.first not in staged]
    on_piece(float(sum(job.last - job.first for job in jobs if job.first in staged)))

    def on_done(work: Work, shard: Shard) -> None:
        staged[shard.source["first"]] = shard
        on_piece(float(shard.counts["pieces"]))

    def refuse(work: Work, error: Exception) -> None:
        raise error

    if todo:
        with log.open("ab", buffering=0) as file:

            def say(line: str) -> None:
                file.write(f"{time.strftime('%H:%M:%S')} {line}\n".encode())

            request = ShardRequest(
                model=str(model.resolve()),
                out=str(writer.folder.resolve()),
                salt=writer.staging.salt,
                request=drawing.request,
            )
            count = workers(len(todo))
            engine: Engine = (
                Local(count, request, file) if count else Inline(request, PieceMaker(drawing, writer.staging))
            )
            with contextlib.closing(engine):
                scheduler = Scheduler(engine, on_done, refuse, say)
                scheduler.add(_work(job, drawing.how.steps) for job in todo)
                scheduler.run()
    return [staged[job.first] for job in jobs]


def _jobs(drawing: Drawing) -> Sequence[PiecesJob]:
    count, each = drawing.request.count, drawing.per_shard
    ranges = [(first, min(first + each, count)) for first in range(0, count, each)]
    return [PiecesJob(first, last, key_of(first=first, last=last)) for first, last in ranges]


def _work(job: PiecesJob, steps: int) -> Work:
    pieces = job.last - job.first
    return Work(f"pieces {job.first} to {job.last - 1}", lambda: job, pieces * steps * STEP_BYTES)
