"""Advisory lock on a file, which the kernel frees when its process ends in any way."""

import fcntl
import os
import socket
from pathlib import Path

from elman.data.errors import Locked
from elman.data.store.disk import make_folder

VANISHED = 100  # how often its folder may vanish under our hands before it counts as one that cannot be made


def take(path: Path, place: Path) -> int:
    """Take a lock and write its holder into its file.

    Args:
        path: the file, made if it does not exist; the holder may remove it before it frees the lock.
        place: the folder it guards, for the message.

    Returns:
        The file descriptor that holds it; closing it frees the lock.

    Raises:
        Locked: another run holds it.
        OSError: its folder cannot be made.
    """
    vanished = 0
    while True:
        try:
            make_folder(path.parent)
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # the holder has just finished and removed the folder
            vanished += 1
            if vanished == VANISHED:
                raise
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same(path, fd):
                os.ftruncate(fd, 0)
                os.pwrite(fd, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
                return fd
            os.close(fd)  # the holder removed the file before we got the lock on it
        except BlockingIOError:
            holder = os.pread(fd, 200, 0).decode(errors="replace") or "another run"
            os.close(fd)
            raise Locked(
                f"{place}: expected no other run writing here. Got {holder}. "
                "Wait until it has ended, or stop it; then run the same command again."
            ) from None
        except BaseException:
            os.close(fd)
            raise


def _same(path: Path, fd: int) -> bool:
    """Return True if a path still names the open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False
