"""Small WAV files for tests."""

import io
from pathlib import Path

import numpy as np
from scipy.io import wavfile


def tone(hz: float, seconds: float = 0.2, rate: int = 8000) -> np.ndarray:
    """A tone as integers of 16 bits."""
    return np.round(9000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def wav(samples: np.ndarray, rate: int = 8000) -> bytes:
    """A WAV file of samples, (N,) or (N, channels)."""
    out = io.BytesIO()
    wavfile.write(out, rate, samples)
    return out.getvalue()


def write_wav(path: Path, hz: float, seconds: float = 0.2, rate: int = 8000) -> Path:
    """Write a tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav(tone(hz, seconds, rate), rate))
    return path
