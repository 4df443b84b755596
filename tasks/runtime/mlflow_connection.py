"""The connection to MLflow: tracking address, reachability, local database."""

import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from elman.data.errors import ElmanError
from elman.tasks.runtime.environment import home


class TrackingError(ElmanError):
    """MLflow is needed for what was asked and does not answer, or does not know the name."""


def tracking_uri() -> str:
    """Where runs are sent: MLFLOW_TRACKING_URI, or a SQLite file in the home folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow' / 'mlflow.db'}"


def connect() -> Any:
    """Load MLflow, pointed at the tracking store.

    Raises:
        TrackingError: the server cannot be reached; found out in seconds, before MLflow's own long retries.
    """
    uri = tracking_uri()
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), timeout=3).close()
        except OSError as error:
            raise TrackingError(f"{uri} does not answer ({error})") from None
    elif parts.scheme == "sqlite":
        _make_database(Path(uri.removeprefix("sqlite:///")))
    import mlflow

    if mlflow.get_tracking_uri() != uri:
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
    return mlflow


def _make_database(path: Path) -> None:
    if path.exists():
        return
    import sqlite3

    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")  # several commands and the UI on one file
