"""A sequence in memory up to MEMORY_LIMIT bases, and in an unnamed file beyond it.

sequence = SpooledSequence(folder)
for block in blocks: sequence.add(block)
bases = sequence.text()            # a str, or a SequenceFile, whose slices are str
"""

import os
import tempfile
from pathlib import Path
from typing import IO

MEMORY_LIMIT = 1 << 24  # bases of a sequence kept in memory
_WRITE_SIZE = 1 << 20  # bases written at once


class SequenceFile:
    """A sequence in a file. Like a str it has a length, and slices that are str."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._length = file, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> str:
        return _read(self._file, part, self._length).decode("ascii")


Bases = str | SequenceFile


class SpooledSequence:
    """A sequence that grows; beyond MEMORY_LIMIT bases it is written to a file, but for its last bases.

    Args:
        folder: where the file is made; None to keep any length in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None
        self._written = 0

    def __len__(self) -> int:
        return self._written + len(self._buffer)

    def add(self, more: bytes | bytearray) -> None:
        """Append bases."""
        self._buffer += more
        if self._folder is not None and len(self._buffer) >= (_WRITE_SIZE if self._written else MEMORY_LIMIT):
            self._write()

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (outlives this call)
        self._file.write(self._buffer)
        self._file.flush()
        self._written += len(self._buffer)
        self._buffer.clear()

    def __getitem__(self, part: slice) -> bytes:
        """A slice of all bases added so far."""
        if self._file is None:
            return bytes(self._buffer[part])
        self._write()
        return _read(self._file, part, len(self))

    def text(self) -> Bases:
        """The whole sequence. It is handed over, not copied: this object is empty afterwards."""
        if self._file is None:
            text = self._buffer.decode("ascii")
            self._buffer.clear()
            return text
        self._write()
        return SequenceFile(self._file, self._written)


def _read(file: IO[bytes], part: slice, length: int) -> bytes:
    low, high, _ = part.indices(length)
    return os.pread(file.fileno(), max(high - low, 0), low)
