"""Vocabulary of a next-symbol model: the symbols that can follow, or the keys that can sound."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from elman.data.music.pieces import KEYS, LOWEST
from elman.rnn.compute.arrays import Int32

END, UNKNOWN = 0, 1  # symbols of every vocabulary but that of keys: the end of a piece, and what is not known
SPECIALS = 2
RARE = 1  # symbols that training has so often, or less, stand for the unknown ones


@dataclass(frozen=True)
class Vocabulary:
    """Symbols by their numbers.

    Attributes:
        unit: `abc`, `keys` (of a piano), `character` or `base`.
        symbols: from number SPECIALS on, the most frequent first; empty for keys.
    """

    unit: str
    symbols: tuple[str, ...] = ()

    @classmethod
    def fit(cls, unit: str, pieces: Iterable[Sequence[str]]) -> Self:
        """The symbols of training that are not rare; of bases all four."""
        counts = Counter(symbol for piece in pieces for symbol in piece)
        if unit == "base":
            return cls(unit, tuple("ACGT"))
        known = [(-count, symbol) for symbol, count in counts.items() if count > RARE]
        return cls(unit, tuple(symbol for _, symbol in sorted(known)))

    @property
    def of_keys(self) -> bool:
        """True if a symbol is a set of keys."""
        return self.unit == "keys"

    @property
    def rows(self) -> int:
        """I, one-hot rows fed in."""
        return KEYS if self.of_keys else SPECIALS + len(self.symbols)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols, SPECIALS)}

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
        value = {"kind": "generator", "unit": self.unit, "symbols": list(self.symbols)}
        return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, file: bytes) -> Self:
        """Undo `to_bytes`."""
        value: dict[str, Any] = json.loads(file)
        return cls(value["unit"], tuple(value["symbols"]))

    @cached_property
    def sha256(self) -> str:
        """sha256 of the file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()
