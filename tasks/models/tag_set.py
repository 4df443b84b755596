"""Tag sets as decoding and scoring take them."""

from collections.abc import Sequence

import numpy as np

from elman.data.text.tags import legal_transitions
from elman.rnn.inference.spans import TagScheme


def tag_scheme(tags: Sequence[str], binary: bool, loose: bool = False) -> TagScheme:
    """The scheme of IOB2 tags, or of the two answers of a sigmoid; `loose` as of `TagScheme`."""
    if binary:
        return TagScheme(np.zeros(2, bool), np.array([-1, 0], np.int32), loose=loose)
    types = sorted({tag[2:] for tag in tags if tag != "O"})
    kind = np.array([-1 if tag == "O" else types.index(tag[2:]) for tag in tags], np.int32)
    return TagScheme(np.array([tag[:2] == "B-" for tag in tags]), kind, *legal_transitions(tags))


def iob2_of(answers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Yes and no as tag ids of O, B, I: runs of yes are entities."""
    yes = answers > 0
    before = np.concatenate([[False], yes[:-1]])
    before[offsets[:-1]] = False
    return np.where(yes, np.where(before, 2, 1), 0).astype(np.int32)


def by_sentence(names: Sequence[str], tags: np.ndarray, offsets: np.ndarray) -> list[list[str]]:
    """Flat tag ids as names, a list a sentence."""
    flat = np.asarray(names, object)[tags].tolist()
    return [flat[a:b] for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
