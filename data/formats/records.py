"""What readers hand on: documents of sentences, and records they refuse with the reason."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Sentence:
    """A sentence as it came.

    Offsets count code points from the start of its document, 0-based half-open.
    """

    start: int
    end: int
    text: str  # document[start:end]
    token_start: tuple[int, ...]
    token_end: tuple[int, ...]
    tags: tuple[str, ...] | None = None  # IOB2, one a token; None where unlabelled
    byte_offset: int = 0  # of the record it came from, in the decompressed source
    line: int | None = None  # of its first line in the source, from 1


@dataclass(frozen=True)
class Document:
    """A document, or the next part of one that is read in pieces: parts of one document share its id."""

    id: str
    source: str
    sentences: tuple[Sentence, ...] = field(default=())
    byte_offset: int = 0
    line: int | None = None


@dataclass(frozen=True)
class Flat:
    """A document without labels, or the next part of one, its sentences and tokens in arrays.

    text begins at character `at` of the document; bounds (n + 1,): sentence i is tokens bounds[i] to
    bounds[i + 1]; starts, ends (N,) of the tokens, as characters of the document.
    """

    id: str
    source: str
    at: int
    text: str
    bounds: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    byte_offset: int = 0
    line: int | None = None

    @property
    def first(self) -> np.ndarray:
        """Where each sentence begins."""
        first: np.ndarray = self.starts[self.bounds[:-1]]
        return first

    @property
    def last(self) -> np.ndarray:
        """Where each sentence ends."""
        last: np.ndarray = self.ends[self.bounds[1:] - 1]
        return last

    def texts(self) -> list[str]:
        """The text of each sentence."""
        pairs = zip((self.first - self.at).tolist(), (self.last - self.at).tolist(), strict=True)
        return [self.text[a:b] for a, b in pairs]

    def document(self) -> Document:
        """The same as objects."""
        tokens = [
            (tuple(self.starts[a:b].tolist()), tuple(self.ends[a:b].tolist()))
            for a, b in pairwise(self.bounds.tolist())
        ]
        sentences = [
            Sentence(starts[0], ends[-1], text, starts, ends, None, self.byte_offset, self.line)
            for text, (starts, ends) in zip(self.texts(), tokens, strict=True)
        ]
        return Document(self.id, self.source, tuple(sentences), self.byte_offset, self.line)


@dataclass(frozen=True)
class Quarantined:
    """A record that cannot be read; it goes to quarantine.

    reason is a stable code ("wrong-columns"), detail says what was expected and what came, todo what to do.
    """

    source: str
    line: int | None  # from 1; None where the format has no lines
    byte_offset: int
    reason: str
    detail: str
    todo: str
    raw: bytes


def by_character(sentence: Sentence) -> Sentence:
    """Cut tokens into single characters; the first of a B- token keeps B-, the others are I-."""
    if all(end - start == 1 for start, end in zip(sentence.token_start, sentence.token_end, strict=True)):
        return sentence
    starts, tags = list[int](), list[str]()
    for number, (start, end) in enumerate(zip(sentence.token_start, sentence.token_end, strict=True)):
        places = [at for at in range(start, end) if not sentence.text[at - sentence.start].isspace()]
        starts += places
        if sentence.tags is not None:
            tag = sentence.tags[number]
            tags += [tag, *[tag.replace("B-", "I-", 1)] * (len(places) - 1)] if places else []
    return replace(
        sentence,
        token_start=tuple(starts),
        token_end=tuple(start + 1 for start in starts),
        tags=None if sentence.tags is None else tuple(tags),
    )
