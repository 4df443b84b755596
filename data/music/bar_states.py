"""What stands between a symbol of an ABC tune and the end of its bar, as one place for each combination.

The places of `data.music.bars` say the same in parts, one number each. A network adds up what it is fed, and
learns from a combination sooner that a length cannot follow a length, or that a bar line follows when nothing
is due. A bar goes on over a double bar or repeat until it is full, and a second ending takes up the bar
where the first did (ABC standard 2.1, sections 4.8 and 4.9).
"""

from dataclasses import dataclass
from fractions import Fraction

from elman.data.music.abc import BAR
from elman.data.music.bars import MOST_BARS, BarCounter

_LINES = ("bar", "double")
_BY_FIRST = {'"': "name", "<": "broken", ">": "broken", "-": "tie"}


@dataclass
class BarStates(BarCounter):
    """Counter of bars that names what a symbol leaves to be done, too.

    Attributes:
        kind: of the last symbol: `field`, `bar`, `double` (bar or repeat), `inside` (a chord or grace notes),
            `note` (or chord or rest, whose length may follow), `length`, `name` (of a chord), `tuplet`,
            `broken` (rhythm), `tie`, `ending`, `other`; `start` before the first.
        carried: whole notes of the running bar that stand before the last double bar or repeat.
        upbeat: whole notes before the first bar line of the tune, where they are less than a bar; None
            before it.
    """

    kind: str = "start"
    carried: Fraction = Fraction(0)
    upbeat: Fraction | None = None
    _ended: Fraction = Fraction(0)  # `carried` before the last first ending

    def add(self, symbol: str) -> None:
        """Count a symbol."""
        at = self.at
        super().add(symbol)
        self.kind = self._kind(symbol)
        if self.kind in _LINES:
            self._carry(at)
        elif self.kind == "ending" and symbol.lstrip("[").startswith("1"):
            self._ended = self.carried
        elif self.kind == "ending":
            self.carried = self._ended

    @property
    def due(self) -> Fraction | None:
        """Whole notes that the bar lacks, over double bars and repeats; None without a metre."""
        return None if self.left is None else self.left - self.carried

    def places(self) -> tuple[str, ...]:
        """Places as of `BarCounter`, then the state of the bar, the kind of symbol, and the end of a bar.

        Times are in units of the length of a note without one, as `L:` gives it.
        """
        notes = self._tuplet[0]
        kind = f"kind {self.kind} {notes}"
        if self.due is None:
            return (*super().places(), f"state {self.kind}", kind, "end ?")
        closes = self.due > 0 and self.due in (self.pickup, self.upbeat)
        opens = self.bars == 0 and not self.pickup and not self.carried
        marks = "b" * (self._broken != 1) + "c" * closes + "o" * opens
        state = f"state {self.kind} {self.due / self._unit} {notes}{marks}"
        bars = min(self.bars, MOST_BARS) if closes or not self.due else "-"
        return (*super().places(), state, kind, f"end {bars} {'c' * closes} {self.kind in _LINES}")

    def _kind(self, symbol: str) -> str:
        if (symbol[1:2] == ":" and symbol[0] in "MLK") or (symbol[0] == "[" and symbol[2:3] == ":"):
            return "field"
        if BAR.fullmatch(symbol):
            return "bar" if symbol == "|" else "double"
        if self._inside:
            return "inside"
        if self._open:
            return "note"
        if symbol[0] == "(" and symbol[1:2].isdigit():
            return "tuplet"
        if symbol[0] in _BY_FIRST:
            return _BY_FIRST[symbol[0]]
        if symbol[0] in "0123456789/":
            return "ending" if self.kind in _LINES else "length"
        return "ending" if len(symbol) > 1 and symbol[0] == "[" else "other"

    def _carry(self, at: Fraction) -> None:
        """Count a bar line after `at` whole notes."""
        whole = self._metre
        if self.upbeat is None and at > 0:
            self.upbeat = at if whole is not None and at < whole else Fraction(0)
            self.carried = Fraction(0)
        elif self.kind == "bar" or whole is None or self.carried + at >= whole:
            self.carried = Fraction(0)
        else:
            self.carried += at
