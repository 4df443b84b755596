"""Registered model versions, read from the file of MLflow's database without loading MLflow."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from elman.data.errors import IntegrityError
from elman.tasks.runtime.mlflow_connection import tracking_uri

_DELETED = "Deleted_Internal"  # stage that MLflow gives a deleted version


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version of a registered model.

    Attributes:
        name: of the registered model.
        version: its number as MLflow counts.
        model: name of the model folder; "" if it was not registered by `elman train`.
        passport: sha256 of its passport.json, likewise.
        aliases: that stand at it.
        mlflow_run_id: of the run that made the model, "" if MLflow knows none.
    """

    name: str
    version: str
    model: str = ""
    passport: str = ""
    aliases: tuple[str, ...] = ()
    mlflow_run_id: str = ""

    @property
    def uri(self) -> str:
        """The version as commands take it."""
        return f"models:/{self.name}/{self.version}"


def registry_file() -> Path | None:
    """The file of MLflow's database; None if the registry is on a server or in another store."""
    uri = tracking_uri()
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def registered_versions() -> list[RegisteredVersion]:
    """All registered versions, by name and number; none where the registry is no file, or not there yet.

    Raises:
        IntegrityError: the database cannot be read.
    """
    path = registry_file()
    if path is None or not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10)) as database:
            return _read(database)
    except sqlite3.Error as error:
        raise IntegrityError(
            f"{path}: expected MLflow's database. Got something else ({error}). Restore the file, or move it "
            "away to begin a new one: models stay usable by folder and version."
        ) from None


def _read(database: sqlite3.Connection) -> list[RegisteredVersion]:
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"model_versions", "model_version_tags", "registered_model_aliases"} <= tables:
        return []  # nothing has been logged yet
    tags: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    wanted = "SELECT name, version, key, value FROM model_version_tags WHERE key IN (?, ?)"
    for name, version, key, value in database.execute(wanted, ("elman.model", "elman.passport")):
        tags[name, str(version)][key] = value
    aliases = defaultdict(list)
    for name, version, alias in database.execute("SELECT name, version, alias FROM registered_model_aliases"):
        aliases[name, str(version)].append(alias)
    rows = database.execute("SELECT name, version, run_id, current_stage FROM model_versions ORDER BY 1, 2")
    return [
        RegisteredVersion(
            name=name,
            version=str(version),
            model=tags[name, str(version)].get("elman.model", ""),
            passport=tags[name, str(version)].get("elman.passport", ""),
            aliases=tuple(sorted(aliases[name, str(version)])),
            mlflow_run_id=run_id or "",
        )
        for name, version, run_id, stage in rows.fetchall()
        if stage != _DELETED
    ]
