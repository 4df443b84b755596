"""SpooledSequence of a sequence beside memory: many lie in a file without a name, and are read where they are used.

held = SpooledSequence(folder)
for piece in ...: held.add(piece)
bases = held.text()                # a str, or something whose slices are
"""

import os
import tempfile
from pathlib import Path
from typing import IO

MEMORY_LIMIT = 1 << 24  # letters of a sequence that memory holds
_WRITE_SIZE = 1 << 20  # letters that are written together


class SequenceFile:
    """SpooledSequence in a file: of a str it has the length, and slices, which are one."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._length = file, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> str:
        return _part(self._file, part, self._length).decode("ascii")


Bases = str | SequenceFile


class SpooledSequence:
    """SpooledSequence as they come in; of more than MEMORY_LIMIT all but the last go to a file.

    Args:
        folder: where that file is made; None where all are to be held.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._held = bytearray()
        self._file: IO[bytes] | None = None
        self._written = 0

    def __len__(self) -> int:
        return self._written + len(self._held)

    def add(self, more: bytes | bytearray) -> None:
        """Take in the next letters."""
        self._held += more
        if self._folder is not None and len(self._held) >= (_WRITE_SIZE if self._written else MEMORY_LIMIT):
            self._write()

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (lives on)
        self._file.write(self._held)
        self._file.flush()
        self._written += len(self._held)
        self._held.clear()

    def __getitem__(self, part: slice) -> bytes:
        """Some of them, of all that came in."""
        if self._file is None:
            return bytes(self._held[part])
        self._write()
        return _part(self._file, part, len(self))

    def text(self) -> Bases:
        """All of them. They are not held twice: after this there are none here."""
        if self._file is None:
            text = self._held.decode("ascii")
            self._held.clear()
            return text
        self._write()
        return SequenceFile(self._file, self._written)


def _part(file: IO[bytes], part: slice, length: int) -> bytes:
    low, high, _ = part.indices(length)
    return os.pread(file.fileno(), max(high - low, 0), low)
