"""Sound has the pitch of its notes, and the same bytes every time."""

import io
from fractions import Fraction

import numpy as np
import pytest
from scipy.io import wavfile

from elman.data.music.notes import Note
from elman.data.music.sound import RATE, wav_file


def test_a_note_has_its_pitch_and_the_same_bytes():
    raw = wav_file([Note(Fraction(0), Fraction(4), 69)])
    assert raw == wav_file([Note(Fraction(0), Fraction(4), 69)])
    rate, samples = wavfile.read(io.BytesIO(raw))
    assert rate == RATE
    assert len(samples) == pytest.approx(2.08 * RATE, abs=2)
    assert np.abs(np.fft.rfft(samples[:RATE])).argmax() == 440
    assert np.abs(samples).max() == pytest.approx(0.8 * 32767, abs=1)


def test_a_piece_without_notes_is_a_moment_of_silence():
    _, samples = wavfile.read(io.BytesIO(wav_file([])))
    assert not samples.any()
