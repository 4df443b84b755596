"""Launches the engine of a tagging run with its share of memory, and forecasts a run."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from elman.data.store.writer import DatasetWriter
from elman.tasks.execution.engine import Engine, Launch, engine_type
from elman.tasks.execution.inline import Inline
from elman.tasks.execution.memory import MemoryPlan, Resources
from elman.tasks.execution.run import TaggingRun, run_shards
from elman.tasks.execution.throughput import expected_seconds, record_throughput
from elman.tasks.models.model_folder import Model
from elman.tasks.runtime.console import progress
from elman.tasks.tagging.output import TagSettings
from elman.tasks.tagging.plan import plan_path
from elman.tasks.tagging.shard import WorkerRequest

LOG = "log.txt"


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Forecast of a run: its work and its memory.

    Attributes:
        sources: number of them.
        shards: number of shards, reused ones included.
        reused: shards that an earlier run made.
        to_tag: shards to be made.
        bytes: of all planned slices; `bytes_to_tag`: of those of the shards to be made.
        workers: number of workers; None for all cores of a cluster.
        expected_s: seconds; None if the model was never measured on this machine.
    """

    sources: int
    shards: int
    reused: int
    to_tag: int
    bytes: int
    bytes_to_tag: int
    workers: int | None
    expected_s: float | None

    def to_json(self) -> dict[str, int | float | None]:
        """Return plain values."""
        return asdict(self)


def forecast(run: TaggingRun, model: Model, resources: Resources) -> Forecast:
    """Forecast the work and the time of a run."""
    workers = plan_workers(model, resources, len(run.todo)).workers
    expected = expected_seconds(model.version, run.size(), workers) if workers else None
    return Forecast(
        sources=len(run.plan),
        **run.counts(),
        to_tag=len(run.todo),
        bytes=sum(slice.end - slice.begin for planned in run.plan for slice in planned.slices),
        bytes_to_tag=run.size(),
        workers=workers,
        expected_s=expected,
    )


def plan_workers(model: Model, resources: Resources, shards: int) -> MemoryPlan:
    """Share the memory of a run out to its workers.

    Raises:
        UsageError: the memory does not suffice.
    """
    weights = sum(map(len, model.files.values()))
    return engine_type(resources.engine).plan_memory(resources, shards, model.family, weights)


def execute(
    run: TaggingRun,
    model: Model,
    settings: TagSettings,
    resources: Resources,
    paths: Sequence[Path],
    folder: Path,
) -> None:
    """Tag all shards to be made, with progress on stderr.

    Args:
        run: its state; the plan is written.
        model: the model.
        settings: of the output.
        resources: engine, workers and memory.
        paths: files and folders that workers read.
        folder: of the run record, for the log.

    Raises:
        UsageError: the memory does not suffice, or the engine is not installed.
        OSError: a worker met one, as a full disk.
        ElmanError: no worker starts, or too many records end their workers.
    """
    shards = len(run.todo)
    memory = plan_workers(model, resources, shards)
    request = worker_request(model, run.writer, settings, memory)
    with (folder / LOG).open("ab", buffering=0) as file:

        def log(line: str) -> None:
            file.write(f"{time.strftime('%H:%M:%S')} {line}\n".encode())

        launch = Launch(
            request=request,
            memory=memory,
            shards=shards,
            plan=plan_path(run.writer.folder),
            paths=paths,
            log_file=file,
            log=log,
        )
        with (
            contextlib.closing(_open(resources.engine, launch)) as engine,
            progress("tagging", run.size(), "B", run.progress) as advance,
        ):
            since = time.monotonic()
            run_shards(run, engine, advance, log)
            if engine_type(resources.engine).one_machine:
                seconds = time.monotonic() - since
                record_throughput(model.version, run.size(), seconds, memory.workers or 0)


def _open(name: str, launch: Launch) -> Engine:
    if not launch.shards or launch.memory.workers == 0:
        return Inline(launch.request)
    return engine_type(name).open(launch)


def worker_request(
    model: Model, writer: DatasetWriter, settings: TagSettings, memory: MemoryPlan
) -> WorkerRequest:
    """Return the settings of all shards of a run."""
    return WorkerRequest(
        model=str(model.folder.resolve()),
        out=str(writer.folder.resolve()),
        salt=writer.staging.salt,
        tables=settings.tables_for(model),
        min_probability=settings.min_probability,
        genetic_code=settings.genetic_code,
        masks=settings.masks,
        reuse=settings.reuse,
        patterns=settings.patterns,
        redactor=settings.redactor,
        thresholds=settings.least(model),
        table_entries=memory.table_entries,
        input_cache=memory.input_cache,
    )
