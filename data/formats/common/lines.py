"""Lines of a stream: with any line end, in blocks, or whole up to a limit, so that none fills the memory."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from elman.data.errors import BadInput
from elman.data.formats.common.records import Place, Quarantined
from elman.data.formats.common.streams import BROKEN

LONGEST_LINE = 64 << 20  # bytes of a line that is parsed whole
TOO_LONG = {"too-long": f"a line of more than {LONGEST_LINE >> 20} MiB"}
_BLOCK = 1 << 18
_SHOWN = 1 << 16  # bytes of a long line that go to quarantine
_PROBED = 1 << 16  # bytes in which the first line end is looked for
_END = re.compile(rb"\r+\n|\n|\r")


def universal_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends, `\\n`, `\\r\\n` or `\\r`, which may be mixed; a mangled `\\r\\r\\n` is one end.

    Raises:
        BadInput: a line is longer than `LONGEST_LINE`.
    """
    held: list[bytes] = []  # the beginning of a line that is not ended
    size = 0  # of it
    while block := stream.read(_BLOCK):
        while block.endswith(b"\r") and (more := stream.read(1)):  # it may be of the same line end
            block += more
        parts = block.splitlines(keepends=True)
        if b"\r\r\n" in block:
            parts = list(_joined_ends(parts))
        last = None if parts[-1].endswith((b"\n", b"\r")) else parts.pop()
        if held and parts:
            parts[0] = b"".join([*held, parts[0]])
            held, size = [], 0
        if last is not None:
            held.append(last)
            size += len(last)
            if size > LONGEST_LINE:
                todo = "End each row with a line end; of plain text a line may be of any length."
                raise BadInput(f"lines of at most {LONGEST_LINE} bytes", got="a longer one", todo=todo)
        yield from parts
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
class LongLine:
    """A line beyond the limit: its first bytes, and the size and sha256 of all of it."""

    head: bytes
    size: int
    sha256: str

    def refuse(self, source: str, line: int, byte_offset: int) -> Quarantined:
        """The line as quarantined."""
        detail = (
            f"expected a line of at most {LONGEST_LINE} bytes. Got bytes {byte_offset} to "
            f"{byte_offset + self.size} of the file, sha256 {self.sha256}"
        )
        todo = "Divide the record, or give its text as a file of plain text, which may be of any length."
        return Place(source, line, byte_offset, self.head).quarantine("too-long", detail, todo)


def bounded_lines(stream: BinaryIO) -> Iterator[bytes | LongLine]:
    """Lines with their ends, `\\n`; those of more than `LONGEST_LINE` bytes are read past."""
    while raw := stream.readline(LONGEST_LINE + 1):
        if len(raw) <= LONGEST_LINE or raw.endswith(b"\n"):
            yield raw
            continue
        head, size, digest = raw[:_SHOWN], len(raw), hashlib.sha256(raw)
        while part := stream.readline(_BLOCK):
            size += len(part)
            digest.update(part)
            if part.endswith(b"\n"):
                break
        yield LongLine(head, size, digest.hexdigest())
