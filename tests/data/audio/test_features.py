"""Features follow their formulas, leave no sample out, and have the same bits wherever sound is cut."""

import json

import numpy as np
import pytest

from elman.data.audio import features
from elman.data.audio.features import FeatureSettings, log_mel, log_mel_blocks
from elman.data.errors import UsageError

NOISE = (0.1 * np.random.default_rng(5).standard_normal(30_123)).astype(np.float32)
DEFAULT = FeatureSettings()


def by_definition(samples: np.ndarray, settings: FeatureSettings) -> np.ndarray:
    """Rows computed one by one in float64 from the formulas of the module's docstring."""
    x = samples.astype(np.float64)
    y = x - settings.pre_emphasis * np.concatenate([[0], x[:-1]])
    W, S, F = settings.window, settings.step, settings.fft_size
    rows = 1 + max(-(-(len(x) - W) // S), 0)
    y = np.pad(y, (0, rows * S + W))
    n, k = np.arange(W), np.arange(F // 2 + 1)
    hamming = 0.54 - 0.46 * np.cos(2 * np.pi * n / (W - 1))
    turn = np.exp(-2j * np.pi * np.outer(n, k) / F)
    mel = 2595 * np.log10(1 + k * settings.rate / F / 700)
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (settings.low_hz, settings.highest_hz))
    corners = low + (high - low) * np.arange(settings.bands + 2) / (settings.bands + 1)
    out = np.empty((rows, settings.bands))
    for t in range(rows):
        power = np.abs((y[t * S : t * S + W] * hamming) @ turn) ** 2
        for b in range(settings.bands):
            weight = np.interp(mel, corners[b : b + 3], [0, 1, 0])
            out[t, b] = np.log(max(weight @ power, settings.floor))
    return out


@pytest.mark.parametrize(
    "settings", [DEFAULT, FeatureSettings(rate=16_000, bands=23, low_hz=64, high_hz=7000, window_ms=20)]
)
def test_rows_follow_the_formulas(settings):
    got = log_mel(NOISE[:4321], settings.rate, settings)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, by_definition(NOISE[:4321], settings), rtol=0, atol=2e-4)


@pytest.mark.parametrize("deltas", [False, True])
def test_blocks_give_the_same_bits(deltas):
    settings = FeatureSettings(deltas=deltas)
    whole = log_mel(NOISE, 8000, settings)
    assert whole.shape == (settings.frames(len(NOISE)), settings.width)
    for cuts in ([1, 2, 3, 500], range(0, 30_000, 1000), [30_122], [20_679, 20_680]):
        blocks = log_mel_blocks(np.split(NOISE, list(cuts)), 8000, settings)
        assert np.array_equal(np.concatenate(list(blocks)), whole)


def test_a_row_has_the_same_bits_beside_any_others():
    whole = log_mel(NOISE, 8000, DEFAULT)
    for first in (1, 7, 250, 256, 300):
        part = log_mel(NOISE[80 * first :], 8000, DEFAULT)
        assert np.array_equal(part[1:], whole[first + 1 :])  # the first has another sample before it


def test_rows_of_other_rates_are_those_of_the_resampled_clip():
    blocks = log_mel_blocks(np.split(NOISE, [4000, 17_000]), 44_100, DEFAULT)
    assert np.array_equal(np.concatenate(list(blocks)), log_mel(NOISE, 44_100, DEFAULT))


def test_slopes_are_those_of_a_straight_line_and_zero_where_nothing_changes():
    rows = np.arange(10, dtype=np.float32)[:, None] * 3
    slopes = np.concatenate(list(features._with_deltas([rows[:6], rows[6:]])))[:, 1]
    assert slopes[2:-2].tolist() == [3.0] * 6
    assert len(slopes) == 10


@pytest.mark.parametrize(
    ("count", "rows"), [(0, 0), (1, 1), (199, 1), (200, 1), (201, 2), (280, 2), (281, 3)]
)
def test_every_sample_lies_in_a_row(count, rows):
    assert len(log_mel(NOISE[:count], 8000, DEFAULT)) == rows == DEFAULT.frames(count)
    if count > 1:
        last = np.zeros(count, np.float32)
        last[-1] = 1
        assert log_mel(last, 8000, DEFAULT)[-1].max() > np.log(DEFAULT.floor)


def test_silence_is_the_floor_and_full_scale_is_finite():
    assert np.unique(log_mel(np.zeros(1000, np.float32), 8000, DEFAULT)) == np.float32(np.log(1e-8))
    square = np.where(np.arange(9000) % 40 < 20, 1, -1).astype(np.float32)
    assert np.isfinite(log_mel(square, 8000, DEFAULT)).all()


def test_a_tone_is_loudest_in_its_band():
    tone = (0.3 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)).astype(np.float32)
    corners = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([20, 4000]) / 700)), 42) / 2595) - 1)
    expected = int(np.abs(corners[1:-1] - 1000).argmin())
    assert (log_mel(tone, 8000, DEFAULT)[2:-2].argmax(axis=1) == expected).all()


def test_settings_go_through_json():
    settings = FeatureSettings(rate=16_000, high_hz=7600.0, deltas=True)
    assert FeatureSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert settings.begin_s(150) == 1.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"high_hz": 5000.0},
        {"low_hz": 4000.0},
        {"step_ms": 0.01},
        {"bands": 0},
        {"bands": 200},
        {"floor": 0.0},
    ],
)
def test_settings_that_contradict_one_another_are_refused(wrong):
    with pytest.raises(UsageError, match="expected"):
        FeatureSettings(**wrong)
