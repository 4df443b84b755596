"""Lines of a stream that ends them with `\\n`, `\\r\\n` or, as old Macintosh files, `\\r` alone."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from elman.data.errors import BadInput
from elman.data.formats.common.long_lines import LONGEST_LINE

_BLOCK = 1 << 18
_PROBED = 1 << 16  # bytes in which the first line end is looked for
_END = re.compile(rb"\r+\n|\n|\r")


def universal_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends, which may be mixed; `\\r\\r\\n`, a mangled `\\r\\n`, is one end.

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
