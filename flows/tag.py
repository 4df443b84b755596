"""`elman tag`: tag text or DNA in bulk into Parquet and exports."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from elman.data.errors import UsageError
from elman.data.formats.parquet import Columns
from elman.data.store.dataset import MANIFEST, Dataset
from elman.data.store.disk import atomic_write, to_bytes
from elman.data.store.writer import DatasetWriter
from elman.flows.arguments import Model, Sources
from elman.tasks.execution import memory as budget
from elman.tasks.execution import ray_engine, throughput
from elman.tasks.execution import run as tagging
from elman.tasks.execution.engines import Engine, Inline, Local
from elman.tasks.execution.memory import size_of
from elman.tasks.execution.ray_engine import Ray
from elman.tasks.models import model_folder
from elman.tasks.runtime import mlflow_sync
from elman.tasks.runtime.console import progress
from elman.tasks.runtime.orchestration import flow
from elman.tasks.runtime.quarantine import report_quarantine
from elman.tasks.runtime.run_record import RunRecord
from elman.tasks.tagging.inputs import Input
from elman.tasks.tagging.output import (
    DNA_FORMATS,
    TEXT_FORMATS,
    allow,
    commit_tags,
    count_tags,
    find_input,
    pinned_model,
    tag_writer,
)
from elman.tasks.tagging.plan import plan_of, plan_sources, write_plan
from elman.tasks.tagging.shard import Request, options_of

EXIT_BAD_DATA = 3


@dataclass(frozen=True, kw_only=True)
class TagConfig:
    """Tag text or DNA with a model; what the output has of these sources already is reused."""

    model: Model  # a folder, models:/NAME@alias, models:/NAME/VERSION or a run id
    sources: Sources  # files or folders, of text or of DNA as the model
    out: Path  # folder of the tagged dataset
    format: str = "parquet"  # and, comma-separated, jsonl, conll (text) or gff3, bed, faa, codons (DNA)
    tokens: bool = False  # of text: every token with its tag and probability, too
    min_probability: float = 0.0  # leave out what is less likely
    text_column: str | None = None  # of Parquet, whose rows are documents
    id_column: str | None = None  # of Parquet: names a document; SOURCE#ROW if not given
    keep: str = ""  # of Parquet: comma-separated columns that go through to the output
    engine: Literal["local", "ray"] = "local"  # processes of this machine, or a Ray cluster (docs/cluster.md)
    workers: int | None = None  # processes; as many as there are cores if not given; 0: in this process
    memory: str = "1GiB"  # for all processes together
    shard_size: str | None = None  # bytes in a unit of committed work, 1 to 64 MiB; found from the input
    no_reuse: bool = False  # tag equal sentences each time they come
    genetic_code: Literal[1, 4, 11] | None = None  # of DNA: NCBI's number; the model's own (11) if not given
    plan: bool = False  # say what would be done, and do nothing
    retag: bool = False  # all of an output made with another model; swapped in at the end

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not self.sources:
            raise UsageError("expected files or folders to tag. Got none.")
        wrong = [name for name in self.formats if name not in (*TEXT_FORMATS, *DNA_FORMATS)]
        if wrong:
            known = ", ".join(dict.fromkeys((*TEXT_FORMATS, *DNA_FORMATS)))
            raise UsageError(f"expected --format of {known}. Got {', '.join(wrong)}.")
        if self.workers is not None and self.workers < 0:
            raise UsageError(f"expected --workers of 0 or more. Got {self.workers}.")
        if self.workers == 0 and self.engine == "ray":
            raise UsageError("expected --workers of 1 or more for --engine ray. Got 0.")
        if not 0 <= self.min_probability < 1:
            raise UsageError(f"expected --min-probability from 0 to below 1. Got {self.min_probability}.")
        if self.text_column is None and (self.id_column or self.keep):
            raise UsageError("expected --text-column beside --id-column and --keep. Got none.")
        for size in (self.memory, self.shard_size or "1"):
            size_of(size)

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats asked for."""
        return tuple(name.strip() for name in self.format.split(",") if name.strip())

    @property
    def columns(self) -> Columns | None:
        """The columns of Parquet, if that is meant."""
        if self.text_column is None:
            return None
        keep = tuple(name.strip() for name in self.keep.split(",") if name.strip())
        return Columns(self.text_column, self.id_column, keep)


@flow
def tag(config: TagConfig) -> dict[str, Any]:
    """Find the model and the sources, tag what is new shard by shard, and commit all of it at once."""
    begun = time.monotonic()
    folder, moved = pinned_model(config.out, config.model, config.retag)
    loaded = model_folder.read(folder)
    writer = tag_writer(
        config.out,
        str(folder),
        config.formats,
        config.genetic_code,
        config.tokens,
        config.min_probability,
        config.columns,
    )
    inputs, skipped = find_input(config.sources, loaded.kind, str(folder), config.out, config.columns)
    said = {
        "out": str(config.out),
        "model": loaded.version,
        **({"moved": moved} if moved else {}),
        "skipped": [{"path": path, "reason": reason} for path, reason in skipped],
    }
    size = size_of(config.shard_size) if config.shard_size else None
    if config.plan:
        return {**_foresee(config, writer, inputs, loaded, size), **said}
    params = {"model": loaded.version, "asked": config.model, "out": config.out, "format": config.format}
    with mlflow_sync.record_run("tag", f"{config.out.name} by {loaded.version}", params) as recorder, writer:
        allow(writer, inputs, config.retag)
        plan = plan_sources(writer, inputs, options_of(loaded), size)
        write_plan(writer, config.model, folder, plan)
        work = tagging.Tagging(writer, plan)
        shared = _share(config, loaded, len(work.todo))
        request = _request(config, folder, writer, shared)
        with (
            _engine(config, shared, request, len(work.todo), recorder.run) as (engine, log),
            progress("tagging", work.size(), "B", work.state) as advance,
        ):
            since = time.monotonic()
            tagging.run(work, engine, advance, log)
            if config.engine == "local":
                throughput.keep(loaded.version, work.size(), time.monotonic() - since, shared.workers or 0)
        shards = work.shards()
        counts = {**count_tags(writer.kind, shards), **work.counts()}
        dataset = commit_tags(writer, plan, shards, config.model)
        if counts["quarantined"]:
            report_quarantine(dataset)
        seconds = round(time.monotonic() - begun, 3)
        recorder.log_metrics(_measured(counts, dataset.manifest["meta"]["summary"], seconds), 0)
        atomic_write(recorder.run.artifacts / "summary.json", to_bytes(dataset.manifest["meta"]["summary"]))
        recorder.run.save(tags={"elman.model": loaded.version, "elman.manifest": dataset.digest})
    return {
        **counts,
        "seconds": seconds,
        **said,
        "digest": dataset.digest,
        "exit_code": EXIT_BAD_DATA if counts["quarantined"] else 0,
    }


def _measured(counts: dict[str, int], found: dict[str, Any], seconds: float) -> dict[str, float]:
    """What is kept of a run as numbers: counts, its rate, and the share of words the model does not know."""
    total = counts.get("tokens", counts.get("bases", 0))
    measured = {**counts, "seconds": seconds, "rate_per_s": total / max(seconds, 1e-3)}
    if found.get("tokens"):
        measured["unknown_share"] = found.get("unknown", 0) / found["tokens"]
    return measured


def _share(config: TagConfig, loaded: model_folder.Model, shards: int) -> budget.Share:
    """How memory is shared out; on a cluster, what each worker takes."""
    weights = sum(map(len, loaded.files.values()))
    if config.engine == "ray" and ray_engine.ADDRESS in os.environ:
        return budget.of_cluster(config.workers, loaded.kind, weights)
    return budget.share(config.workers, size_of(config.memory), shards, loaded.kind, weights)


def _request(config: TagConfig, folder: Path, writer: DatasetWriter, shared: budget.Share) -> Request:
    formats = (*writer.config["formats"], *(("tokens",) if config.tokens else ()))
    return Request(
        model=str(folder.resolve()),
        out=str(config.out.resolve()),
        salt=writer.staging.salt,
        formats=formats,
        min_probability=config.min_probability,
        genetic_code=config.genetic_code,
        reuse=not config.no_reuse,
        kept=shared.kept,
        rows=shared.rows,
    )


@contextlib.contextmanager
def _engine(
    config: TagConfig, shared: budget.Share, request: Request, shards: int, run: RunRecord
) -> Iterator[tuple[Engine, Callable[[str], None]]]:
    """The engine that was asked for, and the run's log."""
    with (run.folder / "log.txt").open("ab", buffering=0) as file:

        def log(line: str) -> None:
            file.write(f"{time.strftime('%H:%M:%S')} {line}\n".encode())

        engine: Engine
        if config.engine == "ray" and shards:
            engine = Ray(
                shared.workers,
                request,
                plan_of(config.out),
                config.sources,
                most=shards,
                memory=shared.each,
                log=log,
            )
        elif shared.workers:
            engine = Local(shared.workers, request, file)
        else:
            engine = Inline(request)
        try:
            yield engine, log
        finally:
            engine.close()


def _foresee(
    config: TagConfig,
    writer: DatasetWriter,
    inputs: Sequence[Input],
    loaded: model_folder.Model,
    size: int | None,
) -> dict[str, Any]:
    """What a run would do: shards, bytes, what is there already, and how long the rest takes."""
    if (writer.folder / MANIFEST).is_file():
        writer.dataset = Dataset.open(writer.folder)
    allow(writer, inputs, config.retag)
    plan = plan_sources(writer, inputs, options_of(loaded), size)
    work = tagging.Tagging(writer, plan)
    workers = _share(config, loaded, len(work.todo)).workers
    total = sum(piece.end - piece.begin for planned in plan for piece in planned.pieces)
    return {
        "sources": len(plan),
        **work.counts(),
        "to_tag": len(work.todo),
        "bytes": total,
        "bytes_to_tag": work.size(),
        "workers": workers,
        "expected_s": throughput.expected_s(loaded.version, work.size(), workers) if workers else None,
    }
