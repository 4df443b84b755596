"""Redaction operators: what stands in a text in place of an entity.

    replace     its type: `<PER>`
    mask        an asterisk for each code point, so that all offsets stay
    hash        HMAC-SHA-256 (RFC 2104) of the string under the key, all 64 hexadecimal digits
    pseudonym   the type and the first 10 digits of the same hash: `PER_3f9a2c51d0`

Equal strings, up to white space and the composition of characters (NFC), have equal hashes and pseudonyms
under one key, and others under another key. Two of n different strings have the same pseudonym with a
probability of about n² / 2^41: 1 % for 150,000 strings. Without a key anybody could hash a list of names and
look the hashes up, so both operators need one.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from elman.data.errors import BadInput, UsageError
from elman.data.redaction.overlaps import Span, merged

OPERATORS = ("replace", "mask", "hash", "pseudonym")
KEYED = ("hash", "pseudonym")
SHORTEST_KEY = 16  # bytes
PSEUDONYM_DIGITS = 10
MASK = "*"
QUARANTINED = Span(
    0, 0, "QUARANTINED", rank=-1
)  # of text that could not be tagged; taken out by any operator


class Replaced(NamedTuple):
    """A span that was taken out, and the characters start to end that stand there now."""

    span: Span
    start: int
    end: int


@dataclass(frozen=True)
class Redactor:
    """Takes entities out of texts.

    Attributes:
        operator: one of OPERATORS.
        types: types taken out; all where there are none.
        key: of hashes and pseudonyms; shown nowhere.

    Raises:
        UsageError: an unknown operator, no key where one is needed, or one where none is.
    """

    operator: str
    types: tuple[str, ...] = ()
    key: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise UsageError(f"expected --redact {', '.join(OPERATORS)}. Got {self.operator!r}.")
        if self.operator in KEYED and not self.key:
            raise UsageError(
                f"expected --redact-key-file FILE beside --redact {self.operator}. Got none. "
                "Make one: `openssl rand -hex 32 > FILE`."
            )
        if self.operator not in KEYED and self.key:
            raise UsageError(
                f"expected --redact-key-file beside --redact {' or '.join(KEYED)} only. Got {self.operator}."
            )

    @property
    def config(self) -> dict[str, Any]:
        """Settings that decide the output, as plain values: of the key its fingerprint."""
        value: dict[str, Any] = {"operator": self.operator}
        if self.types:
            value["types"] = sorted(self.types)
        if self.key:
            value["key"] = fingerprint(self.key)
        return value

    def to_job(self) -> dict[str, Any]:
        """Plain values for a worker, the key among them."""
        return {"operator": self.operator, "types": list(self.types), "key": self.key.hex()}

    @classmethod
    def from_job(cls, job: Mapping[str, Any]) -> Self:
        """Undo `to_job`."""
        return cls(job["operator"], tuple(job["types"]), bytes.fromhex(job["key"]))

    def takes(self, span: Span) -> bool:
        """Return True if a span is to be taken out."""
        return not self.types or span.type in self.types or span.rank == QUARANTINED.rank

    def redact(self, text: str, spans: Iterable[Span]) -> tuple[str, list[Replaced]]:
        """Replace the entities of a text.

        Args:
            text: of the document.
            spans: its entities in any order; of those to be taken out that overlap, all characters are,
                as the first by `precedence`.

        Returns:
            the redacted text, and what was taken out, in order.
        """
        parts, replaced, at, length = list[str](), list[Replaced](), 0, 0
        for span in merged(filter(self.takes, spans)):
            new = self._write(text[span.start : span.end], span)
            begin = length + span.start - at
            parts += [text[at : span.start], new]
            at, length = span.end, begin + len(new)
            replaced.append(Replaced(span, begin, length))
        return "".join([*parts, text[at:]]), replaced

    def _write(self, text: str, span: Span) -> str:
        if self.operator == "replace" or span.rank == QUARANTINED.rank:
            return f"<{span.type}>"
        if self.operator == "mask":
            return MASK * len(text)
        digits = _digest(self.key, text)
        return digits if self.operator == "hash" else f"{span.type}_{digits[:PSEUDONYM_DIGITS]}"


def _digest(key: bytes, text: str) -> str:
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    return hmac.new(key, plain.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def fingerprint(key: bytes) -> str:
    """16 hexadecimal digits that tell keys apart and do not give them away."""
    return hmac.new(key, b"\0fingerprint of a redaction key", hashlib.sha256).hexdigest()[:16]


def read_key(path: Path) -> bytes:
    """Read the key of hashes and pseudonyms: the bytes of a file without the line end behind them.

    Raises:
        BadInput: it cannot be read, or is shorter than SHORTEST_KEY.
    """
    todo = "Make one: `openssl rand -hex 32 > FILE`."
    try:
        key = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise BadInput(
            "a file with the key", got=error.strerror or str(error), todo=todo, source=path
        ) from None
    if len(key) < SHORTEST_KEY:
        raise BadInput(f"a key of {SHORTEST_KEY} bytes or more", got=f"{len(key)}", todo=todo, source=path)
    return key
