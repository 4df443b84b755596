"""DNA as a classifier takes it: the hexamers that begin in each step of STEP bases, the same on both strands.

A hexamer and its reverse complement are one symbol, so that it matters little which strand a sequence was
read from. A hexamer with another letter than A, C, G and T is left out.
"""

import hashlib
import json
from functools import cached_property
from typing import Any

import numpy as np

from elman.data.genome.nucleotides import UNKNOWN, encode_bases
from elman.rnn.compute.batches import Bags
from elman.rnn.compute.ragged import offsets_of

WIDTH, STEP = 6, 12  # bases


def _canonical() -> np.ndarray:
    """Row of each of the 4^WIDTH words: the same for a word and its reverse complement."""
    words = np.arange(4**WIDTH)
    other, rest = np.zeros_like(words), words.copy()
    for _ in range(WIDTH):
        other, rest = 4 * other + 3 - rest % 4, rest // 4
    _, rows = np.unique(np.minimum(words, other), return_inverse=True)
    return rows.astype(np.int32)


_ROWS = _canonical()


class Hexamers:
    """The symbols of bases; it has nothing to learn."""

    unit = "base"
    rows = int(_ROWS.max()) + 1
    letters = 0

    def bags(self, bases: str) -> Bags:
        """A bag for each step of a sequence, of one base or more; steps behind the last hexamer are empty."""
        codes = encode_bases(bases)
        starts = max(len(codes) - WIDTH + 1, 0)
        words, known = np.zeros(starts, np.int64), np.ones(starts, bool)
        for place in range(WIDTH):
            part = codes[place : place + starts]
            words = 4 * words + part % 4
            known &= part != UNKNOWN
        steps = -(-len(codes) // STEP)
        counts = np.bincount(np.flatnonzero(known) // STEP, minlength=steps)
        return Bags(_ROWS[words[known]], offsets_of(counts), np.arange(steps, dtype=np.int32))

    def to_bytes(self) -> bytes:
        """The file vocabulary.json."""
        return (json.dumps({"kind": "hexamers", "width": WIDTH, "step": STEP}, indent=1) + "\n").encode()

    @cached_property
    def sha256(self) -> str:
        """sha256 of the file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Hexamers":
        """Undo `to_bytes`.

        Raises:
            ValueError: a file of other symbols.
        """
        if (value.get("kind"), value.get("width"), value.get("step")) != ("hexamers", WIDTH, STEP):
            raise ValueError(f"expected hexamers in steps of {STEP} bases. Got {value}")
        return cls()


def joined_bags(bags: list[Bags]) -> Bags:
    """Bags of several sequences one after the other."""
    rows = np.concatenate([own.rows for own in bags])
    offsets = offsets_of(np.concatenate([np.diff(own.offsets) for own in bags]))
    return Bags(rows, offsets, np.arange(len(offsets) - 1, dtype=np.int32))
