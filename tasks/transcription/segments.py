"""Utterances of a sound of any length: its frames cut into windows, its logits cut at pauses.

A window of CORE frames is computed with CONTEXT frames on each side, whose logits are thrown away. Where
windows begin depends on the place in the sound alone. An utterance ends in the middle of a pause: a long run
of blanks with a space among them. Without a space the blanks may lie within a word that is spoken slowly.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from elman.rnn.compute.arrays import Floats
from elman.rnn.layers.ctc import BLANK

CORE, CONTEXT = 600, 100  # frames
PAUSE = 20  # frames of blanks and spaces between two utterances, at least
LONGEST = 1500  # frames of an utterance


@dataclass(frozen=True)
class Window:
    """A window.

    Attributes:
        frames: (T, I)
        keep: frames whose logits are kept.
    """

    frames: Floats
    keep: slice


def windows(blocks: Iterable[Floats]) -> Iterator[Window]:
    """Windows of frames that come in blocks (t, I), in order."""
    held: Floats | None = None
    before = 0  # frames of context at the beginning of `held`
    for block in blocks:
        held = block if held is None else np.concatenate([held, block])
        while len(held) >= before + CORE + CONTEXT:
            yield Window(held[: before + CORE + CONTEXT], slice(before, before + CORE))
            held = held[before + CORE - CONTEXT :]
            before = CONTEXT
    if held is None:
        return
    for first in range(before, len(held), CORE):
        last = min(first + CORE, len(held))
        begin = max(first - CONTEXT, 0)
        yield Window(held[begin : last + CONTEXT], slice(first - begin, last - begin))


class Cutter:
    """Cuts the logits of a sound into utterances, as they come.

    Args:
        space: label of the space.
    """

    def __init__(self, space: int) -> None:
        self.space = space
        self.begin = 0  # frame at which the open utterance begins
        self._held: Floats | None = None
        self._seen = 0  # frames of it that were looked at
        self._run = 0  # frames of blanks and spaces before these
        self._between = False  # whether there is a space among them
        self._spoken = False
        self._best = (0, 0)  # longest run of blanks in the second half of LONGEST, and its middle

    def push(self, logits: Floats) -> Iterator[tuple[int, Floats]]:
        """Add logits (t, V); yield the utterances that end: first frame, and logits (T, V)."""
        self._held = logits if self._held is None else np.concatenate([self._held, logits])
        best = self._held[self._seen :].argmax(axis=1).tolist()
        base = self._seen
        cut = 0
        for place, label in enumerate(best, base):
            at = place - cut
            if label in (BLANK, self.space):
                self._run += 1
                self._between |= label == self.space
                if at > LONGEST // 2 and self._run > self._best[0]:
                    self._best = (self._run, at - self._run // 2)
            else:
                if self._spoken and self._between and self._run >= PAUSE:
                    yield self._ended(cut, at - self._run // 2)
                    cut += at - self._run // 2
                self._spoken, self._run, self._between = True, 0, False
            if place - cut + 1 >= LONGEST:
                length = self._best[1] or LONGEST
                yield self._ended(cut, length)
                cut += length
                self._spoken = True
        self._held = self._held[cut:]
        self._seen = len(self._held)

    def finish(self) -> Iterator[tuple[int, Floats]]:
        """The last utterance, if there is one."""
        if self._held is not None and len(self._held):
            yield self.begin, self._held

    def _ended(self, cut: int, length: int) -> tuple[int, Floats]:
        assert self._held is not None
        first, self.begin, self._best = self.begin, self.begin + length, (0, 0)
        return first, self._held[cut : cut + length]
