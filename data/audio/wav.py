"""WAV: chunks found here, samples decoded by SciPy, a block at a time.

Format: RIFF WAVE (Multimedia Programming Interface and Data Specifications 1.0, 1991), its big-endian form
RIFX, WAVE_FORMAT_EXTENSIBLE, and RF64 for more than 4 GiB (EBU Tech 3306,
https://tech.ebu.ch/docs/tech/tech3306v1_1.pdf).

Lengths: a file must hold what its header states. A program that writes to a pipe cannot know the length and
states 0xFFFFFFFF (FFmpeg), 0x7FFFF000 (SoX, espeak-ng) or so, and a recorder that was stopped may have left
0: the sound of such files goes to their end. Bytes after the sound that are no chunk would be lost, so a file
that has them is refused.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from elman.data.audio.clips import BadAudio, Samples, checked_form, mixed_down

BLOCK_BYTES = 1 << 20
_UNSTATED = 0x7FFFF000  # stated lengths from here on mean: to the end of the file
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_GUID_TAILS = (  # after the number, in a GUID that stands for one of the other encodings (RFC 2361)
    b"\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71",
    b"\x00\x00\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71",  # big-endian
)
_NAMES = {2: "ADPCM", 6: "A-law", 7: "mu-law", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x50: "MPEG", 0x55: "MP3"}
_AGAIN = "Fetch it or record it again."
_CONVERT = "Convert it with a program for sound, to WAV of 16 bits for example."


def is_wav(head: bytes) -> bool:
    """Return True if a file that begins with these bytes is WAV."""
    return head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE"


def to_wav(samples: npt.NDArray[np.int16], rate: int) -> bytes:
    """A WAV file of one channel of 16 bits.

    Args:
        samples: (N,)
        rate: of them, a second.
    """
    from scipy.io import wavfile

    out = io.BytesIO()
    wavfile.write(out, rate, samples)
    return out.getvalue()


@dataclass(frozen=True)
class _Chunks:
    """Chunks of a file: content of `fmt `; first byte and size, in bytes, of the sound."""

    fmt: bytes
    begin: int
    size: int


class WavFile:
    """An opened WAV file; see `clips.AudioFile`.

    Args:
        stream: can seek; read from its beginning.

    Raises:
        BadAudio: the header cannot be used, or the file ends before it says.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        stream.seek(0)
        self._big = stream.read(4) == b"RIFX"
        self._order = ">" if self._big else "<"
        chunks = self._chunks(stream.seek(0, io.SEEK_END))
        self._fmt, self._begin = chunks.fmt, chunks.begin
        tag, self.channels, self.rate, _, self._align, bits = struct.unpack(
            f"{self._order}HHIIHH", chunks.fmt[:16]
        )
        self._check_encoding(self._encoding(tag), bits)
        self.frames, rest = divmod(chunks.size, self._align)
        if rest:
            got = f"{chunks.size:,} bytes, which end within a sample"
            raise BadAudio("truncated", f"whole samples of {self._align} bytes", got=got, todo=_AGAIN)
        checked_form(self.rate, self.channels, self.frames)

    def blocks(self) -> Iterator[Samples]:
        """All samples in order; see `clips.AudioFile`."""
        step = max(BLOCK_BYTES // self._align, 1)
        for first in range(0, self.frames, step):
            count = min(step, self.frames - first)
            self._stream.seek(self._begin + first * self._align)
            raw = self._stream.read(count * self._align)
            if len(raw) < count * self._align:
                got = f"{len(raw):,} bytes"
                raise BadAudio("truncated", f"{count * self._align:,} bytes", got=got, todo=_AGAIN)
            yield mixed_down(self._decoded(raw).reshape(count, self.channels))

    def _decoded(self, raw: bytes) -> npt.NDArray[np.float32]:
        """Samples of some bytes, which SciPy gets as a file of their own."""
        from scipy.io import wavfile

        u32 = f"{self._order}I"
        body = b"WAVEfmt " + struct.pack(u32, len(self._fmt)) + self._fmt
        body += b"data" + struct.pack(u32, len(raw)) + raw
        name = b"RIFX" if self._big else b"RIFF"
        try:
            _, samples = wavfile.read(io.BytesIO(name + struct.pack(u32, len(body)) + body))
        except ValueError as error:
            raise BadAudio("invalid-audio", "a header of WAV", got=str(error)[:200], todo=_CONVERT) from None
        scaled: npt.NDArray[np.float32]
        if samples.dtype.kind == "f":
            with np.errstate(over="ignore"):
                scaled = samples.astype(np.float32)
        elif samples.dtype == np.uint8:
            scaled = (samples.astype(np.float32) - 128) / 128
        else:
            scaled = samples.astype(np.float32) / np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
        return scaled

    def _chunks(self, size: int) -> _Chunks:
        """Walk through the chunks of a file of a size in bytes."""
        fmt, begin, length, long_size, at = b"", -1, 0, None, 12
        while at + 8 <= size:
            self._stream.seek(at)
            name, stated = struct.unpack(f"{self._order}4sI", self._stream.read(8))
            if name == b"ds64" and stated >= 16:
                long_size = struct.unpack("<Q", self._stream.read(16)[8:].ljust(8, b"\0"))[0]
            elif name == b"data" and begin < 0:
                begin, length = at + 8, self._stated(stated, long_size, at + 8, size)
                stated = length
            elif begin >= 0 and (at + 8 + stated > size or not all(32 <= byte < 127 for byte in name)):
                got = f"{size - at:,} bytes more that are no chunk"
                expected = f"a file whose header states its length, {length:,} bytes of sound"
                raise BadAudio("invalid-audio", expected, got=got, todo=_CONVERT)
            elif name == b"fmt " and begin < 0:
                fmt = self._stream.read(min(stated, 40))
                fmt = fmt[:16] if len(fmt) < 40 else fmt
            at += 8 + stated + stated % 2
        if len(fmt) < 16 or begin < 0:
            got = "one without a chunk `fmt `" if len(fmt) < 16 else "one without a chunk `data`"
            raise BadAudio("truncated", "a header of WAV", got=got, todo=_AGAIN)
        return _Chunks(fmt, begin, length)

    def _stated(self, stated: int, long_size: int | None, begin: int, size: int) -> int:
        """Bytes of sound, of which the header states so many, from byte `begin` of a file of a size."""
        left = size - begin
        if long_size is not None and stated == 0xFFFFFFFF:
            stated = long_size
        elif stated > max(left, _UNSTATED - 1) or (stated == 0 and self._never_finished(begin)):
            return left
        if stated > left:
            expected = f"{stated:,} bytes of sound, as the header says"
            raise BadAudio("truncated", expected, got=f"{left:,}", todo=_AGAIN)
        return stated

    def _never_finished(self, begin: int) -> bool:
        """Return True if the length of the whole file was left open, too, or ends where the sound begins."""
        self._stream.seek(4)
        whole: int = struct.unpack(f"{self._order}I", self._stream.read(4))[0]
        return whole >= _UNSTATED or whole + 8 <= begin

    def _encoding(self, tag: int) -> int:
        """Number of the encoding; that of an extensible format stands in its GUID."""
        if tag == _EXTENSIBLE and len(self._fmt) == 40 and self._fmt[28:] in _GUID_TAILS:
            return int(struct.unpack(f"{self._order}I", self._fmt[24:28])[0])
        return tag

    def _check_encoding(self, encoding: int, bits: int) -> None:
        """Check that SciPy decodes the samples.

        Raises:
            BadAudio: it does not.
        """
        container = self._align // self.channels if self.channels else 0
        if encoding not in (_PCM, _FLOAT):
            got = f"{_NAMES.get(encoding, 'an encoding')} (number {encoding:#06x})"
            raise BadAudio("unknown-encoding", "PCM or floats", got=got, todo=_CONVERT)
        sizes = (4, 8) if encoding == _FLOAT else range(1, 9)
        fits = 8 * container == bits if encoding == _FLOAT else 0 < bits <= 8 * container
        if container * self.channels != self._align or container not in sizes or not fits:
            got = f"{bits} bits in {self._align} bytes for {self.channels} channels"
            raise BadAudio("unknown-encoding", "samples of 8 to 64 bits", got=got, todo=_CONVERT)
        if bits <= 8 and container != 1:
            got = f"{bits} bits in {container} bytes"
            raise BadAudio("unknown-encoding", "samples of 8 bits in one byte", got=got, todo=_CONVERT)
