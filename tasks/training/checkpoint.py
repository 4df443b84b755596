"""Checkpoint of a training: its last state on disk, from which a killed training continues."""

import hashlib
import os
import time
from types import TracebackType

from elman.data.errors import BadInput
from elman.data.store import lock
from elman.data.store.disk import atomic_write, disk
from elman.rnn.training import checkpoints
from elman.rnn.training.state import State
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import home

EVERY_S = 30.0


class Checkpoint:
    """The checkpoint of one training, `training/KEY` in the home folder, and the lock on it.

    One file: the sha256 of the rest (32 bytes), then the bytes of `rnn.training.checkpoints`. It stays when
    the process is killed or interrupted; it is removed when the `with` block ends or the training fails.

    Args:
        key: hash of everything the training depends on.
        every_s: least seconds between two writes; 0 writes after every update.

    Raises:
        Locked: on entering, the same training is running.
    """

    def __init__(self, key: str, every_s: float = EVERY_S) -> None:
        self.folder, self.every_s = home() / "training" / key[:24], every_s
        self.path = self.folder / "checkpoint"
        self._written = time.monotonic()
        self._lock = -1

    def __enter__(self) -> "Checkpoint":
        self._lock = lock.take(self.folder / "lock", self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, BadInput):
            disk.remove(self.folder)
        os.close(self._lock)

    def load(self) -> State | None:
        """Read the state to continue from; None if there is none, or it is damaged, which is reported."""
        if not self.path.is_file():
            return None
        raw = self.path.read_bytes()
        if hashlib.sha256(raw[32:]).digest() != raw[:32]:
            print_status(f"{self.path}: the checkpoint is damaged; the training starts from the beginning.")
            return None
        state, _ = checkpoints.from_bytes(raw[32:])
        print_status(f"Going on where an earlier run stopped: epoch {state.epoch + 1}, step {state.step}.")
        return state

    def due(self) -> bool:
        """Return True if the last write was at least `every_s` ago."""
        return time.monotonic() - self._written >= self.every_s

    def save(self, state: State) -> None:
        """Write the state if that is due, or if the training is finished."""
        if state.finished or self.due():
            raw = checkpoints.to_bytes(state)
            atomic_write(self.path, hashlib.sha256(raw).digest() + raw)
            self._written = time.monotonic()
