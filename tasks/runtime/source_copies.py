"""Folder of the temporary copies of sources, in the home, removed when the run that made them ends."""

import contextlib
import os
import socket
import uuid
from collections.abc import Iterator

import psutil

from elman.data.sources.copies import Copies
from elman.tasks.runtime.environment import home

_PREFIX = "sources"


@contextlib.contextmanager
def source_copies() -> Iterator[Copies]:
    """Copies that are removed at the end; those left by killed runs of this machine are removed first."""
    parent = home() / "tmp"
    host = socket.gethostname().replace("-", "_")
    for old in parent.glob(f"{_PREFIX}-{host}-*-*"):
        if not psutil.pid_exists(int(old.name.split("-")[2])):
            Copies(old).remove()
    copies = Copies(parent / f"{_PREFIX}-{host}-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    try:
        yield copies
    finally:
        copies.remove()
