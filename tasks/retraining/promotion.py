"""Promotion: a version becomes champion by compare-and-set, entered in the history, then mirrored to MLflow.

The test set is the test split of the sources of the first champion's corpus, identified by content; each
later champion inherits it, so scores stay comparable when the corpus grows and files are renamed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elman.data.errors import BadInput
from elman.tasks.models import model_folder
from elman.tasks.retraining import history
from elman.tasks.retraining.gate import Check
from elman.tasks.retraining.history import Action, Entry
from elman.tasks.runtime import registry
from elman.tasks.runtime.artifacts import publish_event
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.registry import INFRASTRUCTURE, PASSED, Version

VERDICT, JUDGED_BY = "elman.verdict", "elman.judged_by"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A change of the champion that is asked for.

    Attributes:
        name: registered name.
        version: to become champion.
        judged_against: the champion it was compared with, "" for none; another one by now refuses it.
        why: reason in words.
        action: for the history, if it is done.
        checks: of the gates.
        passed: False refuses it, with `why`.
    """

    name: str
    version: str
    judged_against: str
    why: str
    action: Action = "promoted"
    checks: Sequence[Check] = ()
    passed: bool = True


def champion_of(name: str) -> str:
    """The champion's version, "" if there is none, after history and MLflow have been brought together."""
    with history.locked(name):
        return _champion(settle(name))


def entries_of(name: str) -> list[Entry]:
    """The history of a name, after it and MLflow have been brought together."""
    with history.locked(name):
        return settle(name)


def change(decision: Decision) -> Entry:
    """Enter a decision in the history and, if it is done, move the alias in MLflow.

    Returns:
        The entry, with its reason: done, refused, or outdated if the champion is no longer the version it was
        judged against.
    """
    name, version = decision.name, decision.version
    with history.locked(name):
        entries = settle(name)
        before, found = _champion(entries), find_version(name, version)
        action, why, champion = decision.action, decision.why, version
        if not decision.passed:
            action, champion = "refused", before
        elif before != decision.judged_against:
            action, champion = "outdated", before
            why = (
                f"version {version} was judged against {_named(decision.judged_against)}, "
                f"but the champion is {_named(before)} by now; judge it again"
            )
        entry = history.append(
            name,
            action,
            version=version,
            before=before,
            champion=champion,
            why=why,
            model=found.tags.get("elman.model", ""),
            judged_by="" if action in ("refused", "outdated") else _judged_by(entries, found),
            checks=[check.to_json() for check in decision.checks],
        )
        _tell(name, entry)
    return entry


def settle(name: str) -> list[Entry]:
    """Bring history and MLflow together, with the lock held; the history's entries.

    An entry that MLflow was not told, because the process was killed or MLflow was away, is told now. An
    alias that was moved by another hand, in MLflow's pages say, becomes an entry of its own.
    """
    entries, told = history.read(name), history.mirrored(name)
    for entry in entries[told:]:
        _mirror(name, entry)
        history.set_mirrored(name, entry.number)
    alias = registry.champion(name)
    if alias is None or alias.version == _champion(entries):
        return entries
    if entries:
        why = "MLflow's alias was moved by another hand"
    elif alias.tags.get(INFRASTRUCTURE) == PASSED:
        why = "the first model becomes champion"
    else:
        why = "champion before the history began"
    entry = history.append(
        name,
        "found",
        version=alias.version,
        before=_champion(entries),
        champion=alias.version,
        why=why,
        model=alias.tags.get("elman.model", ""),
        judged_by=_judged_by(entries, alias),
    )
    _tell(name, entry)
    return [*entries, entry]


def _tell(name: str, entry: Entry) -> None:
    """Tell MLflow of a new entry; where it fails, the next command tells it."""
    try:
        _mirror(name, entry)
        history.set_mirrored(name, entry.number)
    except Exception as error:  # whatever MLflow raises: the decision stands in our own file
        print_status(f"{name}: MLflow was not told of the decision ({error}); the next command tells it.")


def _mirror(name: str, entry: Entry) -> None:
    """Tell MLflow of an entry; telling it twice changes nothing."""
    if entry.done:
        registry.set_version_tag(name, entry.version, JUDGED_BY, entry.judged_by)
        registry.promote(name, entry.version, entry.why)
        publish_event(
            "elman.promoted", f"elman.model.{name}", {"version": entry.version, "action": entry.action}
        )
    else:
        registry.set_version_tag(name, entry.version, "elman.why", entry.why)
    if entry.action != "outdated":
        registry.set_version_tag(name, entry.version, VERDICT, "promoted" if entry.done else "kept out")


def _champion(entries: Sequence[Entry]) -> str:
    return entries[-1].champion if entries else ""


def _named(version: str) -> str:
    return f"version {version}" if version else "no champion"


def _judged_by(entries: Sequence[Entry], found: Version) -> str:
    """The version whose corpus gives the frozen test set: that of the first champion, which all inherit."""
    for entry in reversed(entries):
        if entry.judged_by:
            return entry.judged_by
    return found.tags.get(JUDGED_BY, found.version)


def find_version(name: str, version: str) -> Version:
    """A registered version.

    Raises:
        BadInput: there is none.
    """
    known = registry.versions(name)
    for found in known:
        if found.version == version:
            return found
    listed = ", ".join(each.version for each in known) or "none"
    raise BadInput(
        f"a version of {name}: {listed}",
        got=version,
        todo="`elman history NAME` and MLflow's pages list the versions.",
    )


def folder_of_version(name: str, version: str) -> Path:
    """The model folder of a registered version."""
    return registry.resolve_model(f"models:/{name}/{version}")


def rollback(name: str, version: str | None, why: str = "") -> Entry:
    """Make an earlier version champion again, if the hashes of its files hold.

    Args:
        name: registered name.
        version: by default the champion before this one.
        why: reason, for the history.

    Raises:
        BadInput: there is no such version, or no earlier champion.
        IntegrityError: a file of it is missing or changed.
    """
    entries = entries_of(name)
    current = _champion(entries)
    target = version or history.previous_champion(entries)
    if not target:
        raise BadInput(
            "a champion before this one",
            got=f"none: {name} has had {_named(current)} alone",
            todo="Name a version: `elman rollback NAME VERSION`.",
        )
    find_version(name, target)
    if target == current:
        raise BadInput("another version than the champion", got=target, todo="It is champion already.")
    model_folder.read(folder_of_version(name, target))
    reason = why or f"rolled back from version {current}"
    return change(
        Decision(name=name, version=target, judged_against=current, why=reason, action="rolled back")
    )
