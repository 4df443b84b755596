"""Sound of notes without a soundfont: three harmonics with attack and decay, as a WAV file.

The same notes give the same bytes on one machine. Format: RIFF WAVE, PCM of 16 bits, one channel.
"""

from collections.abc import Sequence

import numpy as np

from elman.data.music.midi import TEMPO
from elman.data.music.notes import Note

RATE = 22_050  # samples a second
LONGEST_S = 600.0  # of a file; what comes later is cut off
_HARMONICS = ((1, 1.0), (2, 0.4), (3, 0.15))
_ATTACK_S, _DECAY_S, _RELEASE_S = 0.01, 0.6, 0.08


def wav_file(notes: Sequence[Note], tempo: int = TEMPO) -> bytes:
    """A WAV file of notes.

    Args:
        notes: in quarter notes.
        tempo: quarter notes a minute.
    """
    second = 60 / tempo  # of a quarter note
    ends = [float(note.start + note.duration) * second for note in notes]
    length = min(max(ends, default=0.0) + _RELEASE_S, LONGEST_S)
    samples = np.zeros(int(length * RATE) + 1)
    for note in notes:
        first = int(float(note.start) * second * RATE)
        sound = _sound(note.pitch, float(note.duration) * second)[: max(len(samples) - first, 0)]
        samples[first : first + len(sound)] += sound
    loudest = max(float(np.abs(samples).max()), 1e-9)
    pcm = np.round(samples * (0.8 * 32767 / loudest)).astype("<i2").tobytes()
    form = [16, 1, 1, RATE, 2 * RATE, 2, 16]
    sizes = (4, 2, 2, 4, 4, 2, 2)
    head = b"WAVEfmt " + b"".join(n.to_bytes(size, "little") for n, size in zip(form, sizes, strict=True))
    body = head + b"data" + len(pcm).to_bytes(4, "little") + pcm
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _sound(pitch: int, duration_s: float) -> np.ndarray:
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    time = np.arange(int((duration_s + _RELEASE_S) * RATE)) / RATE
    wave = sum(
        share * np.sin(2 * np.pi * frequency * n * time)
        for n, share in _HARMONICS
        if frequency * n < RATE / 2
    )
    loudness = np.minimum(time / _ATTACK_S, 1) * np.exp(-time / _DECAY_S)
    loudness *= np.clip((duration_s + _RELEASE_S - time) / _RELEASE_S, 0, 1)
    sound: np.ndarray = wave * loudness
    return sound
