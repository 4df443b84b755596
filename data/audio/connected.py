"""Connected words made of isolated ones: clips of one speaker joined with pauses, by a seed.

Every clip is used equally often: the clips of a speaker and split are shuffled and cut into groups of 1 to 7,
as many times as there are passes. A pause is digital silence of 50 to 300 ms; before the first clip and after
the last there is none. What comes out depends on the clips' ids, not on their order.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from elman.data.audio.clips import SpokenClip
from elman.data.audio.pcm import pcm_bytes


@dataclass(frozen=True)
class ConnectedSettings:
    """Settings of the maker.

    passes: times that each clip is used; most: clips joined, at most; shortest_s, longest_s: of a pause.
    """

    passes: int = 1
    most: int = 7
    shortest_s: float = 0.05
    longest_s: float = 0.3
    seed: int = 0


def connected(
    clips: Sequence[SpokenClip], settings: ConnectedSettings = ConnectedSettings()
) -> Iterator[SpokenClip]:
    """Join clips of one speaker, one split and one rate; the text is theirs with spaces.

    Args:
        clips: with text and speaker.
        settings: of the maker.

    Raises:
        ValueError: a clip lacks its text or speaker.
    """
    for clip in clips:
        if clip.text is None or clip.speaker is None:
            raise ValueError(f"expected clips with text and speaker. Got {clip.id} without.")
    ordered = sorted(
        clips, key=lambda clip: (clip.speaker or "", clip.split or "", clip.sample_rate, clip.id)
    )
    groups = itertools.groupby(ordered, lambda clip: (clip.speaker or "", clip.split or "", clip.sample_rate))
    for (speaker, split, _), group in groups:
        own = list(group)
        seed = [settings.seed, *f"{speaker} {split}".encode()]  # other speakers change nothing
        draw = np.random.default_rng(seed)
        number = 0
        for _ in range(settings.passes):
            order = draw.permutation(len(own))
            at = 0
            while at < len(own):
                size = int(draw.integers(1, settings.most + 1))
                parts = [own[place] for place in order[at : at + size]]
                yield _joined(parts, f"connected/{speaker}/{split or 'any'}-{number:05}", draw, settings)
                at += size
                number += 1


def _joined(
    parts: Sequence[SpokenClip], id: str, draw: np.random.Generator, settings: ConnectedSettings
) -> SpokenClip:
    first = parts[0]
    audio = pcm_bytes(first.audio)
    for part in parts[1:]:
        pause_s = draw.uniform(settings.shortest_s, settings.longest_s)
        audio += bytes(2 * round(pause_s * first.sample_rate)) + pcm_bytes(part.audio)
    text = " ".join(part.text or "" for part in parts)
    return SpokenClip(id, first.source, audio, first.sample_rate, text, first.speaker, first.split)
