"""Log-mel features: the energy of a sound in bands of the mel scale, a row every 10 ms.

With the samples x[n] in [-1, 1] at a rate of r Hz, a window of W samples every S samples, and an FFT of F
points, the power of two from W on:

    pre-emphasis   y[n] = x[n] - 0.97 x[n - 1], x[-1] = 0
    frame t        z[n] = y[tS + n] (0.54 - 0.46 cos(2 pi n / (W - 1))), n = 0 ... W - 1; a Hamming window
    power          P[t, k] = |sum over n of z[n] exp(-2 pi i k n / F)|^2, k = 0 ... F / 2, at k r / F Hz
    mel scale      m(f) = 2595 log10(1 + f / 700), f in Hz
    band b         a triangle over m; corners m[b], m[b + 1], m[b + 2], evenly spaced from low_hz to high_hz
    features       log(max(sum over k of weight[b, k] P[t, k], floor)), natural logarithm

and, on request, the slope of each band c over five rows, (c[t+1] - c[t-1] + 2 (c[t+2] - c[t-2])) / 10, where
the first and last rows are repeated beyond the ends. Sources: Young et al., The HTK Book 3.4.1, sections 5.2,
5.4 and 5.9 (pre-emphasis and windows, the mel scale, slopes); energies of power rather than magnitude, and
triangles over mel rather than Hz, are those of Kaldi (https://kaldi-asr.org/doc/feat.html).

The last row reaches beyond the end, over zeros, so that no sample is left out: T = 1 + ceil((N - W) / S) rows
for N samples, and one for a clip shorter than a window. A row depends on its own samples alone and has the
same bits wherever the sound is cut into blocks, whatever is computed beside it.
"""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, sparse

from elman.data.audio.clips import Samples
from elman.data.audio.reading import DEFAULT_RATE
from elman.data.audio.resampling import resample_blocks
from elman.data.errors import UsageError

Features = npt.NDArray[np.float32]  # (T, width), a row a frame

_FRAMES, _SAMPLES = 256, 1 << 16  # at a time: what they take stays in the processor's cache
_REACH = 2  # rows on each side that a slope is taken over


@dataclass(frozen=True)
class FeatureSettings:
    """Settings of the features; a model is good for those it was trained with only.

    Attributes:
        rate: samples a second that sound is brought to.
        bands: of the mel scale.
        window_ms, step_ms: length of a frame, and from the beginning of one to that of the next.
        low_hz, high_hz: ends of the bands; None for half the rate.
        pre_emphasis: share of the sample before that is taken off.
        floor: least energy of a band; full scale is 1. The rounding of 16 bits gives about 1e-8.
        deltas: add the slope of each band.

    Raises:
        UsageError: they contradict one another.
    """

    rate: int = DEFAULT_RATE
    bands: int = 40
    window_ms: float = 25.0
    step_ms: float = 10.0
    low_hz: float = 20.0
    high_hz: float | None = None
    pre_emphasis: float = 0.97
    floor: float = 1e-8
    deltas: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.low_hz < self.highest_hz <= self.rate / 2:
            expected = f"bands from 0 Hz at least to {self.rate / 2:g} Hz at most, half the rate"
            raise UsageError(f"expected {expected}. Got {self.low_hz:g} to {self.highest_hz:g} Hz.")
        if self.step < 1 or self.window < 2 or self.floor <= 0:
            got = f"{self.window} samples every {self.step}, floor {self.floor:g}"
            raise UsageError(f"expected windows of 2 samples or more, steps and a floor above 0. Got {got}.")
        if self.bands < 1 or not (_triangles(self) > 0).any(axis=1).all():
            expected = f"at least one band, and one of {self.fft_size // 2 + 1} frequencies in each"
            raise UsageError(f"expected {expected}. Got {self.bands} bands. Take fewer, or a longer window.")

    @property
    def highest_hz(self) -> float:
        """Upper end of the bands."""
        return self.rate / 2 if self.high_hz is None else self.high_hz

    @property
    def window(self) -> int:
        """Samples of a frame, W."""
        return round(self.rate * self.window_ms / 1000)

    @property
    def step(self) -> int:
        """Samples from the beginning of a frame to that of the next, S."""
        return round(self.rate * self.step_ms / 1000)

    @property
    def fft_size(self) -> int:
        """Points of the FFT, F."""
        return 1 << (self.window - 1).bit_length()

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return 2 * self.bands if self.deltas else self.bands

    def frames(self, samples: int) -> int:
        """Number of rows of so many samples at `rate`, T."""
        return min(samples, 1 + math.ceil(max(samples - self.window, 0) / self.step))

    def begin_s(self, frame: int) -> float:
        """Time at which a frame begins, in seconds from the beginning of the clip."""
        return frame * self.step / self.rate

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "FeatureSettings":
        """Settings from `to_json`.

        Raises:
            TypeError: a name is unknown.
        """
        return cls(**values)


def log_mel(samples: Samples, rate: int, settings: FeatureSettings) -> Features:
    """Features of a clip, (T, width) float32.

    Args:
        samples: (N,) float32 in [-1, 1].
        rate: of the samples; they are brought to that of the settings.
        settings: of the features.
    """
    blocks = list(log_mel_blocks([samples], rate, settings))
    return np.concatenate(blocks) if blocks else np.zeros((0, settings.width), np.float32)


def log_mel_blocks(blocks: Iterable[Samples], rate: int, settings: FeatureSettings) -> Iterator[Features]:
    """Features of a clip of any length, in bounded memory; together they are those of `log_mel`, bit for bit.

    Args:
        blocks: the samples in order, cut anywhere, as `reading.clip_blocks` gives them.
        rate: of the samples.
        settings: of the features.

    Yields:
        (t, width) float32, at most some hundred rows.
    """
    rows = _rows(resample_blocks(blocks, rate, settings.rate), settings)
    return _with_deltas(rows) if settings.deltas else rows


def _rows(blocks: Iterable[Samples], settings: FeatureSettings) -> Iterator[Features]:
    """Features without slopes."""
    window, step = settings.window, settings.step
    group = (_FRAMES - 1) * step + window  # samples of so many frames
    held, last = np.zeros(0, np.float32), np.zeros(1, np.float32)
    samples = frames = 0
    pieces = (block[at : at + _SAMPLES] for block in blocks for at in range(0, len(block), _SAMPLES))
    for block in pieces:
        before = np.concatenate([last, block[:-1]])
        last = block[-1:]
        samples += len(block)
        held = np.concatenate([held, block - np.float32(settings.pre_emphasis) * before])
        at = 0
        while at + group <= len(held):
            yield _energies(held[at : at + group], _FRAMES, settings)
            at += _FRAMES * step
            frames += _FRAMES
        held = held[at:]
    rest = settings.frames(samples) - frames
    held = np.pad(held, (0, max((rest - 1) * step + window - len(held), 0)))
    for first in range(0, rest, _FRAMES):
        count = min(_FRAMES, rest - first)
        yield _energies(held[first * step :][: (count - 1) * step + window], count, settings)


def _energies(samples: Samples, count: int, settings: FeatureSettings) -> Features:
    """Logarithms of the energies of so many frames."""
    shape, strides = (count, settings.window), (settings.step * samples.itemsize, samples.itemsize)
    frames = np.lib.stride_tricks.as_strided(samples, shape, strides, writeable=False)
    padded = np.zeros((count, settings.fft_size), np.float32)
    np.multiply(frames, _hamming(settings.window), out=padded[:, : settings.window])
    spectrum = fft.rfft(padded)
    power = spectrum.real**2 + spectrum.imag**2
    energies = _weights(settings) @ power.T  # sparse: a sum has its order whatever the number of frames
    rows: Features = np.log(np.maximum(energies, np.float32(settings.floor))).T
    return rows


@functools.lru_cache(8)
def _hamming(window: int) -> Samples:
    return np.hamming(window).astype(np.float32)


@functools.lru_cache(8)
def _weights(settings: FeatureSettings) -> sparse.csr_array:
    return sparse.csr_array(_triangles(settings).astype(np.float32))


def _triangles(settings: FeatureSettings) -> npt.NDArray[np.float64]:
    """Weights of the frequencies in each band, (bands, F / 2 + 1)."""
    mel = _mel(np.arange(settings.fft_size // 2 + 1) * settings.rate / settings.fft_size)
    lowest, highest = _mel(np.array([settings.low_hz, settings.highest_hz]))
    corners = np.linspace(lowest, highest, settings.bands + 2)[:, None]
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    weights: npt.NDArray[np.float64] = np.minimum(
        (mel - low) / (middle - low), (high - mel) / (high - middle)
    )
    return np.maximum(weights, 0.0)


def _mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    mel: npt.NDArray[np.float64] = 2595 * np.log10(1 + hz / 700)
    return mel


def _with_deltas(blocks: Iterable[Features]) -> Iterator[Features]:
    """Rows with their slopes beside them, (t, 2 bands)."""
    held: Features | None = None
    for block in blocks:
        held = np.concatenate([np.repeat(block[:1], _REACH, axis=0) if held is None else held, block])
        if len(held) > 2 * _REACH:
            yield _beside(held)
            held = held[-2 * _REACH :]
    if held is not None:
        yield _beside(np.concatenate([held, np.repeat(held[-1:], _REACH, axis=0)]))


def _beside(rows: Features) -> Features:
    """All but the first and last two rows, with the slopes there."""
    before2, before, here, after, after2 = (
        rows[at : len(rows) - 2 * _REACH + at] for at in range(2 * _REACH + 1)
    )
    slope = ((after - before) + np.float32(2) * (after2 - before2)) / np.float32(10)
    return np.concatenate([here, slope], axis=1)
