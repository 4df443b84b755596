"""Place within the bar after each symbol of an ABC tune, counted from the symbols before it alone."""

import re
from dataclasses import dataclass
from fractions import Fraction

from elman.data.music.abc import BAR, NOTE
from elman.data.music.notes import TUPLETS, length_of, metre_of

MOST_BARS = 32  # counted from the last double bar or repeat
_RESTS = "zxZ"
_LATER_ENDING = re.compile(r"\[?[2-9]\d*(?:[,-]\d)*")  # a section ends again: its pickup still counts


@dataclass
class BarCounter:
    """Counter of the notes and bars of a tune; a symbol that makes no sense where it stands counts nothing.

    Attributes:
        at: whole notes since the last bar line.
        bars: bar lines since the last double bar or repeat.
        pickup: whole notes before the first bar line after the last double bar or repeat, where they are
            less than a bar; 0 where there is none.
        owed: whole notes that the last bar before the last double bar or repeat lacks, until the next bar
            line: the pickup that follows has them.
    """

    at: Fraction = Fraction(0)
    bars: int = 0
    pickup: Fraction = Fraction(0)
    owed: Fraction = Fraction(0)
    _metre: Fraction | None = None
    _unit: Fraction = Fraction(1, 8)
    _stated: bool = False  # True if `L:` gave the unit
    _tuplet: tuple[int, Fraction] = (0, Fraction(1))  # notes left, factor
    _broken: Fraction = Fraction(1)  # factor of the next note
    _last: Fraction = Fraction(0)  # the last note
    _open: bool = False  # True right after a note, whose length may follow
    _inside: str = ""  # the bracket of grace notes or of a chord that is open
    _section: tuple[int, Fraction] = (0, Fraction(0))  # bars and pickup before the last double bar or repeat

    def add(self, symbol: str) -> None:
        """Count a symbol."""
        after_note, self._open = self._open, False
        if symbol[1:2] == ":" and symbol[0] in "MLK":
            self._field(symbol)
        elif symbol.startswith("[") and symbol[2:3] == ":":
            self._field(symbol[1:-1])
        elif BAR.fullmatch(symbol):
            self._bar(symbol)
        elif symbol in ("{", "["):
            self._inside = symbol
            if symbol == "[":
                self._note()
        elif symbol in ("}", "]"):
            self._open, self._inside = self._inside == "[" and symbol == "]", ""
        elif self._inside:
            return
        elif symbol.startswith("(") and symbol[1:2].isdigit():
            count = int(symbol[1])
            if count in TUPLETS:
                self._tuplet = (count, Fraction(TUPLETS[count], count))
        elif symbol[0] in "<>":
            self._break(symbol)
        elif symbol in _RESTS or NOTE.fullmatch(symbol):
            self._note()
            self._open = True
        elif after_note and symbol[0] in "0123456789/":
            self._lengthen(length_of(symbol))
        elif _LATER_ENDING.fullmatch(symbol) and not self.at and not self.bars:
            self.bars, self.pickup = self._section

    @property
    def left(self) -> Fraction | None:
        """Whole notes to the end of the bar, below 0 where it is too long; None without a metre."""
        return None if self._metre is None else self._metre - self.at

    def places(self) -> tuple[str, ...]:
        """Names of the place in the tune.

        The time since the bar line; the time left, with and without the pickup, which the last bar of a
        section lacks; the time left of the pickup that is owed; the number of the bar.
        """
        left = self.left
        closing = None if left is None else left - self.pickup
        opening = self.owed - self.at if self.owed else None
        bar = min(self.bars, MOST_BARS)
        return (f"at {self.at}", f"left {left}", f"closing {closing}", f"opening {opening}", f"bar {bar}")

    def _field(self, symbol: str) -> None:
        name, length = symbol[0], metre_of(symbol[2:])
        if name == "L" and length:
            self._unit, self._stated = length, True
        elif name == "M":
            self._metre = length
            if length and not self._stated:
                self._unit = Fraction(1, 8) if length >= Fraction(3, 4) else Fraction(1, 16)

    def _bar(self, symbol: str) -> None:
        double = symbol != "|"
        short = self.at > 0 and self.left is not None and self.left > 0
        if double:
            self._section = self.bars, self.pickup
            self.bars, self.pickup = 0, Fraction(0)
            self.owed = (self.left or self.owed) if short else self.owed if not self.at else Fraction(0)
        elif self.bars == 0 and short and not self.pickup:
            self.pickup = self.at
        elif self.at > 0:
            self.bars += 1
        if not double and self.at:
            self.owed = Fraction(0)
        self.at, self._last, self._inside = Fraction(0), Fraction(0), ""
        self._tuplet, self._broken = (0, Fraction(1)), Fraction(1)

    def _note(self) -> None:
        left, factor = self._tuplet
        self._last = self._unit * self._broken * (factor if left else 1)
        self._tuplet, self._broken = (max(left - 1, 0), factor), Fraction(1)
        self.at += self._last

    def _lengthen(self, by: Fraction) -> None:
        self.at += self._last * (by - 1)
        self._last *= by

    def _break(self, symbol: str) -> None:
        short = Fraction(1, 2 ** min(len(symbol), 3))
        own, self._broken = (2 - short, short) if symbol[0] == ">" else (short, 2 - short)
        self._lengthen(own)
