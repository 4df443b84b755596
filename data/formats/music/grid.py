"""Notes on a grid of sixteenths, as readers of MIDI and MusicXML give them."""

from fractions import Fraction

from elman.data.formats.common.records import BadRecord
from elman.data.music.notes import Note
from elman.data.music.pieces import HIGHEST, LOWEST, Step

MOST_STEPS = 100_000  # of a piece: over an hour and a half at 240 quarter notes a minute
PER_QUARTER = 4
_MOST_CELLS = (
    4_000_000  # steps of all voices, and steps at which notes sound, so that no file fills the memory
)


def grid(voices: list[list[Note]]) -> tuple[tuple[Step, ...], ...]:
    """The keys that sound at each sixteenth of each voice; every note sounds for one at least.

    Raises:
        BadRecord: no notes on a piano's keys, or too many steps.
    """
    pressed: list[tuple[int, int, int, int]] = []
    for voice, notes in enumerate(voices):
        for note in notes:
            if LOWEST <= note.pitch <= HIGHEST:
                first = _nearest(note.start)
                pressed.append(
                    (voice, first, max(_nearest(note.start + note.duration), first + 1), note.pitch)
                )
    if not pressed:
        raise BadRecord("no-notes", "expected notes from 21 to 108. Got none", "Remove the file.")
    begin, end = min(entry[1] for entry in pressed), max(entry[2] for entry in pressed)
    sounding = sum(last - first for _, first, last, _ in pressed)
    if end - begin > MOST_STEPS or max((end - begin) * len(voices), sounding) > _MOST_CELLS:
        detail = f"expected a piece of at most {MOST_STEPS:,} sixteenths. Got {end - begin:,}"
        raise BadRecord("too-long", detail, "Divide it.")
    steps = [[set[int]() for _ in range(end - begin)] for _ in voices]
    for voice, first, last, pitch in pressed:
        for step in steps[voice][first - begin : last - begin]:
            step.add(pitch)
    return tuple(tuple(tuple(sorted(step)) for step in voice) for voice in steps)


def _nearest(time: Fraction) -> int:
    return int(time * PER_QUARTER + Fraction(1, 2))
