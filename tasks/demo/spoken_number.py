"""The number of the demo: digits of the sample voice that is kept for test, joined with pauses."""

from pathlib import Path

import numpy as np
import polars as pl

from elman.data.audio.wav import to_wav
from elman.data.store.dataset import Dataset
from elman.data.store.disk import atomic_write

NUMBER = ("three", "one", "four", "one", "five", "nine")
PAUSE_S = 0.15


def write_spoken_number(corpus: Path, out: Path) -> str:
    """Write NUMBER, as the test voice of a corpus of digits says it, to a WAV file; return its text.

    Args:
        corpus: of the sample clips, each of one digit.
        out: the file.
    """
    clips = Dataset.open(corpus).scan().filter(pl.col("split") == "test").sort("clip").collect()
    rate = int(clips["sample_rate"][0])
    spoken = dict(zip(clips["text"], clips["audio"], strict=True))  # of a digit's two clips the later one
    pause = np.zeros(round(PAUSE_S * rate), np.int16)
    parts = [part for word in NUMBER for part in (pause, np.frombuffer(spoken[word], "<i2"))]
    out.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(out, to_wav(np.concatenate(parts[1:]), rate))
    return " ".join(NUMBER)
