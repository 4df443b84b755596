"""Batches held apart from a corpus: files that name their sources by content.

`home()/held_apart/CORPUS/BATCH.json` is what `tasks.retraining.batches` decides; no ingest takes the sources
until `elman retrain --readmit BATCH`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from elman.data.errors import BadInput
from elman.data.sources.reading import HashedSource
from elman.data.store.disk import atomic_write, make_folder, sha256_bytes
from elman.tasks.runtime.environment import home


@dataclass(frozen=True, kw_only=True)
class Held:
    """A batch held apart.

    Attributes:
        batch: its name, made of its contents.
        corpus: name of the corpus it was meant for.
        reason: in words.
        time: in UTC, ISO 8601.
        sources: name and sha256 of each.
        readmitted: time at which it was let in after all; "" if it was not.
    """

    batch: str
    corpus: str
    reason: str
    time: str
    sources: Sequence[dict[str, str]] = field(default_factory=tuple)
    readmitted: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "sources": list(self.sources)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Undo `to_json`."""
        return cls(**{item.name: values[item.name] for item in fields(cls) if item.name in values})


def _folder(corpus: str) -> Path:
    return home() / "held_apart" / corpus


def held_batches(corpus: str) -> list[Held]:
    """All batches of a corpus that were held apart, readmitted ones too, oldest first."""
    found = [Held.from_json(json.loads(path.read_bytes())) for path in _folder(corpus).glob("*.json")]
    return sorted(found, key=lambda held: (held.time, held.batch))


def held_contents(corpus: str) -> frozenset[str]:
    """The sha256 of sources that are held apart now."""
    return frozenset(
        source["sha256"] for held in held_batches(corpus) if not held.readmitted for source in held.sources
    )


def batch_name(sources: Sequence[HashedSource]) -> str:
    """Name of a batch, made of its contents."""
    return sha256_bytes("".join(sorted(source.sha256 for source in sources)).encode())[:12]


def hold(sources: Sequence[HashedSource], corpus: str, reason: str) -> Held:
    """Hold a batch apart."""
    held = Held(
        batch=batch_name(sources),
        corpus=corpus,
        reason=reason,
        time=_now(),
        sources=[{"name": source.name, "sha256": source.sha256} for source in sources],
    )
    _write(held)
    return held


def readmit(corpus: str, batch: str) -> Held:
    """Let a batch in after all; it is not looked at again.

    Raises:
        BadInput: no such batch is held apart.
    """
    known = held_batches(corpus)
    for held in known:
        if held.batch == batch:
            changed = replace(held, readmitted=held.readmitted or _now())
            _write(changed)
            return changed
    listed = ", ".join(f"{held.batch} ({held.reason})" for held in known) or "none"
    raise BadInput("a batch held apart", got=repr(batch), todo=f"Batches of {corpus}: {listed}.")


def _write(held: Held) -> None:
    folder = _folder(held.corpus)
    make_folder(folder)
    text = json.dumps(held.to_json(), ensure_ascii=False, indent=1, sort_keys=True)
    atomic_write(folder / f"{held.batch}.json", text.encode("utf-8", "backslashreplace"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
