"""Run records: a folder under `home()/runs` for each run, complete without any server.

`run.json` holds a `RunInfo`, `metrics.jsonl` a line per value, `artifacts/` the files of the run.
`tasks.runtime.mlflow_sync` sends records to MLflow.
"""

import contextlib
import json
import os
import resource
import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import psutil

from elman.data.errors import UsageError, unwrapped
from elman.data.store.code_hash import code_hash
from elman.data.store.disk import atomic_write
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import git_commit, home

Row = tuple[str, float, int, int]  # name, value, time in ms since 1970, step
OPTIONAL = {"ended_ms", "summary"}  # keys that run.json has only once they have a value
GIT_COMMIT, CODE = "mlflow.source.git.commit", "elman.code"  # tags
_current: ContextVar["RunRecord | None"] = ContextVar("_current", default=None)


@dataclass(frozen=True, kw_only=True)
class UsedDataset:
    """A corpus that a run read.

    Attributes:
        name: of the corpus.
        folder: its path.
        digest: sha256 of its manifest.
        context: "training", "pre-training", ...
        counts: of its records.
        kind: "text" or "dna"; in run.json only if it is known, as are those below.
        split: the part that was read; scores named SPLIT_... are of it.
        about: licence and description, as far as they are given.
    """

    name: str
    folder: str
    digest: str
    context: str
    counts: Mapping[str, int]
    kind: str = ""
    split: str = ""
    about: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = asdict(self)
        return {key: values[key] for key in values if values[key] or key not in ("kind", "split", "about")}


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
        values = {**asdict(self), "datasets": [dataset.to_json() for dataset in self.datasets]}
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
        self._saving = threading.Lock()  # a thread sends to MLflow and notes the id it gets

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
        with self._saving:
            self.info = replace(self.info, **changes)
            text = json.dumps(self.info.to_json(), ensure_ascii=False, indent=1, sort_keys=True)
            atomic_write(self.folder / "run.json", text.encode())

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags of the MLflow run."""
        self.save(tags={**self.info.tags, **tags})

    def set_description(self, text: str) -> None:
        """Describe the run in Markdown, for its page in MLflow."""
        self.add_tags({"mlflow.note.content": text})

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

    def log_dataset(self, dataset: UsedDataset) -> None:
        """Tie the run to a corpus, or a split of one, that it read."""
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


def start(kind: str, name: str, params: Mapping[str, Any], *, sent: bool = False) -> RunRecord:
    """Open the record of a new run, as a part of the run that `as_parent` names, if any.

    Args:
        kind: "train", "tag", ...
        name: what a person calls the run in a list.
        params: what the run was asked to do.
        sent: True for a run that MLflow is not to show.
    """
    run_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{kind}-{uuid.uuid4().hex[:8]}"
    folder = home() / "runs" / run_id
    (folder / "artifacts").mkdir(parents=True)
    commit, parent = git_commit(), _current.get()
    info = RunInfo(
        id=run_id,
        kind=kind,
        name=name,
        parent=parent.id if parent else None,
        params={key: str(value) for key, value in params.items()},
        tags={CODE: code_hash(training=True), **({GIT_COMMIT: commit} if commit else {})},
        status="RUNNING",
        pid=os.getpid(),
        started_ms=int(time.time() * 1000),
        sent=sent,
    )
    atomic_write(folder / "run.json", json.dumps(info.to_json()).encode())
    return RunRecord(folder)


@contextlib.contextmanager
def as_parent(run: RunRecord) -> Iterator[None]:
    """Make the runs that start inside parts of this run."""
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)


@dataclass(frozen=True)
class Resources:
    """Resources of this process so far, and of the processes it has waited for.

    Attributes:
        cpu_s: CPU seconds.
        peak_mib: most memory in use at once by a process, MiB.
    """

    cpu_s: float
    peak_mib: float

    @classmethod
    def now(cls) -> Self:
        """Read them from the system."""
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return cls(
            cpu_s=sum(usage.ru_utime + usage.ru_stime for usage in usages),
            peak_mib=max(usage.ru_maxrss for usage in usages) / 1024,
        )

    def metrics(self, prefix: str = "") -> dict[str, float]:
        """Metrics since `self` was read: CPU seconds, and the peak of the process."""
        now = Resources.now()
        return {
            f"{prefix}cpu_s": round(now.cpu_s - self.cpu_s, 3),
            f"{prefix}peak_memory_mib": round(now.peak_mib, 1),
        }


@contextlib.contextmanager
def record_locally(kind: str, name: str, params: Mapping[str, Any]) -> Iterator[RunRecord]:
    """Record one run in its folder; a later command that loads MLflow sends it. Arguments as of `start`.

    A usage error leaves no record.
    """
    run, before = start(kind, name, params), Resources.now()
    try:
        with as_parent(run):
            yield run
    except UsageError:
        shutil.rmtree(run.folder)
        raise
    except BaseException as error:
        run.save(status=status_of(error), ended_ms=int(time.time() * 1000))
        raise
    run.log_metrics(before.metrics(), 0)
    run.save(status="FINISHED", ended_ms=int(time.time() * 1000))


def status_of(error: BaseException) -> str:
    """Status of a run that an error has ended: FAILED, or KILLED if it is a signal's."""
    return "FAILED" if isinstance(unwrapped(error), Exception) else "KILLED"


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


def lives(info: RunInfo) -> bool:
    """Return True if the process of a run still runs; a later process may have been given the same pid."""
    try:
        return bool(psutil.Process(info.pid).create_time() * 1000 <= info.started_ms)
    except psutil.NoSuchProcess:
        return False


def records() -> tuple[list[RunRecord], dict[Path, str]]:
    """All runs of the home, oldest first, and for each run.json that cannot be read a message."""
    found, damaged = [], {}
    for path in sorted((home() / "runs").glob("*/run.json")):
        try:
            found.append(RunRecord(path.parent))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            damaged[path] = (
                f"{path}: expected the JSON of a run. Got something else ({error}). "
                "Restore the file, or delete its folder to be rid of the run."
            )
    return found, damaged


def unsent() -> list[RunRecord]:
    """Ended runs that MLflow does not have yet, oldest first; one whose process died is marked killed.

    A record that cannot be read is named and left out.
    """
    waiting = []
    found, damaged = records()
    for message in damaged.values():
        print_status(message)
    for run in found:
        if run.info.sent:
            continue
        if run.info.status == "RUNNING":
            if lives(run.info):
                continue
            changed = (run.folder / "run.json").stat().st_mtime
            run.save(status="KILLED", ended_ms=int(changed * 1000))
        waiting.append(run)
    return waiting
