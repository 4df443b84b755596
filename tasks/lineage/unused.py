"""Unused runs and models of the home, and their removal."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elman.data.errors import IntegrityError, Locked
from elman.data.store.code_hash import code_hash
from elman.data.store.disk import disk
from elman.tasks.inspection.render import table
from elman.tasks.lineage.graph import MADE_OF
from elman.tasks.lineage.home_files import MANIFEST_TAG, HomeFiles, model_of, output_of, read_home
from elman.tasks.lineage.registered import registry_file
from elman.tasks.lineage.run_list import state_of
from elman.tasks.runtime.console import format_amount, printable
from elman.tasks.runtime.environment import home, temporary_parent
from elman.tasks.runtime.run_record import RunRecord


@dataclass(frozen=True, kw_only=True)
class Unused:
    """A file or folder that nothing refers to.

    Attributes:
        kind: "run", "model", "encoded corpus", "pre-trained weights", "checkpoint" or "crash".
        path: of it.
        bytes: on the disk.
        why: nothing refers to it.
    """

    kind: str
    path: Path
    bytes: int
    why: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"kind": self.kind, "path": str(self.path), "bytes": self.bytes, "why": self.why}


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """Result of `elman clean`.

    Attributes:
        unused: what is removed, or would be.
        removed: True if it was.
        notes: what stays although it may be unused, and why.
    """

    unused: tuple[Unused, ...]
    removed: bool
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes of all of it."""
        return sum(entry.bytes for entry in self.unused)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        entries = [entry.to_json() for entry in self.unused]
        return {"removed": self.removed, "bytes": self.bytes, "unused": entries, "notes": list(self.notes)}


@dataclass
class _Kept:
    """Runs and models that stay, grown until nothing more is referred to."""

    files: HomeFiles
    runs: dict[str, RunRecord] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)

    def grow(self) -> None:
        """Add all that what stays refers to, or came from."""
        makers, children = defaultdict(list), defaultdict(list)
        ingests = defaultdict(list)
        by_id = {run.id: run for run in self.files.runs}
        for run in self.files.runs:
            if run.info.model:
                makers[Path(run.info.model.folder).name].append(run)
            if run.info.parent:
                children[run.info.parent].append(run)
            if run.info.kind == "ingest":
                for of in run.info.datasets:
                    ingests[of.digest].append(run)
        known = -1
        while known != len(self.runs) + len(self.models):
            known = len(self.runs) + len(self.models)
            for run in list(self.runs.values()):
                made = Path(run.info.model.folder).name if run.info.model else None
                self.models |= {name for name in (made, model_of(run)) if name}
                parent = by_id.get(run.info.parent or "")
                self.add(*children[run.id], *([parent] if parent else []))
            for name in list(self.models):
                self.add(*makers[name])
                if model := self.files.models.get(name):
                    self.add(*ingests[model.corpus["digest"]])
                    self.models |= {of for of in map(model.values.get, MADE_OF) if of}
                    for entry in (*model.pretrained, *model.silver):
                        self.add(*ingests[str(entry.get("corpus"))])

    def add(self, *runs: RunRecord) -> None:
        """Keep runs."""
        self.runs |= {run.id: run for run in runs}


def find_unused(keep: int) -> tuple[list[Unused], list[str]]:
    """Find what nothing refers to.

    Corpora and tagged outputs are never unused. What stays: the newest runs of each kind, runs that go on or
    are still to be sent to MLflow, registered models, models of outputs that are there, and all that these
    came from or refer to.

    Args:
        keep: newest runs of each kind that stay.

    Returns:
        what is unused, and notes about what stays although it may be unused.

    Raises:
        IntegrityError: a record cannot be read, so that nobody knows what it refers to.
    """
    files, notes = read_home(), []
    if files.damaged:
        raise IntegrityError(
            "expected records that can be read, to tell what they refer to. Nothing is removed. Got: "
            + " ".join(files.damaged.values())
        )
    kept = _roots(files, keep)
    if registry_file() is None:
        notes.append("The registry of models is no file here, so that all models stay.")
        kept.models |= set(files.models)
    if unknown := _unknown_outputs(files):
        models = {name for run in unknown if (name := model_of(run))}
        notes.append(
            f"{len(unknown)} runs of `tag` name an output relative to a folder that is not known any more; "
            "they stay, with their models."
        )
        kept.add(*unknown)
        kept.models |= models
    kept.grow()
    found = [*_unused_runs(kept), *_unused_models(kept), *_unused_caches(kept), *_unused_rest(kept, keep)]
    return found, notes


def _start(run: RunRecord) -> tuple[int, str]:
    """Key that puts runs in the order of their starts."""
    return run.info.started_ms, run.id


def _roots(files: HomeFiles, keep: int) -> _Kept:
    kept = _Kept(files)
    of_kind: dict[str, list[RunRecord]] = defaultdict(list)
    for run in files.runs:
        of_kind[run.info.kind].append(run)
        if not run.info.sent or state_of(run) == "RUNNING":
            kept.add(run)
    for runs in of_kind.values():
        runs.sort(key=_start)
        kept.add(*runs[max(len(runs) - keep, 0) :])
    registered = {version.mlflow_run_id for version in files.versions if version.mlflow_run_id}
    kept.models |= {version.model for version in files.versions if version.model}
    kept.models |= {str(head.config.get("model")) for head in files.outputs.values()}
    current = {head.digest for head in (*files.outputs.values(), *files.corpora.values())}
    for run in files.runs:
        info = run.info
        registers = info.mlflow_run_id in registered or (info.model and info.model.register)
        made = info.kind == "ingest" and any(of.digest in current for of in info.datasets)
        if registers or made or info.tags.get(MANIFEST_TAG) in current:
            kept.add(run)
    return kept


def _unknown_outputs(files: HomeFiles) -> list[RunRecord]:
    """Runs whose output was named relative to a working directory that nobody knows."""
    return [
        run
        for run in files.runs
        if run.info.kind == "tag"
        and "elman.output" not in run.info.tags
        and not Path(run.info.params.get("out", "/")).is_absolute()
        and output_of(run) not in files.outputs
    ]


def _unused_runs(kept: _Kept) -> Iterator[Unused]:
    for run in sorted(kept.files.runs, key=_start):
        if run.id not in kept.runs:
            yield _entry("run", run.folder, f"older than the newest runs of {run.info.kind} that stay")


def _unused_models(kept: _Kept) -> Iterator[Unused]:
    for name, model in kept.files.models.items():
        if name not in kept.models and model.folder.parent == home() / "models":
            yield _entry("model", model.folder, "not registered, and of no run or output that stays")


def _unused_caches(kept: _Kept) -> Iterator[Unused]:
    digests = {head.digest for head in kept.files.corpora.values()}
    code = code_hash()
    for folder, head in kept.files.caches.items():
        made_of = {entry.get("corpus") for entry in head.sources}
        kind = "encoded corpus" if folder.parent.name == "encoded" else "pre-trained weights"
        if not made_of <= digests:
            yield _entry(kind, folder, "of a state of the corpus that is gone")
        elif head.values.get("code") != code:
            yield _entry(kind, folder, "of other code, which makes it anew")


def _unused_rest(kept: _Kept, keep: int) -> Iterator[Unused]:
    stopped = {state_of(run) for run in kept.runs.values() if run.info.kind not in ("ingest", "check", "tag")}
    if not stopped & {"KILLED", "FAILED", "RUNNING"}:
        for folder in sorted((home() / "training").glob("*")):
            yield _entry("checkpoint", folder, "of no training that stays")
    crashes = sorted((home() / "crashes").glob("*.txt"))
    for path in crashes[: max(len(crashes) - keep, 0)]:
        yield _entry("crash", path, "older than the newest that stay")


def _entry(kind: str, path: Path, why: str) -> Unused:
    inside = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return Unused(kind=kind, path=path, bytes=sum(file.lstat().st_size for file in inside), why=why)


def remove(unused: list[Unused]) -> None:
    """Remove files and folders; each is moved out of its place first, so that none is ever there in part.

    Raises:
        Locked: a run goes on, which may need them.
    """
    going_on = [run.id for run in read_home().runs if state_of(run) == "RUNNING"]
    if going_on:
        raise Locked(
            f"expected no run that goes on. Got {', '.join(going_on[:5])}. Clean when it has ended: "
            "`elman runs --state RUNNING` shows it."
        )
    for left in temporary_parent().glob("clean-*"):  # of one that was stopped
        disk.remove(left)
    scratch = temporary_parent() / f"clean-{os.getpid()}"
    disk.mkdir(scratch)
    for number, entry in enumerate(unused):
        disk.rename(entry.path, scratch / str(number))
    disk.remove(scratch)


def text_of(cleaned: Cleaned) -> str:
    """The list for a terminal."""
    return "\n".join(_lines(cleaned))


def _lines(cleaned: Cleaned) -> Iterator[str]:
    rows = [
        (entry.kind, format_amount(entry.bytes, "B"), entry.why, printable(str(entry.path)))
        for entry in cleaned.unused
    ]
    if rows:
        yield from (line[3:] for line in table(("what", "size", "why", "path"), rows))
    yield from cleaned.notes
    size = format_amount(cleaned.bytes, "B")
    if not rows:
        yield "Nothing is unused."
    elif cleaned.removed:
        yield f"Removed {len(rows):,}, {size}."
    else:
        yield f"{len(rows):,} unused, {size}. Nothing was removed: say --remove."
