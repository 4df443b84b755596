"""Lines of any length: in blocks, or whole up to a limit, so that an endless one does not fill the memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from elman.data.formats.common.records import Place, Quarantined
from elman.data.formats.common.streams import BROKEN

BLOCK = 1 << 18
LONGEST_LINE = 64 << 20  # bytes of a line that is parsed whole
TOO_LONG = {"too-long": f"a line of more than {LONGEST_LINE >> 20} MiB"}
_SHOWN = 1 << 16  # bytes of a line that go to quarantine


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
                block = self.stream.readline(BLOCK)
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
        while part := stream.readline(BLOCK):
            size += len(part)
            digest.update(part)
            if part.endswith(b"\n"):
                break
        yield LongLine(head, size, digest.hexdigest())
