"""Alphabet of a model of speech: the characters of the texts it was trained on, as labels of CTC."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from elman.rnn.compute.arrays import Int32

SPACE = " "


def normalised(text: str) -> str:
    """A text as it is learned and scored: NFC, lower case, one space for any white space; the rest stays."""
    return " ".join(unicodedata.normalize("NFC", text).lower().split())


@dataclass(frozen=True)
class Alphabet:
    """Characters by their labels, from 1; 0 is the blank.

    Attributes:
        characters: sorted; the space is one of them.
    """

    characters: tuple[str, ...]

    @classmethod
    def fit(cls, texts: Iterable[str]) -> Self:
        """The characters of normalised texts."""
        return cls(tuple(sorted({SPACE}.union(*texts))))

    @property
    def classes(self) -> int:
        """V, the blank included."""
        return len(self.characters) + 1

    @cached_property
    def _labels(self) -> dict[str, int]:
        return {character: label for label, character in enumerate(self.characters, 1)}

    @property
    def space(self) -> int:
        """Label of the space."""
        return self._labels[SPACE]

    def unknown(self, text: str) -> set[str]:
        """Characters of a normalised text that are none of these."""
        return set(text) - self._labels.keys()

    def encode(self, text: str) -> Int32:
        """Labels of a normalised text.

        Raises:
            KeyError: it has an unknown character.
        """
        return np.array([self._labels[character] for character in text], np.int32)

    def decode(self, labels: Sequence[int] | Int32) -> str:
        """The text of labels."""
        return "".join(self.characters[label - 1] for label in labels)

    def to_bytes(self) -> bytes:
        """The file vocabulary.json."""
        value = {"kind": "transcriber", "characters": list(self.characters)}
        return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, file: bytes) -> Self:
        """Undo `to_bytes`."""
        value: dict[str, Any] = json.loads(file)
        return cls(tuple(value["characters"]))

    @cached_property
    def sha256(self) -> str:
        """sha256 of the file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()
