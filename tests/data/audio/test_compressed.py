"""FLAC and OGG are read by soundfile; what is cut off is refused, and a missing package is named."""

import importlib
import io

import numpy as np
import pytest
import soundfile

from elman.data.audio import compressed
from elman.data.audio.clips import BadAudio
from elman.data.audio.reading import clip_blocks, read_clip
from elman.data.errors import UsageError

TONE = (0.4 * np.sin(np.arange(12_000) / 5)).astype(np.float32)


def encoded(samples: np.ndarray, format_: str, subtype: str, rate: int = 16_000) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=format_, subtype=subtype)
    return out.getvalue()


def test_flac_is_read_without_loss():
    clip = read_clip(io.BytesIO(encoded(TONE, "FLAC", "PCM_24")), rate=None)
    assert (clip.rate, clip.channels) == (16_000, 1)
    np.testing.assert_allclose(clip.samples, TONE, rtol=0, atol=2**-22)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_is_read(subtype):
    clip = read_clip(io.BytesIO(encoded(TONE, "OGG", subtype)), rate=None)
    assert len(clip.samples) / clip.rate == pytest.approx(0.75)
    assert np.sqrt(np.mean(clip.samples**2)) == pytest.approx(0.4 / 2**0.5, rel=0.1)


def test_channels_are_mixed_down_and_the_rate_is_changed():
    raw = encoded(np.stack([TONE, -TONE], axis=1), "FLAC", "PCM_16")
    clip = read_clip(io.BytesIO(raw))
    assert (clip.rate, clip.source_rate, clip.channels, len(clip.samples)) == (8000, 16_000, 2, 6000)
    assert np.abs(clip.samples).max() < 2**-14


@pytest.mark.parametrize(("format_", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")])
def test_a_file_cut_off_is_refused(format_, subtype):
    whole = encoded(TONE, format_, subtype)
    for size in range(4, len(whole) - 1, len(whole) // 9):
        with pytest.raises(BadAudio):
            read_clip(io.BytesIO(whole[:size]))


def test_a_long_file_comes_in_blocks_that_are_its_samples(monkeypatch):
    raw = encoded(TONE, "FLAC", "PCM_16")
    whole = read_clip(io.BytesIO(raw)).samples
    monkeypatch.setattr(compressed, "BLOCK_FRAMES", 999)
    assert np.array_equal(np.concatenate(list(clip_blocks(io.BytesIO(raw)))), whole)


def test_without_soundfile_the_message_says_how_to_install_it(monkeypatch):
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    raw = encoded(TONE, "FLAC", "PCM_16")
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UsageError, match=r'pip install "elman\[speech\]"'):
        read_clip(io.BytesIO(raw))
