"""Sound as a corpus keeps it, one channel of signed 16 bits, little-endian: in memory or in a file."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

BLOCK_BYTES = 1 << 17


class PcmFile:
    """Sound in a temporary file, which goes with this object.

    Args:
        folder: of the file.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed with this object
        self._size = 0

    def __len__(self) -> int:
        """Bytes."""
        return self._size

    def append(self, part: bytes) -> None:
        """Add bytes at the end."""
        self._file.write(part)
        self._size += len(part)

    def read(self, begin: int, size: int) -> bytes:
        """Bytes from one on, fewer at the end."""
        self._file.flush()
        return os.pread(self._file.fileno(), min(size, self._size - begin), begin)


Pcm: TypeAlias = bytes | PcmFile


def pcm_blocks(sound: Pcm) -> Iterator[bytes]:
    """Sound in blocks of BLOCK_BYTES at most."""
    for begin in range(0, len(sound), BLOCK_BYTES):
        if isinstance(sound, PcmFile):
            yield sound.read(begin, BLOCK_BYTES)
        else:
            yield sound[begin : begin + BLOCK_BYTES]


def pcm_bytes(sound: Pcm) -> bytes:
    """Sound in memory as a whole."""
    return sound.read(0, len(sound)) if isinstance(sound, PcmFile) else sound
