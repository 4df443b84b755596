"""Where a training that was killed goes on: its last state, kept until its model is written."""

import hashlib
import os
import time
from types import TracebackType

from elman.data.store import lock
from elman.data.store.disk import atomic_write, disk
from elman.rnn.errors import TrainingError
from elman.rnn.training import checkpoints
from elman.rnn.training.state import State
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import home

EVERY_S = 30.0


class Checkpoint:
    """The checkpoint of one training, `training/KEY` in the home folder, and the lock on it.

    One file: the sha256 of what follows (32 bytes), then `rnn.training.checkpoints`' bytes. It stays when the process
    is killed or interrupted, and goes when the `with` block ends or the training has failed.

    Args:
        key: of all the training depends on.
        every_s: seconds between two writes at least; 0 writes after every step.

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
        if error is None or isinstance(error, TrainingError):
            disk.remove(self.folder)
        os.close(self._lock)

    def load(self) -> State | None:
        """The state to go on from; None where there is none, or where it is damaged, which is said."""
        if not self.path.is_file():
            return None
        raw = self.path.read_bytes()
        if hashlib.sha256(raw[32:]).digest() != raw[:32]:
            print_status(f"{self.path}: the checkpoint is damaged; the training starts anew.")
            return None
        state, _ = checkpoints.from_bytes(raw[32:])
        print_status(
            f"Going on where an earlier run stopped: epoch {state.epoch + 1}, step {state.adam.step}."
        )
        return state

    def save(self, state: State) -> None:
        """Write the state if the last write is long enough ago, or if the training is over."""
        if state.finished or time.monotonic() - self._written >= self.every_s:
            raw = checkpoints.to_bytes(state)
            atomic_write(self.path, hashlib.sha256(raw).digest() + raw)
            self._written = time.monotonic()
