"""Notes with their times: what rolls and ABC tunes sound like, before they become MIDI or sound."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from elman.data.music.abc import BAR, LENGTH, NOTE
from elman.data.music.pieces import Step

NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS, _FLATS = "FCGDAEB", "BEADGCF"
FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_MODES = {
    "": 0,
    "maj": 0,
    "ion": 0,
    "mix": -1,
    "dor": -2,
    "m": -3,
    "min": -3,
    "aeo": -3,
    "phr": -4,
    "loc": -5,
    "lyd": 1,
}
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")
TUPLETS = {2: 3, 3: 2, 4: 3, 5: 2, 6: 2, 7: 2, 8: 3, 9: 2}  # so many notes in the time of


class Note(NamedTuple):
    """A note; times in quarter notes, pitch as a MIDI number."""

    start: Fraction
    duration: Fraction
    pitch: int


def notes_of_roll(steps: Sequence[Step], steps_per_quarter: int) -> list[Note]:
    """Notes of a roll: a key that sounds at steps in a row is held.

    Args:
        steps: MIDI numbers that sound at each time step.
        steps_per_quarter: time steps of a quarter note.
    """
    notes, begun = list[Note](), dict[int, int]()
    for at, step in enumerate([*steps, ()]):
        for pitch in [pitch for pitch in begun if pitch not in step]:
            first = begun.pop(pitch)
            start, end = Fraction(first, steps_per_quarter), Fraction(at, steps_per_quarter)
            notes.append(Note(start, end - start, pitch))
        for pitch in step:
            begun.setdefault(pitch, at)
    return sorted(notes)


def notes_of_abc(symbols: Sequence[str]) -> list[Note]:
    """Notes of a tune, played once from beginning to end: no repeats, and chord names are silent.

    What makes no sense where it stands is passed over, so that any symbols can be played.
    """
    player = _Player()
    player.play(list(symbols))
    return sorted(player.notes)


def key_signature(key: str) -> dict[str, int]:
    """Semitones by which a key, as in `K:`, changes each note: {"F": 1} of G."""
    found = _KEY.match(key.strip())
    if not found:
        return {}
    tonic, accidental, mode = found.groups()
    count = FIFTHS[tonic] + {"#": 7, "b": -7, "": 0}[accidental] + _MODES.get(mode.lower()[:3], 0)
    if count >= 0:
        return dict.fromkeys(_SHARPS[: min(count, 7)], 1)
    return dict.fromkeys(_FLATS[: min(-count, 7)], -1)


def metre_of(text: str) -> Fraction | None:
    """Length of a bar in whole notes of a metre, as in `M:`; None where it has none."""
    text = {"C": "4/4", "C|": "2/2"}.get(text.strip(), text.strip())
    found = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text)
    return Fraction(int(found[1]), int(found[2])) if found and int(found[2]) else None


@dataclass
class _Player:
    """State of playing a tune."""

    notes: list[Note] = field(default_factory=list)
    at: Fraction = Fraction(0)  # quarter notes
    unit: Fraction = Fraction(1, 2)  # quarter notes of a length of 1
    stated: bool = False  # True if `L:` gave the unit
    key: dict[str, int] = field(default_factory=dict)
    bar: dict[str, int] = field(default_factory=dict)  # accidentals of the running bar
    tuplet: tuple[int, Fraction] = (0, Fraction(1))  # notes left, factor
    broken: Fraction = Fraction(1)  # factor of the next note
    tied: bool = False

    def play(self, symbols: list[str]) -> None:
        """Play all symbols."""
        place = 0
        while place < len(symbols):
            symbol = symbols[place]
            place += 1
            if symbol[1:2] == ":" and symbol[0] in "MLK":
                self._field(symbol)
            elif symbol.startswith("[") and symbol[2:3] == ":":
                self._field(symbol[1:-1])
            elif BAR.fullmatch(symbol):
                self.bar = {}
            elif symbol == "{":  # grace notes take no time
                place = next((i for i in range(place, len(symbols)) if symbols[i] == "}"), place - 1) + 1
            elif symbol.startswith("(") and symbol[1:2].isdigit():
                count = int(symbol[1])
                if count in TUPLETS:
                    self.tuplet = (count, Fraction(TUPLETS[count], count))
            elif symbol[0] in "<>":
                self._break(symbol)
            elif symbol == "-":
                self.tied = True
            elif symbol == "[" or NOTE.fullmatch(symbol) or symbol in "zxZ":
                place = self._sound(symbol, symbols, place)

    def _field(self, symbol: str) -> None:
        name, value = symbol[0], symbol[2:]
        if name == "K":
            self.key, self.bar = key_signature(value), {}
        elif name == "L" and (length := metre_of(value)):
            self.unit, self.stated = 4 * length, True
        elif name == "M" and not self.stated and (length := metre_of(value)):
            self.unit = Fraction(1, 2) if length >= Fraction(3, 4) else Fraction(1, 4)

    def _pitch(self, symbol: str) -> int | None:
        found = NOTE.fullmatch(symbol)
        if not found:
            return None
        accidental, letter, octave = found.groups()
        name = letter.upper() + octave + letter  # an accidental holds for its own octave
        if accidental:
            self.bar[name] = 0 if "=" in accidental else accidental.count("^") - accidental.count("_")
        shift = self.bar.get(name, self.key.get(letter.upper(), 0))
        height = 60 + 12 * letter.islower() + 12 * (octave.count("'") - octave.count(","))
        pitch = height + NATURAL[letter.upper()] + shift
        return pitch if 0 <= pitch < 128 else None

    def _sound(self, symbol: str, symbols: list[str], place: int) -> int:
        """Play a note, a rest or a chord; return the place after it and its length."""
        sounding = [symbol]
        if symbol == "[":
            close = next((i for i in range(place, min(place + 24, len(symbols))) if symbols[i] == "]"), None)
            if close is None:
                return place
            sounding, place = symbols[place:close], close + 1
        length = Fraction(1)
        if place < len(symbols) and symbols[place][0] in "0123456789/":
            length, place = length_of(symbols[place]), place + 1
        left, factor = self.tuplet
        duration = length * self.unit * self.broken * (factor if left else 1)
        self.tuplet, self.broken = (max(left - 1, 0), factor), Fraction(1)
        for pitch in filter(None, map(self._pitch, sounding)):
            held = next((i for i, n in enumerate(self.notes) if self._ends_here(n, pitch)), None)
            if self.tied and held is not None:
                self.notes[held] = self.notes[held]._replace(duration=self.notes[held].duration + duration)
            else:
                self.notes.append(Note(self.at, duration, pitch))
        self.tied = False
        self.at += duration
        return place

    def _ends_here(self, note: Note, pitch: int) -> bool:
        return note.pitch == pitch and note.start + note.duration == self.at

    def _break(self, symbol: str) -> None:
        """Make the last note longer and the next shorter, or the other way round."""
        short = Fraction(1, 2 ** min(len(symbol), 3))
        last, following = (2 - short, short) if symbol[0] == ">" else (short, 2 - short)
        ends = [i for i, note in enumerate(self.notes) if note.start + note.duration == self.at]
        if ends:
            duration = max(self.notes[i].duration for i in ends)
            for i in ends:
                self.notes[i] = self.notes[i]._replace(duration=self.notes[i].duration * last)
            self.at += duration * (last - 1)
            self.broken = following


def length_of(symbol: str) -> Fraction:
    """A length: `3/2`, `/`, `//`, `2`."""
    found = LENGTH.fullmatch(symbol)
    if not found:
        return Fraction(1)
    count, slashes, divisor = found.groups()
    below = int(divisor[:4]) if divisor else 2 ** min(len(slashes), 8)
    return Fraction(int(count[:4] or 1), max(below, 1)) or Fraction(1)
