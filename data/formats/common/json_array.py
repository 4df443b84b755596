"""Records of a JSON array, or JSON objects one after the other, as a stream: one in memory at a time."""

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeVar

from elman.data.formats.common import lines as line_limits
from elman.data.formats.common.lines import Digest, LongRecord
from elman.data.formats.common.records import BadRecord, Place, Quarantined

BLOCK = 1 << 20
T = TypeVar("T")
_TOKEN = re.compile(rb'["{}\[\]]')
_STRING_END = re.compile(rb'["\\]')


class BrokenArray(ValueError):
    """No JSON array of records; its argument is the byte at which it turns out."""


def objects(stream: BinaryIO) -> Iterator[tuple[int, int, bytes | LongRecord]]:
    """Find the objects of an array `[{...}, {...}]`, which may also be arrays, or of objects without one.

    Yields:
        byte offset, line (from 1) and bytes of each record, from its brace to the matching one; of one of
        more than `LONGEST_RECORD` bytes, its first ones and the size and hash of all.

    Raises:
        BrokenArray: no array of records, or one that ends early.
    """
    buffer, at, line = b"", 0, 1  # bytes not done with, the offset and line where they begin
    inside, bare = False, False  # bare: True for objects without an array
    while True:
        space = re.match(rb"[\s,]*" if inside else rb"(?:\xef\xbb\xbf)?\s*", buffer)
        assert space is not None
        line += buffer.count(b"\n", 0, space.end())
        at, buffer = at + space.end(), buffer[space.end() :]
        if not buffer:
            buffer = stream.read(BLOCK)
            if buffer:
                continue
            if bare:
                return
            raise BrokenArray(at)
        if not inside and buffer[:1] == b"{":
            inside = bare = True
        if not inside and buffer[:1] == b"[":
            inside, at, buffer = True, at + 1, buffer[1:]
        elif inside and buffer[:1] == b"]" and not bare:
            return
        elif inside and buffer[:1] in (b"{", b"["):
            found = _Object()
            while (end := found.add(buffer)) < 0:
                buffer = stream.read(BLOCK)
                if not buffer:
                    raise BrokenArray(at)
            yield at, line, found.record
            line, at, buffer = line + found.line_ends, at + found.size, buffer[end:]
        else:
            raise BrokenArray(at)


def documents_of_array(
    opener: Callable[[], BinaryIO], source: str, document_of: Callable[[Place], T], record: str
) -> Iterator[T | Quarantined]:
    """Documents of the records of an array; what is none is quarantined.

    Args:
        opener: opens the file.
        source: its name.
        document_of: makes a document of the place of a record, or raises BadRecord.
        record: what one is called in messages.
    """
    with opener() as stream:
        try:
            for offset, line, raw in objects(stream):
                if isinstance(raw, LongRecord):
                    limit = f"a {record} of at most {line_limits.LONGEST_RECORD} bytes"
                    yield raw.refuse(Place(source, line, offset, b""), limit, "Divide its text.")
                    continue
                place = Place(source, line, offset, raw)
                try:
                    yield document_of(place)
                except BadRecord as error:
                    yield place.refuse(error)
        except BrokenArray as error:
            (offset,) = error.args
            detail = f"expected an array of {record}s to its end. Got something else at byte {offset}"
            yield Quarantined(source, None, offset, "invalid-json", detail, "Export it again.", b"")


class _Object:
    """An object that begins with the first bytes added; `size` and `line_ends` are those of its bytes."""

    def __init__(self) -> None:
        self.size = self.line_ends = 0
        self._parts: list[bytes] = []
        self._digest: Digest | None = None
        self._depth = 0
        self._in_string = self._escaped = False

    @property
    def record(self) -> bytes | LongRecord:
        """The bytes, or what is kept of an object beyond the limit."""
        return b"".join(self._parts) if self._digest is None else self._digest.record()

    def add(self, data: bytes) -> int:
        """Add the next bytes as far as they are of the object; return their number if it ends, else -1."""
        end = self._end(data)
        part = data if end < 0 else data[:end]
        self.size += len(part)
        self.line_ends += part.count(b"\n")
        if self._digest is not None:
            self._digest.update(part)
            return end
        self._parts.append(part)
        if self.size > line_limits.LONGEST_RECORD:
            self._digest, self._parts = Digest(self._parts), []
        return end

    def _end(self, data: bytes) -> int:
        """One past the brace that closes the object; -1 if it is not there."""
        at = 0
        if self._escaped:
            at, self._escaped = 1, False
        while match := (_STRING_END if self._in_string else _TOKEN).search(data, at):
            at, mark = match.end(), match[0]
            if mark == b'"':
                self._in_string = not self._in_string
            elif mark == b"\\":
                self._escaped = at == len(data)
                at += 1
            else:
                self._depth += 1 if mark in b"{[" else -1
                if not self._depth:
                    return at
        return -1
