"""The record of a run: a folder under `home()/runs`, complete without any server.

`run.json` says what the run is and how it ended, `metrics.jsonl` holds one line a value, `artifacts/` its
files. `tasks.runtime.mlflow_sync` shows records in MLflow.
"""

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from elman.data.errors import UsageError
from elman.data.store.disk import atomic_write
from elman.tasks.runtime.environment import home

Row = tuple[str, float, int, int]  # name, value, time in ms since 1970, step


class RunRecord:
    """One run and its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        self.artifacts = folder / "artifacts"

    @property
    def id(self) -> str:
        """The run's own id, also the tag that MLflow finds it by."""
        return str(self.record["id"])

    @property
    def shown_id(self) -> str:
        """The id that MLflow shows, if the run was sent there, else the run's own."""
        return str(self.record["mlflow_run_id"] or self.id)

    def save(self, **changes: Any) -> None:
        """Change fields of run.json."""
        self.record.update(changes)
        text = json.dumps(self.record, ensure_ascii=False, indent=1, sort_keys=True)
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
        entry = {
            "name": name,
            "folder": str(folder),
            "digest": digest,
            "context": context,
            "counts": dict(counts),
        }
        self.save(datasets=[*self.record["datasets"], entry])

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
        entry = {"folder": str(folder), "register": register, "about": about}
        self.save(model={**entry, "tags": dict(tags or {}), "scores": list(scores)})


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
    record: dict[str, Any] = {
        "id": run_id,
        "kind": kind,
        "name": name,
        "parent": parent,
        "params": {key: str(value) for key, value in params.items()},
        "tags": {},
        "datasets": [],
        "model": None,
        "status": "RUNNING",
        "pid": os.getpid(),
        "started_ms": int(time.time() * 1000),
        "mlflow_run_id": None,
        "sent": sent,
    }
    atomic_write(folder / "run.json", json.dumps(record).encode())
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


def _lives(record: Mapping[str, Any]) -> bool:
    """Whether the process of a run still goes on; one that began later has only got its number."""
    try:
        return bool(psutil.Process(record["pid"]).create_time() * 1000 <= record["started_ms"])
    except psutil.NoSuchProcess:
        return False


def unsent() -> list[RunRecord]:
    """Ended runs that MLflow does not have yet, oldest first; a run whose process died counts as killed."""
    waiting = []
    for path in sorted((home() / "runs").glob("*/run.json")):
        run = RunRecord(path.parent)
        if run.record.get("sent", True):
            continue
        if run.record["status"] == "RUNNING":
            if _lives(run.record):
                continue
            run.save(status="KILLED", ended_ms=int(path.stat().st_mtime * 1000))
        waiting.append(run)
    return waiting
