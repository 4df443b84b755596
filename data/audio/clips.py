"""Clips of sound as readers give them and as a corpus keeps them, and the errors of files that are none."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from elman.data.audio.pcm import Pcm
from elman.data.errors import BadInput

Samples = npt.NDArray[np.float32]  # (N,), one channel, full scale is -1 to 1

LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000  # samples a second that are read
MOST_CHANNELS = 64
LOUDEST = 4.0  # of floating-point samples: beyond it they are taken for another unit, not for clipping

REASONS = {  # of `BadAudio`
    "empty-file": "a file of no bytes",
    "no-audio": "a file of sound without a sample, or one that holds no sound at all",
    "truncated": "a file that ends before its header says, or in the middle of a sample",
    "unknown-encoding": "samples encoded in another way than PCM of 8 to 64 bits or IEEE floats",
    "invalid-audio": "a header that contradicts itself or the file, a rate that no recorder has, "
    "or samples that are no numbers",
}


class BadAudio(BadInput):
    """A file whose sound cannot be read; `reason` is a key of `REASONS`."""

    def __init__(self, reason: str, expected: str, *, got: str, todo: str) -> None:
        super().__init__(expected, got=got, todo=todo)
        self.reason = reason


@dataclass(frozen=True)
class Clip:
    """A clip in memory.

    Attributes:
        samples: (N,) float32 in [-1, 1], channels mixed down.
        rate: of `samples`, a second.
        source_rate: of the file.
        channels: of the file.
    """

    samples: Samples
    rate: int
    source_rate: int
    channels: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class SpokenClip:
    """A clip with what is known of it, as formats of speech give it and a corpus keeps it.

    Attributes:
        id: unique in its source.
        source: name of it.
        audio: samples as `to_pcm` gives them; in a file if they are many and the reader has a folder for it.
        sample_rate: of `audio`, a second.
        text: what is said, "" for nothing; None where it is not known.
        speaker: None where it is not known.
        split: train, dev or test, where the source says it.
        byte_offset: where the record begins in the source.
        line: of the source, from 1; None where the format has no lines.
    """

    id: str
    source: str
    audio: Pcm
    sample_rate: int
    text: str | None = None
    speaker: str | None = None
    split: str | None = None
    byte_offset: int = 0
    line: int | None = None

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.audio) // 2


def to_pcm(samples: Samples) -> bytes:
    """Samples in [-1, 1] as integers of 16 bits, little-endian; those of a file of 16 bits stay exact."""
    return np.clip(np.round(samples * np.float32(32768)), -32768, 32767).astype("<i2").tobytes()


def from_pcm(audio: bytes) -> Samples:
    """Samples, (N,) float32 in [-1, 1], of `to_pcm`."""
    return np.frombuffer(audio, "<i2").astype(np.float32) / np.float32(32768)


class AudioFile(Protocol):
    """An opened file of sound.

    rate: samples a second; channels: of the file, mixed down by `blocks`; frames: samples of each channel.
    """

    @property
    def rate(self) -> int: ...  # noqa: D102
    @property
    def channels(self) -> int: ...  # noqa: D102
    @property
    def frames(self) -> int: ...  # noqa: D102

    def blocks(self) -> Iterator[Samples]:
        """All samples in order, at most a few MiB at a time.

        Raises:
            BadAudio: the samples cannot be read.
        """
        ...


def checked_form(rate: int, channels: int, frames: int) -> None:
    """Check what the header of a file says.

    Raises:
        BadAudio: it has no samples, or no recorder makes it.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE or not 1 <= channels <= MOST_CHANNELS:
        raise BadAudio(
            "invalid-audio",
            f"{LOWEST_RATE:,} to {HIGHEST_RATE:,} samples a second in 1 to {MOST_CHANNELS} channels",
            got=f"{rate:,} samples a second in {channels} channels",
            todo="Convert it with a program for sound, to WAV of 16 bits for example.",
        )
    if frames == 0:
        todo = "Record it again, or leave it out."
        raise BadAudio("no-audio", "samples", got="a header without a sample after it", todo=todo)


def mixed_down(frames: npt.NDArray[np.float32]) -> Samples:
    """Mean of the channels of frames (N, channels), limited to -1 to 1.

    Raises:
        BadAudio: a sample is no number, or far beyond full scale.
    """
    mono: Samples = frames[:, 0].copy()
    for channel in range(1, frames.shape[1]):
        mono += frames[:, channel]
    mono /= np.float32(frames.shape[1])
    loudest = float(max(frames.max(), -frames.min()))
    if not loudest <= LOUDEST:
        raise BadAudio(
            "invalid-audio",
            f"samples of at most {LOUDEST:g}, where 1 is full scale",
            got=f"{loudest:g}",
            todo="Scale them to -1 to 1.",
        )
    return np.clip(mono, -1.0, 1.0)
