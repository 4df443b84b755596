"""Vocabulary of a next-symbol model: the symbols that can follow, or the keys that can sound."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from elman.data.music.bar_states import BarStates
from elman.data.music.bars import BarCounter
from elman.data.music.pieces import KEYS, LOWEST
from elman.rnn.compute.arrays import Int32

END, UNKNOWN = 0, 1  # symbols of every vocabulary but that of keys: the end of a piece, and what is not known
SPECIALS = 2
USUAL_PLACE, USUAL_STATE = 20, 10  # symbols of training that a place comes after, at least; with states
RARE = 1  # symbols that training has so often, or less, stand for the unknown ones


@dataclass(frozen=True)
class Vocabulary:
    """Symbols by their numbers.

    Attributes:
        unit: `abc`, `keys` (of a piano), `character` or `base`.
        symbols: from number SPECIALS on, the most frequent first; empty for keys.
        places: in a tune, fed in beside its symbols (data/music/bars.py, with states bar_states.py); empty
            where none are.
    """

    unit: str
    symbols: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls, unit: str, pieces: Iterable[Sequence[str]], *, places: bool = False, states: bool = False
    ) -> Self:
        """The symbols of training that are not rare, of bases all four.

        Args:
            unit: of the symbols.
            pieces: of training.
            places: True to feed in places in the bars of tunes, too.
            states: with `places`, those of `BarStates`.
        """
        counts = Counter(symbol for piece in pieces for symbol in piece)
        if unit == "base":
            return cls(unit, tuple("ACGT"))
        known = [(-count, symbol) for symbol, count in counts.items() if count > RARE]
        symbols = tuple(symbol for _, symbol in sorted(known))
        if not places or unit != "abc":
            return cls(unit, symbols)
        counted = BarStates if states else BarCounter
        of_places = Counter(
            name for piece in pieces for names in places_of(piece, counted()) for name in names
        )
        least = USUAL_STATE if states else USUAL_PLACE
        usual = {name for name, count in of_places.items() if count >= least}
        return cls(unit, symbols, tuple(sorted(usual | {unusual(name) for name in counted().places()})))

    @property
    def of_keys(self) -> bool:
        """True if a symbol is a set of keys."""
        return self.unit == "keys"

    @property
    def rows(self) -> int:
        """I, one-hot rows fed in; those of places are the last."""
        return KEYS if self.of_keys else SPECIALS + len(self.symbols) + len(self.places)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols, SPECIALS)}

    @cached_property
    def _place_rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.places, SPECIALS + len(self.symbols))}

    def new_counter(self) -> BarCounter:
        """A counter of the places that it knows, at the beginning of a tune."""
        return BarStates() if unusual("state") in self.places else BarCounter()

    def rows_of_places(self, names: Sequence[str]) -> tuple[int, ...]:
        """Rows of places by name; those that are not known share one of their kind."""
        rows = self._place_rows
        return tuple(rows[name] if name in rows else rows[unusual(name)] for name in names)

    def encode(self, piece: Sequence[str]) -> Int32:
        """Numbers of the symbols of a piece, and its end."""
        numbers = [self._numbers.get(symbol, UNKNOWN) for symbol in piece]
        return np.array([*numbers, END], np.int32)

    def number(self, symbol: str) -> int | None:
        """Number of a symbol, or row of a key given by its MIDI number; None if it is not known."""
        if self.of_keys:
            row = int(symbol) - LOWEST if symbol.isdecimal() else -1
            return row if 0 <= row < KEYS else None
        return self._numbers.get(symbol)

    def symbol(self, number: int) -> str:
        """The symbol of a number, SPECIALS or more."""
        return self.symbols[number - SPECIALS]

    def to_bytes(self) -> bytes:
        """The file vocabulary.json."""
        value: dict[str, Any] = {"kind": "generator", "unit": self.unit, "symbols": list(self.symbols)}
        if self.places:
            value["places"] = list(self.places)
        return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, file: bytes) -> Self:
        """Undo `to_bytes`."""
        value: dict[str, Any] = json.loads(file)
        return cls(value["unit"], tuple(value["symbols"]), tuple(value.get("places", ())))

    @cached_property
    def sha256(self) -> str:
        """sha256 of the file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def unusual(place: str) -> str:
    """The name that a place shares with all others of its kind that are not usual: `at ?`."""
    return f"{place.partition(' ')[0]} ?"


class TuneContext:
    """Places in one tune while it is drawn; see `rnn.inference.sampling.Context`."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary, self.counter = vocabulary, vocabulary.new_counter()

    def after(self, symbol: int) -> tuple[int, ...]:
        """Rows of the place after a symbol."""
        if symbol >= SPECIALS:
            self.counter.add(self.vocabulary.symbol(symbol))
        return self.vocabulary.rows_of_places(self.counter.places())


def places_of(piece: Sequence[str], counter: BarCounter) -> Iterator[tuple[str, ...]]:
    """Names of the places after each symbol of a tune, by a counter at its beginning."""
    for symbol in piece:
        counter.add(symbol)
        yield counter.places()
