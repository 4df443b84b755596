"""Pooling of a model, as its passport has it: the unit of a document, and the weights of the evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from elman.data.text import pooled_words
from elman.data.text.strings import Strings
from elman.rnn.inference.pooling import Occurrences, PoolingWeights, units_of

MOST_SENTENCES = 1000  # of a unit, which is held in memory


@dataclass(frozen=True, kw_only=True)
class DocumentPooling:
    """Pooling within the units of a document.

    Attributes:
        window: sentences of a unit: the first `window` of a document, then the next, wherever it is cut.
        weights: of the evidence; see rnn/inference/pooling.py.
    """

    window: int
    weights: PoolingWeights

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as they stand in passport.json."""
        return {"window": self.window, **self.weights._asdict()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self | None:
        """Undo `to_json`; None if a passport has no pooling."""
        if not value:
            return None
        weights = PoolingWeights(*(float(value[name]) for name in PoolingWeights._fields))
        return cls(window=int(value["window"]), weights=weights)


def unit_numbers(document: np.ndarray, number: np.ndarray, window: int) -> np.ndarray:
    """Number of the unit of each sentence, (n,) int64, from 0 on.

    Args:
        document: (n,) the same for all sentences of a document, which stand together.
        number: (n,) of the sentence in its document, from 0; those of a document ascend.
        window: sentences of a unit.
    """
    if not len(number):
        return np.empty(0, np.int64)
    block = np.asarray(number, np.int64) // window
    new = (np.asarray(document[1:]) != np.asarray(document[:-1])) | (block[1:] != block[:-1])
    return np.concatenate([[0], np.cumsum(new)]).astype(np.int64)


def occurrences(numbers: np.ndarray, words: Strings, offsets: np.ndarray, unit: np.ndarray) -> Occurrences:
    """Occurrences of the words of sentences.

    Args:
        numbers: (N,) int32, the same for equal words.
        words: (N,) of all sentences.
        offsets: (n + 1,) of the sentences, none of them empty.
        unit: (n,) number of the unit of each sentence.
    """
    mark = pooled_words.marks(words)
    pooled = np.where(mark == pooled_words.POOLED, numbers, -1).astype(np.int32)
    return Occurrences(pooled, pooled_words.explained(mark, offsets), units_of(unit, offsets))
