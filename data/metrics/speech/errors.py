"""Word and character error rate: edits from what was heard to what was said, over what was said.

    rate = (substitutions + deletions + insertions) / (hits + substitutions + deletions)

of the alignment with the fewest edits (Levenshtein distance), summed over all texts before the division, as
jiwer and NIST's sclite do (https://github.com/usnistgov/SCTK). A word is what stands between white space, a
character any code point of the text, spaces included. Texts are compared as they are given: normalise both.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Edit = tuple[str | None, str | None]  # said and heard; None for an insertion and a deletion

_SMALL = 1 << 22  # cells of a table of distances that is kept as a whole


@dataclass(frozen=True)
class ErrorCounts:
    """Edits of some texts: hits, substitutions, deletions and insertions."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: "ErrorCounts") -> "ErrorCounts":
        return ErrorCounts(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )

    @property
    def errors(self) -> int:
        """Edits."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def said(self) -> int:
        """Words or characters of the references."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float:
        """Error rate, perhaps above 1; where nothing was said 0, or 1 if something was heard."""
        return self.errors / self.said if self.said else float(self.insertions > 0)

    @classmethod
    def of(cls, edits: Iterable[Edit]) -> "ErrorCounts":
        """Counts of an alignment."""
        hits = substitutions = deletions = insertions = 0
        for said, heard in edits:
            hits += said == heard
            deletions += heard is None
            insertions += said is None
            substitutions += said is not None and heard is not None and said != heard
        return cls(hits, substitutions, deletions, insertions)


def aligned(said: Sequence[str], heard: Sequence[str]) -> list[Edit]:
    """The alignment with the fewest edits; where there are several, hits and substitutions come late.

    Of the rows of the table of distances only every k-th is kept, k the root of their number; those between
    are computed again on the way back. Memory: about 8 * sqrt(len(said)) * len(heard) bytes.
    """
    numbers: dict[str, int] = {}
    a = np.array([numbers.setdefault(item, len(numbers)) for item in said], np.int32)
    b = np.array([numbers.setdefault(item, len(numbers)) for item in heard], np.int32)
    step = len(a) if len(a) * len(b) <= _SMALL else math.isqrt(len(a)) + 1
    kept = [np.arange(len(b) + 1, dtype=np.int32)]  # row 0, step, 2 step ... of the distances
    for first in range(0, len(a) - step, max(step, 1)):
        kept.append(_distances(kept[-1], a[first : first + step], b)[-1].copy())
    edits, i, j = list[Edit](), len(a), len(b)
    while kept:
        first = step * (len(kept) - 1)
        distance = _distances(kept.pop()[: j + 1], a[first:i], b[:j])
        while i > first or (j and not first):
            here, row = distance[i - first, j], i - first
            if row and j and here == distance[row - 1, j - 1] + (a[i - 1] != b[j - 1]):
                i, j = i - 1, j - 1
                edits.append((said[i], heard[j]))
            elif row and here == distance[row - 1, j] + 1:
                i -= 1
                edits.append((said[i], None))
            else:
                j -= 1
                edits.append((None, heard[j]))
    return edits[::-1]


def _distances(first: Ints, a: Ints, b: Ints) -> Ints:
    """Rows of the table of distances: the first one (len(b) + 1,), and one for each item of `a` after it."""
    places = np.arange(len(b) + 1, dtype=np.int32)
    distance = np.empty((len(a) + 1, len(b) + 1), np.int32)
    distance[0] = first
    for i, item in enumerate(a, 1):
        row = distance[i - 1] + 1  # deletions
        row[1:] = np.minimum(row[1:], distance[i - 1, :-1] + (b != item))
        distance[i] = np.minimum.accumulate(row - places) + places  # insertions
    return distance


def word_edits(said: str, heard: str) -> list[Edit]:
    """Alignment of the words of two texts."""
    return aligned(said.split(), heard.split())


def character_edits(said: str, heard: str) -> list[Edit]:
    """Alignment of the characters of two texts."""
    return aligned(said, heard)


def kind_of(edit: Edit) -> str:
    """Name of an edit that is an error: substitution, deletion or insertion."""
    if edit[0] is None:
        return "insertion"
    return "deletion" if edit[1] is None else "substitution"


def confusions(edits: Iterable[Edit], most: int = 20) -> list[tuple[Edit, int]]:
    """The most frequent errors, those of equal number in alphabetical order."""
    counts = Counter(edit for edit in edits if edit[0] != edit[1])
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0][0] or "", entry[0][1] or ""))
    return ranked[:most]
