"""Lines of a stream: with any line end, in blocks, or whole up to a limit, so that none fills the memory."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from elman.data.errors import BadInput
from elman.data.formats.common.records import Place, Quarantined
from elman.data.formats.common.streams import BROKEN

LONGEST_RECORD = 64 << 20  # bytes of a record that is read whole: a line, a row, a cell, a sentence of rows
TOO_LONG = {"too-long": f"a line of more than {LONGEST_RECORD >> 20} MiB"}
_BLOCK = 1 << 18
_SHOWN = 1 << 16  # bytes of a long line that go to quarantine
_PROBED = 1 << 16  # bytes in which the first line end is looked for
_END = re.compile(rb"\r+\n|\n|\r")


class LinePart(bytes):
    """Part of a line of more than `LONGEST_RECORD` bytes; its last part has the line end."""


def universal_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends, `\\n`, `\\r\\n` or `\\r`, which may be mixed; a mangled `\\r\\r\\n` is one end.

    Raises:
        BadInput: a line is longer than `LONGEST_RECORD`.
    """
    for line in universal_parts(stream):
        if isinstance(line, LinePart):
            todo = "End each row with a line end; of plain text a line may be of any length."
            raise BadInput(f"lines of at most {LONGEST_RECORD} bytes", got="a longer one", todo=todo)
        yield line


def universal_parts(stream: BinaryIO) -> Iterator[bytes]:
    """Lines as of `universal_lines`; one of more than `LONGEST_RECORD` bytes as several `LinePart`."""
    held: list[bytes] = []  # the beginning of a line that is not ended
    size, long = 0, False  # of it; True if some of it has been yielded
    while block := stream.read(_BLOCK):
        while block.endswith(b"\r") and (more := stream.read(1)):  # it may be of the same line end
            block += more
        parts = block.splitlines(keepends=True)
        if b"\r\r\n" in block:
            parts = list(_joined_ends(parts))
        last = None if parts[-1].endswith((b"\n", b"\r")) else parts.pop()
        if parts:
            if long or size + len(parts[0].rstrip(b"\r\n")) > LONGEST_RECORD:
                yield from map(LinePart, [*held, parts.pop(0)])
            elif held:
                parts[0] = b"".join([*held, parts[0]])
            held, size, long = [], 0, False
        yield from parts
        if last is not None:
            held.append(last)
            size += len(last)
            if long or size > LONGEST_RECORD:
                yield from map(LinePart, held)
                held, long = [], True
    if held:
        yield b"".join(held)


def _joined_ends(parts: list[bytes]) -> Iterator[bytes]:
    """The lines; one that is `\\r\\n` alone after one that ends with `\\r` is the end of that one."""
    before = b""
    for part in parts:
        if part == b"\r\n" and before.endswith(b"\r"):
            yield before + part
            before = b""
            continue
        if before:
            yield before
        before = part
    if before:
        yield before


def lone_returns(head: bytes) -> bool:
    """Return True if the first line of a file, whose beginning is given, ends with `\\r` alone."""
    end = _END.search(head)
    return end is not None and end[0] == b"\r" and end.end() < len(head)


def ends_with_returns(stream: BinaryIO) -> bool:
    """Read the beginning of a stream; see `lone_returns`."""
    return lone_returns(stream.read(_PROBED))


class LongLines:
    """Iterates over lines with their ends, long ones in blocks; True with a block that begins a line.

    `\\n`, `\\r\\n` and `\\r` may be mixed. byte_offset, line: place of the block given last; broken: the
    reason why a damaged stream ended early, or None.
    """

    def __init__(self, stream: BinaryIO, byte_offset: int = 0, line: int = 1) -> None:
        self.stream, self.byte_offset, self.line = stream, byte_offset, line
        self.broken: str | None = None

    def __iter__(self) -> Iterator[tuple[bytes, bool]]:
        begins = True
        while True:
            try:
                block = self.stream.readline(_BLOCK)
                if block.endswith(b"\r"):
                    block += self.stream.readline(1)
            except BROKEN as error:
                self.broken = str(error)
                return
            if not block:
                return
            for part in block.splitlines(keepends=True) if b"\r" in block else [block]:
                yield part, begins
                begins = part.endswith((b"\n", b"\r"))
                self.line += begins
                self.byte_offset += len(part)


@dataclass(frozen=True)
class LongRecord:
    """A record beyond the limit: its first bytes, and the size and sha256 of all of it."""

    head: bytes
    size: int
    sha256: str

    def refuse(self, place: Place, limit: str, todo: str) -> Quarantined:
        """The record as quarantined.

        Args:
            place: of the record; its bytes are not used.
            limit: what was expected.
            todo: what to do.
        """
        begin = place.byte_offset
        got = f"bytes {begin} to {begin + self.size} of the file, sha256 {self.sha256}"
        place = replace(place, raw=self.head)
        return place.quarantine("too-long", f"expected {limit}. Got {got}", todo)


class Digest:
    """Size, sha256 and first bytes of a record whose parts come one after the other."""

    def __init__(self, parts: Iterable[bytes] = ()) -> None:
        self.size, self._head, self._sha256 = 0, b"", hashlib.sha256()
        for part in parts:
            self.update(part)

    def update(self, part: bytes | memoryview) -> None:
        """Add the next bytes."""
        self.size += len(part)
        self._head += bytes(part[: max(_SHOWN - len(self._head), 0)])
        self._sha256.update(part)

    def record(self) -> LongRecord:
        """The record so far."""
        return LongRecord(self._head, self.size, self._sha256.hexdigest())


def long_line(record: LongRecord, source: str, line: int, byte_offset: int) -> Quarantined:
    """A line of JSON beyond the limit as quarantined."""
    todo = "Divide the record, or give its text as a file of plain text, which may be of any length."
    place = Place(source, line, byte_offset, b"")
    return record.refuse(place, f"a line of at most {LONGEST_RECORD} bytes", todo)


def bounded_lines(stream: BinaryIO, returns: bool = False) -> Iterator[bytes | LongRecord]:
    """Lines with their ends; those of more than `LONGEST_RECORD` bytes are read past.

    Args:
        stream: from the beginning of a line.
        returns: True for a file of lone returns, whose lines end as those of `universal_lines`; the lines of
            others end with `\\n`, since a return is white space in JSON.
    """
    if returns:
        yield from joined_parts(universal_parts(stream))
        return
    while raw := stream.readline(LONGEST_RECORD + 1):
        if len(raw) <= LONGEST_RECORD or raw.endswith(b"\n"):
            yield raw
            continue
        digest = Digest([raw])
        while not raw.endswith(b"\n") and (raw := stream.readline(_BLOCK)):
            digest.update(raw)
        yield digest.record()


def joined_parts(lines: Iterable[bytes]) -> Iterator[bytes | LongRecord]:
    """Lines of `universal_parts`, the parts of a long one as its record."""
    digest: Digest | None = None  # of a long line
    for line in lines:
        if not isinstance(line, LinePart):
            yield line
            continue
        digest = digest or Digest()
        digest.update(line)
        if line.endswith((b"\n", b"\r")):
            yield digest.record()
            digest = None
    if digest is not None:
        yield digest.record()
