"""Overview of the home: champions, last data, batches held apart, missing flow files; from files alone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from elman.data.errors import ElmanError
from elman.data.store.dataset import MANIFEST
from elman.tasks.retraining import history
from elman.tasks.retraining.held import held_batches
from elman.tasks.runtime.environment import CHECKOUT, home

_ENTRY_POINT = re.compile(r"^[\s-]*entrypoint:\s*[\"']?([^\s:\"']+):", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """State of models and corpora, without a server.

    Attributes:
        champions: by registered name the version, since when, and why.
        corpora: by name when data last came, in UTC, ISO 8601.
        held_apart: batches that are not let in, with their reasons, by "CORPUS/BATCH".
        missing: files of deployments in prefect.yaml that are gone; a worker that is sent there dies.
    """

    champions: dict[str, str]
    corpora: dict[str, str]
    held_apart: dict[str, str]
    missing: tuple[str, ...]


def overview() -> Overview:
    """Read the state from the home folder and prefect.yaml."""
    held = {
        f"{corpus.name}/{batch.batch}": batch.reason
        for corpus in sorted((home() / "held_apart").glob("*/"))
        for batch in held_batches(corpus.name)
        if not batch.readmitted
    }
    return Overview(
        champions=_champions(),
        corpora={
            path.parent.name: _time(path) for path in sorted((home() / "corpora").glob(f"*/{MANIFEST}"))
        },
        held_apart=held,
        missing=missing_flows(CHECKOUT / "prefect.yaml"),
    )


def _champions() -> dict[str, str]:
    out = {}
    for path in sorted((home() / "registry").glob("*/history.jsonl")):
        name = path.parent.name
        try:
            entries = history.read(name)
        except ElmanError as error:
            out[name] = str(error)
            continue
        since = next(
            (entry for entry in reversed(entries) if entry.done and entry.champion == entries[-1].champion),
            None,
        )
        out[name] = f"version {since.champion} since {since.time}: {since.why}" if since else "no champion"
    return out


def _time(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def missing_flows(deployments: Path) -> tuple[str, ...]:
    """Flow files that a prefect.yaml names and that are not there; of no such file, none."""
    try:
        text = deployments.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    named = dict.fromkeys(_ENTRY_POINT.findall(text))
    return tuple(name for name in named if not (deployments.parent / name).is_file())
