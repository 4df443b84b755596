"""History of a registered name: every decision about its champion, in a file of ours that MLflow mirrors.

`home()/registry/NAME/history.jsonl` has one JSON object a decision, oldest first; the last one says who is
champion. `mirrored.json` beside it holds how many entries MLflow has been told, so that a run killed between
the two is completed by the next one. The file is replaced as a whole, under a lock.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from elman.data.errors import IntegrityError, Locked
from elman.data.store.disk import atomic_write, make_folder
from elman.data.store.lock import take
from elman.tasks.runtime.environment import home

Action = Literal["promoted", "refused", "outdated", "rolled back", "found"]
WAIT_S = 120.0  # for other promotions of the same name


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One decision.

    Attributes:
        number: from 1.
        time: in UTC, ISO 8601.
        action: `found`: the alias in MLflow was moved by another hand, or stood there before the history
            began; `outdated`: the champion was no longer the version it was judged against.
        version: the version decided on.
        before, champion: versions that were champion before and after; "" for none.
        why: reason in words.
        model: name of the version's model folder.
        judged_by: version whose corpus gives the frozen test set.
        checks: of the gates, as plain values.
    """

    number: int
    time: str
    action: Action
    version: str
    before: str
    champion: str
    why: str
    model: str = ""
    judged_by: str = ""
    checks: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def done(self) -> bool:
        """True if the version became champion."""
        return self.action not in ("refused", "outdated")

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "checks": [dict(check) for check in self.checks]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Undo `to_json`; keys of newer versions are left out."""
        return cls(**{item.name: values[item.name] for item in fields(cls) if item.name in values})


def folder_of(name: str) -> Path:
    """Folder of what is kept about a registered name."""
    return home() / "registry" / name


@contextlib.contextmanager
def locked(name: str, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lock of a name; wait for other promotions, which take a moment.

    Raises:
        Locked: another process holds it for longer than `wait_s`.
    """
    folder, until = folder_of(name), time.monotonic() + wait_s
    while True:
        try:
            descriptor = take(folder / "lock", folder)
            break
        except Locked:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
    try:
        yield
    finally:
        os.close(descriptor)


def read(name: str) -> list[Entry]:
    """All decisions about a name, oldest first; none for a name without history.

    Raises:
        IntegrityError: the file is damaged; names the line.
    """
    path = folder_of(name) / "history.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(Entry.from_json(json.loads(line)))
        except (ValueError, TypeError, AttributeError) as error:
            raise IntegrityError(
                f"{path}:{number}: expected a decision as JSON. Got something else ({error}). "
                "Restore the file from a copy, or delete it: MLflow's alias is then taken as it stands."
            ) from None
    return entries


def append(name: str, action: Action, **values: Any) -> Entry:
    """Add a decision; call with the lock held.

    Args:
        name: registered name.
        action: of the entry.
        values: fields of `Entry` but for its number and time.
    """
    entries = read(name)
    entry = Entry(
        number=len(entries) + 1,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        action=action,
        **values,
    )
    lines = [json.dumps(each.to_json(), ensure_ascii=False, sort_keys=True) for each in (*entries, entry)]
    folder = folder_of(name)
    make_folder(folder)
    atomic_write(folder / "history.jsonl", ("\n".join(lines) + "\n").encode())
    return entry


def mirrored(name: str) -> int:
    """How many entries MLflow has been told."""
    try:
        return int(json.loads((folder_of(name) / "mirrored.json").read_bytes())["entries"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0


def set_mirrored(name: str, entries: int) -> None:
    """Note how many entries MLflow has been told."""
    atomic_write(folder_of(name) / "mirrored.json", json.dumps({"entries": entries}).encode())


def previous_champion(entries: Sequence[Entry]) -> str:
    """The version that was champion before the one that is; "" if there was none."""
    current = entries[-1].champion if entries else ""
    for entry in reversed(entries):
        if entry.champion == current and entry.before != current:
            return entry.before
    return ""
