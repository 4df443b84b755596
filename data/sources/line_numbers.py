"""Lines of places in a source that are known by their byte or character."""

import io
from collections.abc import Callable, Iterable
from typing import AnyStr

from elman.data.formats.registry import TableFormat, TextFormat
from elman.data.sources.detect import Source
from elman.data.sources.splitting import open_whole

_BLOCK = 1 << 20


def line_numbers(file: Source, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Lines, from 1, of places in a text, in one pass; none where its format has no lines.

    Args:
        file: the source.
        places: of each the byte at which its record begins, as in `schema.TEXT`, and its first character in
            the document; this counts where the source is one document.
    """
    format_ = file.format
    if not isinstance(format_, TextFormat) or (isinstance(format_, TableFormat) and format_.row_slices):
        return {}
    with open_whole(file) as stream:
        if format_.one_document:
            text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
            lines = _lines_at(text.read, (start for _, start in places), "\r", "\n")
            return {place: lines[place[1]] for place in places}
        lines = _lines_at(stream.read, (byte for byte, _ in places), b"\r", b"\n")
        return {place: lines[place[0]] for place in places}


def _lines_at(
    read: Callable[[int], AnyStr], offsets: Iterable[int], feed: AnyStr, end: AnyStr
) -> dict[int, int]:
    """Number of the line of each offset; lines end with `\\n`, `\\r\\n`, `\\r` or `\\r\\r\\n`."""
    found: dict[int, int] = {}
    line, at = 1, 0
    held = feed[:0]  # returns that may be of the same line end as what follows
    for offset in sorted(set(offsets)):
        while at < offset and (block := read(min(_BLOCK, offset - at))):
            at += len(block)
            block = held + block
            whole = block.rstrip(feed)
            held = block[len(whole) :]
            line += _count_ends(whole, feed, end)
        found[offset] = line + _count_ends(held, feed, end)
    return found


def _count_ends(block: AnyStr, feed: AnyStr, end: AnyStr) -> int:
    joined = block.count(feed + end) + block.count(feed + feed + end)
    return block.count(end) + block.count(feed) - joined
