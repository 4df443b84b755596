"""Run records: a folder under `home()/runs` for each run, complete without any server.

`run.json` holds a `RunInfo`, `metrics.jsonl` a line per value, `artifacts/` the files of the run.
`tasks.runtime.mlflow_sync` sends records to MLflow.
"""

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import psutil

from elman.data.errors import UsageError
from elman.data.store.disk import atomic_write
from elman.tasks.runtime.environment import home

Row = tuple[str, float, int, int]  # name, value, time in ms since 1970, step
OPTIONAL = {"ended_ms", "summary"}  # keys that run.json has only once they have a value


@dataclass(frozen=True, kw_only=True)
class UsedDataset:
    """A corpus that a run read.

    Attributes:
        name: of the corpus.
        folder: its path.
        digest: sha256 of its manifest.
        context: "training", "pre-training", ...
        counts: of its records.
    """

    name: str
    folder: str
    digest: str
    context: str
    counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class MadeModel:
    """The model that a run made.

    Attributes:
        folder: its path.
        register: name to register it under, if any.
        about: description of the registered version, Markdown.
        tags: of the registered version.
        scores: names of the metrics that models are compared by.
    """

    folder: str
    register: str | None = None
    about: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    scores: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """Content of run.json; times in ms since 1970.

    Attributes:
        id: the run's own id, also the tag that MLflow finds it by.
        kind: "train", "tag", ...
        name: shown in lists.
        parent: id of the run it is a part of.
        params: what the run was asked to do.
        tags: of the MLflow run.
        datasets: that it read.
        model: that it made.
        status: RUNNING, FINISHED, FAILED or KILLED.
        pid: of its process.
        started_ms, ended_ms: times.
        mlflow_run_id: its id in MLflow, once known.
        sent: True if MLflow has all of it, or is not to show it.
        summary: result of an ingestion, as plain values.
    """

    id: str
    kind: str = ""
    name: str = ""
    parent: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[UsedDataset, ...] = ()
    model: MadeModel | None = None
    status: str = "FINISHED"
    pid: int = 0
    started_ms: int = 0
    ended_ms: int | None = None
    mlflow_run_id: str | None = None
    sent: bool = True
    summary: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without `ended_ms` while the run goes on and without a `summary` of None."""
        values = asdict(self)
        return {key: values[key] for key in values if values[key] is not None or key not in OPTIONAL}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Restore from `to_json`; what an older version left out has its default."""
        known = {name: values[name] for name in (field.name for field in fields(cls)) if name in values}
        known["datasets"] = tuple(UsedDataset(**dataset) for dataset in values.get("datasets", ()))
        known["model"] = MadeModel(**values["model"]) if values.get("model") else None
        return cls(**known)


class RunRecord:
    """One run and its folder.

    Attributes:
        folder: its path.
        info: content of run.json.
        artifacts: folder of its files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info = RunInfo.from_json(json.loads((folder / "run.json").read_text(encoding="utf-8")))
        self.artifacts = folder / "artifacts"

    @property
    def id(self) -> str:
        """The run's own id, also the tag that MLflow finds it by."""
        return self.info.id

    @property
    def shown_id(self) -> str:
        """The id that MLflow shows, if the run was sent there, else the run's own."""
        return self.info.mlflow_run_id or self.id

    def save(self, **changes: Any) -> None:
        """Change fields of run.json."""
        self.info = replace(self.info, **changes)
        text = json.dumps(self.info.to_json(), ensure_ascii=False, indent=1, sort_keys=True)
        atomic_write(self.folder / "run.json", text.encode())

    def log_metrics(self, values: Mapping[str, float], step: int) -> list[Row]:
        """Record the metrics of one step (an epoch)."""
        stamp = int(time.time() * 1000)
        rows = [(name, float(value), stamp, step) for name, value in values.items()]
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
        return rows

    def rows(self) -> list[Row]:
        """All metrics recorded so far, in order; a line torn by a kill is left out."""
        path = self.folder / "metrics.jsonl"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [tuple(json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def log_dataset(
        self, name: str, folder: Path, digest: str, context: str, counts: Mapping[str, int]
    ) -> None:
        """Tie the run to a corpus by the sha256 of its manifest."""
        dataset = UsedDataset(
            name=name, folder=str(folder), digest=digest, context=context, counts=dict(counts)
        )
        self.save(datasets=(*self.info.datasets, dataset))

    def log_model(
        self,
        folder: Path,
        *,
        register: str | None = None,
        tags: Mapping[str, str] | None = None,
        scores: Sequence[str] = (),
        about: str = "",
    ) -> None:
        """Tie the run to the model folder it made, to be logged and, with a name, registered.

        Args:
            folder: of the model.
            register: the name to register it under.
            tags: of the registered version.
            scores: names of the metrics that models are compared by.
            about: the registered version's description, Markdown.
        """
        self.save(
            model=MadeModel(
                folder=str(folder), register=register, about=about, tags=dict(tags or {}), scores=list(scores)
            )
        )


def start(
    kind: str, name: str, params: Mapping[str, Any], parent: str | None = None, *, sent: bool = False
) -> RunRecord:
    """Open the record of a new run.

    Args:
        kind: "train", "tag", ...
        name: what a person calls the run in a list.
        params: what the run was asked to do.
        parent: id of the run it is a part of.
        sent: True for a run that MLflow is not to show.
    """
    run_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{kind}-{uuid.uuid4().hex[:8]}"
    folder = home() / "runs" / run_id
    (folder / "artifacts").mkdir(parents=True)
    info = RunInfo(
        id=run_id,
        kind=kind,
        name=name,
        parent=parent,
        params={key: str(value) for key, value in params.items()},
        status="RUNNING",
        pid=os.getpid(),
        started_ms=int(time.time() * 1000),
        sent=sent,
    )
    atomic_write(folder / "run.json", json.dumps(info.to_json()).encode())
    return RunRecord(folder)


@contextlib.contextmanager
def record_locally(kind: str, name: str, params: Mapping[str, Any]) -> Iterator[RunRecord]:
    """Record one run in its folder only; MLflow does not show it. Arguments as of `start`.

    A usage error leaves no record.
    """
    run = start(kind, name, params, sent=True)
    try:
        yield run
    except UsageError:
        shutil.rmtree(run.folder)
        raise
    except BaseException as error:
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        run.save(status=status, ended_ms=int(time.time() * 1000))
        raise
    run.save(status="FINISHED", ended_ms=int(time.time() * 1000))


def find(run_id: str) -> RunRecord | None:
    """The run of an id of ours, or None."""
    folder = home() / "runs" / Path(run_id).name
    return RunRecord(folder) if (folder / "run.json").is_file() else None


def read(run_id: str) -> RunRecord:
    """The run of an id of ours.

    Raises:
        UsageError: there is no such run here.
    """
    run = find(run_id)
    if run is None:
        raise UsageError(f"expected the id of a run under {home() / 'runs'}. Got {run_id!r}.")
    return run


def _lives(info: RunInfo) -> bool:
    """True if the process of a run still runs; a later process may have been given the same pid."""
    try:
        return bool(psutil.Process(info.pid).create_time() * 1000 <= info.started_ms)
    except psutil.NoSuchProcess:
        return False


def unsent() -> list[RunRecord]:
    """Ended runs that MLflow does not have yet, oldest first; one whose process died is marked killed."""
    waiting = []
    for path in sorted((home() / "runs").glob("*/run.json")):
        run = RunRecord(path.parent)
        if run.info.sent:
            continue
        if run.info.status == "RUNNING":
            if _lives(run.info):
                continue
            run.save(status="KILLED", ended_ms=int(path.stat().st_mtime * 1000))
        waiting.append(run)
    return waiting
