"""Windows and utterances do not depend on how a sound comes in blocks; words are not cut in two."""

import numpy as np
import pytest

from elman.tasks.transcription import segments
from elman.tasks.transcription.segments import CONTEXT, CORE, Cutter, windows

BLANK, SPACE, LETTER = 0, 1, 2


def logits(labels):
    return np.eye(3, dtype=np.float32)[labels]


def cut(labels, block):
    cutter, parts = Cutter(SPACE), []
    for first in range(0, len(labels), block):
        parts += cutter.push(logits(labels[first : first + block]))
    parts += cutter.finish()
    return [(first, len(part)) for first, part in parts]


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_an_utterance_ends_in_a_pause_with_a_space(block):
    pause = [BLANK] * 12 + [SPACE] + [BLANK] * 12
    assert cut([LETTER] * 5 + pause + [LETTER] * 5, block) == [(0, 18), (18, 17)]
    assert cut([LETTER] * 5 + [BLANK] * 25 + [LETTER] * 5, block) == [(0, 35)]  # within a word
    assert cut([LETTER, *[BLANK] * 4, SPACE, LETTER], block) == [(0, 7)]  # too short


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_what_has_no_pause_is_cut_at_the_greatest_length(block, monkeypatch):
    monkeypatch.setattr(segments, "LONGEST", 40)
    labels = [LETTER] * 30 + [BLANK] * 4 + [LETTER] * 46
    assert cut(labels, block) == [(0, 31), (31, 40), (71, 9)]


@pytest.mark.parametrize("length", [1, CORE, CORE + 1, 3 * CORE + CONTEXT])
@pytest.mark.parametrize("block", [64, 5000])
def test_the_kept_frames_of_windows_are_the_sound(length, block):
    frames = np.arange(length, dtype=np.float32)[:, None]
    made = list(windows(frames[first : first + block] for first in range(0, length, block)))
    np.testing.assert_array_equal(np.concatenate([window.frames[window.keep] for window in made]), frames)
    assert all(len(window.frames) <= CORE + 2 * CONTEXT for window in made)
    assert made[0].keep.start == 0
