"""Objects of a JSON array as a stream: their bytes and places, one in memory at a time."""

import re
from collections.abc import Iterator
from typing import BinaryIO

BLOCK = 1 << 20
LONGEST_OBJECT = 64 << 20  # bytes; a longer object is read no further
_TOKEN = re.compile(rb'["{}\[\]]')
_STRING_END = re.compile(rb'["\\]')


class BrokenArray(ValueError):
    """No JSON array of objects; its argument is the byte at which it turns out."""


def objects(stream: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Find the objects of an array `[{...}, {...}]`.

    Yields:
        byte offset, line (from 1) and bytes of each object, from its brace to the matching one.

    Raises:
        BrokenArray: no array of objects, one that ends early, or an object longer than LONGEST_OBJECT.
    """
    buffer, at, line = b"", 0, 1  # bytes not done with, the offset and line where they begin
    inside = False

    def more() -> bool:
        nonlocal buffer
        block = stream.read(BLOCK)
        buffer += block
        return bool(block)

    while True:
        space = re.match(rb"[\s,]*" if inside else rb"(?:\xef\xbb\xbf)?\s*", buffer)
        assert space is not None
        line += buffer.count(b"\n", 0, space.end())
        at, buffer = at + space.end(), buffer[space.end() :]
        if not buffer:
            if more():
                continue
            raise BrokenArray(at)
        if not inside and buffer[:1] == b"[":
            inside, at, buffer = True, at + 1, buffer[1:]
        elif inside and buffer[:1] == b"]":
            return
        elif inside and buffer[:1] == b"{":
            end = _end_of_object(buffer)
            while end < 0:
                if len(buffer) > LONGEST_OBJECT or not more():
                    raise BrokenArray(at)
                end = _end_of_object(buffer)
            yield at, line, buffer[:end]
            line += buffer.count(b"\n", 0, end)
            at, buffer = at + end, buffer[end:]
        else:
            raise BrokenArray(at)


def _end_of_object(data: bytes) -> int:
    """One past the brace that closes the object at the beginning of the data; -1 if it is not there."""
    depth, at = 0, 0
    while match := _TOKEN.search(data, at):
        at = match.end()
        mark = match[0]
        if mark == b'"':
            while quote := _STRING_END.search(data, at):
                at = quote.end() + (quote[0] == b"\\")
                if quote[0] == b'"':
                    break
            else:
                return -1
        else:
            depth += 1 if mark in b"{[" else -1
            if not depth:
                return at
    return -1
