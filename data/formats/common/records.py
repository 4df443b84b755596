"""Records of the readers of text: sentences, documents, and quarantined records with their reason."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from elman.data.text.tokenizer import Tokenizer

_CHARACTERS = Tokenizer(unit="char")


@dataclass(frozen=True)
class Sentence:
    """A sentence with its tokens, and tags if it has any.

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
    score: float | None = field(default=None, compare=False)  # of its least sure label, 0 to 1


@dataclass(frozen=True)
class Document:
    """A document, or the next part of a long one; parts of one document share its id.

    text: the whole text where the source has it; None where it has tokens alone (CoNLL). label: class of the
    document as a whole, if its record has one.
    """

    id: str
    source: str
    sentences: tuple[Sentence, ...] = field(default=())
    byte_offset: int = 0
    line: int | None = None
    text: str | None = field(default=None, repr=False, compare=False)
    label: str | None = None


@dataclass(frozen=True)
class Flat:
    """An unlabelled document, or the next part of one, with sentences and tokens as arrays.

    text begins at character `at` of the document and goes on to its last token, or to the document's end;
    bounds (n + 1,): sentence i is tokens bounds[i] to bounds[i + 1]; starts, ends (N,) of the tokens, as
    characters of the document; label as of `Document`.
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
    label: str | None = None

    @property
    def first(self) -> np.ndarray:
        """Start of each sentence, (n,) characters of the document."""
        first: np.ndarray = self.starts[self.bounds[:-1]]
        return first

    @property
    def last(self) -> np.ndarray:
        """End of each sentence, (n,) characters of the document."""
        last: np.ndarray = self.ends[self.bounds[1:] - 1]
        return last

    def texts(self) -> list[str]:
        """Text of each sentence."""
        pairs = zip((self.first - self.at).tolist(), (self.last - self.at).tolist(), strict=True)
        return [self.text[a:b] for a, b in pairs]

    def head(self, count: int) -> "Flat":
        """The first sentences of the document, one at least; its text ends with them."""
        tokens = int(self.bounds[count])
        starts, ends = self.starts[:tokens], self.ends[:tokens]
        text = self.text[: int(ends[-1]) - self.at]
        return replace(self, text=text, bounds=self.bounds[: count + 1], starts=starts, ends=ends)

    def document(self) -> Document:
        """The same document with sentence objects."""
        tokens = [
            (tuple(self.starts[a:b].tolist()), tuple(self.ends[a:b].tolist()))
            for a, b in pairwise(self.bounds.tolist())
        ]
        sentences = [
            Sentence(starts[0], ends[-1], text, starts, ends, None, self.byte_offset, self.line)
            for text, (starts, ends) in zip(self.texts(), tokens, strict=True)
        ]
        return Document(self.id, self.source, tuple(sentences), self.byte_offset, self.line, label=self.label)


@dataclass(frozen=True)
class Quarantined:
    """A record that cannot be read; it goes to quarantine.

    reason is a stable code ("wrong-columns"); detail gives what was expected and what came; todo what to do.
    """

    source: str
    line: int | None  # from 1; None where the format has no lines
    byte_offset: int
    reason: str
    detail: str
    todo: str
    raw: bytes


class BadRecord(Exception):
    """A record that cannot be used; its arguments are reason, detail and todo of `Quarantined`."""


@dataclass(frozen=True)
class Place:
    """Place of a record in its source, and its bytes.

    line counts from 1, None where the format has no lines; byte_offset counts in the decompressed source.
    """

    source: str
    line: int | None
    byte_offset: int
    raw: bytes

    def quarantine(self, reason: str, detail: str, todo: str) -> Quarantined:
        """The record of this place with the reason it is refused for."""
        return Quarantined(self.source, self.line, self.byte_offset, reason, detail, todo, self.raw)

    def refuse(self, error: BadRecord) -> Quarantined:
        """The record of this place as the error describes it."""
        return self.quarantine(*error.args)


def by_character(sentence: Sentence) -> Sentence:
    """Split tokens into visible characters; the first one of a B- token is tagged B-, the others I-."""
    if all(end - start == 1 for start, end in zip(sentence.token_start, sentence.token_end, strict=True)):
        return sentence
    starts, ends, tags = list[int](), list[int](), list[str]()
    for number, (start, end) in enumerate(zip(sentence.token_start, sentence.token_end, strict=True)):
        first, last = _CHARACTERS.tokenize(sentence.text[start - sentence.start : end - sentence.start])
        starts += [start + at for at in first]
        ends += [start + at for at in last]
        if sentence.tags is not None:
            tag = sentence.tags[number]
            tags += [tag, *[tag.replace("B-", "I-", 1)] * (len(first) - 1)] if first else []
    return replace(
        sentence,
        token_start=tuple(starts),
        token_end=tuple(ends),
        tags=None if sentence.tags is None else tuple(tags),
    )
