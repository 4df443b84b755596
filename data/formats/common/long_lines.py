"""Lines of a stream in blocks, so that one endless line costs no more than many short ones."""

from collections.abc import Iterator
from typing import BinaryIO

from elman.data.formats.common.streams import BROKEN

BLOCK = 1 << 18


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
