"""What readers hand on: documents of sentences, and records they refuse with the reason."""

from dataclasses import dataclass, field


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
class Refused:
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
