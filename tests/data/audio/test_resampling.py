"""The rate is changed as by SciPy's resample_poly, with the same bits wherever the signal is cut."""

import numpy as np
import pytest
from scipy import signal

from elman.data.audio import resampling
from elman.data.audio.resampling import resample, resample_blocks

NOISE = (0.2 * np.random.default_rng(3).standard_normal(9001)).clip(-1, 1).astype(np.float32)


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 16_000, 22_050, 44_100, 48_000, 7919])
def test_samples_are_those_of_scipy(rate):
    expected = signal.resample_poly(NOISE, 8000, rate).clip(-1, 1)
    got = resample(NOISE, rate, 8000)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=5e-7)


@pytest.mark.parametrize("rate", [4000, 16_000, 44_100])
def test_blocks_give_the_same_bits(rate, monkeypatch):
    whole = resample(NOISE, rate, 8000)
    monkeypatch.setattr(resampling, "_STEP", 500)
    cuts = [0, 1, 2, 700, 701, 3000, 8999]
    blocks = list(resample_blocks(np.split(NOISE, cuts), rate, 8000))
    assert len(blocks) > 1
    assert np.array_equal(np.concatenate(blocks), whole)


def test_a_tone_keeps_its_pitch_and_place():
    time = np.arange(44_100) / 44_100
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    np.testing.assert_allclose(resample(tone, 44_100, 8000)[200:-200], expected[200:-200], atol=2e-3)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_very_short_clips_are_resampled(count):
    assert len(resample(NOISE[:count], 44_100, 8000)) == min(count, 1)
