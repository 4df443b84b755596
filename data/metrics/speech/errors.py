"""Word and character error rate: edits from what was heard to what was said, over what was said.

    rate = (substitutions + deletions + insertions) / (hits + substitutions + deletions)

of the alignment with the fewest edits (Levenshtein distance), summed over all texts before the division, as
jiwer and NIST's sclite do (https://github.com/usnistgov/SCTK). A word is what stands between white space, a
character any code point of the text, spaces included. Texts are compared as they are given: normalise both.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Edit = tuple[str | None, str | None]  # said and heard; None for an insertion and a deletion


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

    Takes len(said) * len(heard) * 4 bytes.
    """
    numbers: dict[str, int] = {}
    a = np.array([numbers.setdefault(item, len(numbers)) for item in said], np.int64)
    b = np.array([numbers.setdefault(item, len(numbers)) for item in heard], np.int64)
    places = np.arange(len(b) + 1, dtype=np.int32)
    distance = np.empty((len(a) + 1, len(b) + 1), np.int32)
    distance[0] = places
    for i, item in enumerate(a, 1):
        row = distance[i - 1] + 1  # deletions
        row[1:] = np.minimum(row[1:], distance[i - 1, :-1] + (b != item))
        distance[i] = np.minimum.accumulate(row - places) + places  # insertions
    edits, i, j = list[Edit](), len(a), len(b)
    while i or j:
        here = distance[i, j]
        if i and j and here == distance[i - 1, j - 1] + (a[i - 1] != b[j - 1]):
            i, j = i - 1, j - 1
            edits.append((said[i], heard[j]))
        elif i and here == distance[i - 1, j] + 1:
            i -= 1
            edits.append((said[i], None))
        else:
            j -= 1
            edits.append((None, heard[j]))
    return edits[::-1]


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
