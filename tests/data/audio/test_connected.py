"""Connected words are whole clips of one speaker, each used equally often, the same for one seed."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from elman.data.audio.clips import SpokenClip
from elman.data.audio.connected import ConnectedSettings, connected

# Clip n of a speaker is 40 + n samples of the value 100 + n, so that it is found again in what comes out.
CLIPS = [
    SpokenClip(
        f"{speaker}{n}",
        "s",
        bytes([100 + n, 0]) * (40 + n),
        100,
        f"w{n}",
        speaker,
        "test" if n < 5 else "train",
    )
    for speaker in ("jo", "al")
    for n in range(25)
]


def words_of(clip: SpokenClip) -> list[str]:
    """Words that stand in the sound, found by their values."""
    samples = np.frombuffer(clip.audio, "<i2")
    ends = np.flatnonzero(np.diff(samples, append=0))
    return [f"w{samples[at] - 100}" for at in ends if samples[at]]


def test_the_sound_is_that_of_the_text():
    made = list(connected(CLIPS))
    assert all(words_of(clip) == clip.text.split() for clip in made)
    assert {len(clip.text.split()) for clip in made} == {1, 2, 3, 4, 5, 6, 7}


def test_every_clip_is_used_as_often_as_there_are_passes():
    made = connected(CLIPS, ConnectedSettings(passes=3))
    counts = Counter((clip.speaker, clip.split, word) for clip in made for word in clip.text.split())
    assert counts == {(clip.speaker, clip.split, clip.text): 3 for clip in CLIPS}


def test_pauses_have_the_length_asked_for():
    for clip in connected(CLIPS, ConnectedSettings(shortest_s=0.1, longest_s=0.2)):
        words = [int(word[1:]) for word in clip.text.split()]
        pauses = clip.samples - sum(40 + n for n in words)
        assert 10 * (len(words) - 1) <= pauses <= 20 * (len(words) - 1)


def test_a_seed_gives_the_same_clips_whatever_their_order_and_company():
    made = list(connected(CLIPS, ConnectedSettings(seed=4)))
    assert list(connected(CLIPS[::-1], ConnectedSettings(seed=4))) == made
    assert list(connected(CLIPS[:25], ConnectedSettings(seed=4))) == [c for c in made if c.speaker == "jo"]
    assert list(connected(CLIPS, ConnectedSettings(seed=5))) != made
    assert len({clip.id for clip in made}) == len(made)


def test_clips_without_text_or_speaker_are_refused():
    for wrong in (replace(CLIPS[0], text=None), replace(CLIPS[0], speaker=None)):
        with pytest.raises(ValueError, match="text and speaker"):
            list(connected([wrong]))
