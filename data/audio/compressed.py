"""FLAC (RFC 9639) and OGG (RFC 3533, with Vorbis or Opus): decoded by libsndfile through soundfile.

soundfile is the extra `speech`; without it these files are refused with the command that installs it.
"""

import importlib
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from elman.data.audio.clips import BadAudio, Samples, checked_form, mixed_down
from elman.data.errors import UsageError

BLOCK_FRAMES = 1 << 17
_LAST_PAGE_BYTES = 1 << 17  # of an OGG file in which its last page begins; a page has at most 65,307
_END = 4  # bit of a page's flags: the last of its stream
_AGAIN = "Fetch it or record it again."


def is_compressed(head: bytes) -> bool:
    """Return True if a file that begins with these bytes is FLAC or OGG."""
    return head[:4] in (b"fLaC", b"OggS")


class CompressedFile:
    """An opened FLAC or OGG file; see `clips.AudioFile`.

    Args:
        stream: can seek; read from its beginning.

    Raises:
        BadAudio: the file cannot be read.
        UsageError: soundfile is not installed.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._soundfile = _soundfile()
        stream.seek(0)
        if stream.read(4) == b"OggS":
            _check_last_page(stream)
        stream.seek(0)
        try:
            self._file = self._soundfile.SoundFile(stream)
        except (self._soundfile.LibsndfileError, RuntimeError) as error:
            raise _damaged(error) from None
        self.rate, self.channels, self.frames = self._file.samplerate, self._file.channels, self._file.frames
        checked_form(self.rate, self.channels, self.frames)

    def blocks(self) -> Iterator[Samples]:
        """All samples in order; see `clips.AudioFile`."""
        done = 0
        while done < self.frames:
            try:
                if not done:
                    self._file.seek(0)
                frames = self._file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
            except (self._soundfile.LibsndfileError, RuntimeError) as error:
                raise _damaged(error) from None
            if not len(frames):
                got = f"{done:,}"
                raise BadAudio("truncated", f"{self.frames:,} samples of a channel", got=got, todo=_AGAIN)
            done += len(frames)
            yield mixed_down(np.asarray(frames, np.float32))


def _soundfile() -> Any:
    """The module soundfile.

    Raises:
        UsageError: it is not installed, or lacks its library.
    """
    try:
        return importlib.import_module("soundfile")
    except (ImportError, OSError) as error:
        raise UsageError(
            f'expected soundfile, which reads FLAC and OGG. Got {error}. Run: pip install "elman[speech]"'
        ) from None


def _damaged(error: Exception) -> BadAudio:
    got = f"one that is cut off, damaged or encoded in another way ({str(error)[:200]})"
    return BadAudio("invalid-audio", "a whole file of FLAC, Vorbis or Opus", got=got, todo=_AGAIN)


def _check_last_page(stream: BinaryIO) -> None:
    """Check that an OGG file ends with the last page of its stream; the decoder would just end early.

    Raises:
        BadAudio: it does not.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(size - _LAST_PAGE_BYTES, 0))
    tail = stream.read()
    at = tail.rfind(b"OggS")
    page = tail[at:] if at >= 0 else b""
    whole = len(page) >= 27 and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])
    if not whole or not page[5] & _END:
        raise BadAudio("truncated", "a last page at the end of the file", got="none", todo=_AGAIN)
