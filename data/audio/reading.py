"""Files of sound to samples: `read_clip` for one that fits in memory, `clip_blocks` for any.

WAV is read by SciPy, FLAC and OGG by soundfile (the extra `speech`). What is stated of clips of all kinds:

- Channels are mixed down to their mean; integers are divided by full scale; the rate is changed as asked.
- Nothing is cut off: silence before, after and between words stays, and a clip may be of any length.
- Silence is sound like any other; only a file without a single sample is refused.
- Clipped samples, those at full scale, stay as they are; floats beyond full scale are limited to it, and
  refused where they are beyond four times of it, which is another unit rather than loud.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from elman.data.audio.clips import AudioFile, BadAudio, Clip, Samples
from elman.data.audio.compressed import CompressedFile, is_compressed
from elman.data.audio.resampling import resample, resample_blocks
from elman.data.audio.wav import WavFile, is_wav

DEFAULT_RATE = 8_000  # samples a second of the features: telephone speech
_IN_MEMORY = 64 << 20  # bytes of a stream that cannot seek; a longer one goes to a temporary file


def is_audio(head: bytes) -> bool:
    """Return True if a file that begins with these bytes (12 at least) can be read."""
    return is_wav(head) or is_compressed(head)


@contextlib.contextmanager
def open_audio(file: Path | BinaryIO) -> Iterator[AudioFile]:
    """Open a file of sound, or a stream of its bytes.

    Raises:
        BadAudio: it cannot be read; see `clips.REASONS`.
        UsageError: it is FLAC or OGG, and soundfile is not installed.
    """
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        if not stream.seekable():
            copy = stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))
            shutil.copyfileobj(stream, copy)
            stream = cast(BinaryIO, copy)
        stream.seek(0)
        head = stream.read(12)
        if not head:
            todo = "Fetch it or record it again."
            raise BadAudio("empty-file", "a file of sound", got="one of no bytes", todo=todo)
        if is_wav(head):
            yield WavFile(stream)
        elif is_compressed(head):
            yield CompressedFile(stream)
        else:
            got = f"one that begins with {head!r}"
            todo = "Convert it with a program for sound, to WAV of 16 bits for example."
            raise BadAudio("no-audio", "WAV, FLAC or OGG", got=got, todo=todo)


def read_clip(file: Path | BinaryIO, rate: int | None = DEFAULT_RATE) -> Clip:
    """Read a clip into memory: 4 bytes a sample.

    Args:
        file: WAV, FLAC or OGG.
        rate: samples a second of the result; None for that of the file.

    Raises:
        BadAudio, UsageError: see `open_audio`.
    """
    with open_audio(file) as audio:
        to = rate or audio.rate
        samples = np.concatenate(list(audio.blocks()))
        return Clip(resample(samples, audio.rate, to), to, audio.rate, audio.channels)


def clip_blocks(file: Path | BinaryIO, rate: int | None = DEFAULT_RATE) -> Iterator[Samples]:
    """Samples of a clip of any length in order, in bounded memory; together they are those of `read_clip`.

    Raises:
        BadAudio, UsageError: see `open_audio`.
    """
    with open_audio(file) as audio:
        yield from resample_blocks(audio.blocks(), audio.rate, rate or audio.rate)
