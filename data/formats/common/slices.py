"""Slices of a source: byte ranges that are read on their own and give together the records of the whole.

Where a slice may begin depends on the format: after a line of JSON lines, before an entry of FASTA, after one
of GenBank, between two sentences of plain text (`data.formats.text.plaintext.split`) or two documents of
CoNLL (`data.formats.text.conll.split`). `state` carries what a reader has to know of the bytes before.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from elman.data.formats.common.streams import BROKEN, WrappedStream

BLOCK = 1 << 20


@dataclass(frozen=True)
class Slice:
    """Byte range of a source.

    begin, end: bytes of the source as decompressed, in UTF-8; of Parquet, rows.
    state: what its reader has to know, plain values.
    """

    begin: int
    end: int
    state: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> list[Any]:
        """Plain JSON values."""
        return [self.begin, self.end, self.state]

    @classmethod
    def from_json(cls, value: list[Any]) -> "Slice":
        """Undo `to_json`."""
        return cls(*value)


@dataclass(frozen=True)
class SliceSize:
    """Size of the slices of a source in bytes.

    The first ones are smaller, so that results come soon; a slice goes on to where it may end.
    """

    most: int
    first: int

    FIRST = 4  # slices

    @classmethod
    def of(cls, size: int) -> "SliceSize":
        """About the given number of bytes."""
        return cls(size, max(size // 4, 1))

    def __call__(self, number: int) -> int:
        """Bytes of a slice, by its number from 0."""
        return self.first if number < self.FIRST else self.most


def blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Blocks of a stream; of a damaged one, all bytes before the damage."""
    while block := stream.read1(BLOCK):  # type: ignore[attr-defined]  # of BufferedReader, not in BinaryIO
        yield block


def split_lines(stream: BinaryIO, size: SliceSize) -> list[Slice]:
    """Slices that end after a line; state: line, the number of lines before."""
    slices: list[Slice] = []
    begin = at = lines = first = 0
    for block in blocks(stream):
        done = 0
        while True:
            end = block.find(b"\n", max(done, begin + size(len(slices)) - 1 - at))
            if end < 0:
                break
            lines += block.count(b"\n", done, end + 1)
            slices.append(Slice(begin, at + end + 1, {"line": first}))
            begin, first, done = at + end + 1, lines, end + 1
        lines += block.count(b"\n", done)
        at += len(block)
    if at > begin or not slices:
        slices.append(Slice(begin, at, {"line": first}))
    return slices


def split_sizes(sizes: Iterable[int], size: SliceSize, state: dict[str, Any]) -> list[Slice]:
    """Slices that end after a line.

    Args:
        sizes: bytes of each line with its end.
        size: of slices.
        state: of all of them, beside line, the number of lines before.
    """
    slices: list[Slice] = []
    begin = at = first = lines = 0
    for length in sizes:
        at, lines = at + length, lines + 1
        if at - begin >= size(len(slices)):
            slices.append(Slice(begin, at, {"line": first, **state}))
            begin, first = at, lines
    if at > begin or not slices:
        slices.append(Slice(begin, at, {"line": first, **state}))
    return slices


_MOST_RECENT = 1 << 19  # ids in a set, which takes some 90 bytes each; sorted they take 8


class SeenIds:
    """Set of ids seen before, stored as 64-bit hashes."""

    def __init__(self) -> None:
        self.recent: set[int] = set()
        self.older = np.empty(0, np.uint64)

    def is_new(self, id: str) -> bool:
        """Return True if an id comes for the first time, and store it."""
        short = short_hash(id)
        at = np.searchsorted(self.older, np.uint64(short))
        if short in self.recent or (at < len(self.older) and self.older[at] == short):
            return False
        self.recent.add(short)
        if len(self.recent) > min(max(1 << 16, len(self.older) // 8), _MOST_RECENT):
            recent = np.fromiter(self.recent, np.uint64, len(self.recent))
            self.recent.clear()
            self.older = np.concatenate([self.older, recent])
            self.older.sort()
        return True


def short_hash(name: str) -> int:
    """The first 64 bits of the BLAKE2b hash of a name."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())


def first_word(text: str) -> str:
    """The first word of a text, or ""."""
    return next(iter(text.split(maxsplit=1)), "")


@dataclass(frozen=True)
class EntryPattern:
    """Boundaries of the entries of a format.

    pattern: matches, from the line end before it to just before the next, a line that names an entry (group
    1) or ends one; leading: True if the naming line begins the entry; lines: bytes that end a line; id_of:
    id of an entry, as its reader has it, from group 1.
    """

    pattern: re.Pattern[bytes]
    leading: bool
    lines: re.Pattern[bytes]
    id_of: Callable[[str], str] = first_word


_LONGEST_HEAD = 1 << 20


def split_entries(stream: BinaryIO, size: SliceSize, entries: EntryPattern) -> list[Slice]:
    """Slices of whole entries.

    state: line, the number of lines before; seen, ids in the slice that an earlier slice has; broken, the
    reason why the source ends there, of the last slice of a damaged one.
    """
    splitter = _EntrySplitter(size, entries)
    source = blocks(stream)
    broken: str | None = None
    while True:
        try:
            block = next(source, b"")
        except BROKEN as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            block, broken = b"", str(error)
        if not block:
            return splitter.end(broken)
        splitter.feed(block)


class _EntrySplitter:
    """Finds the slices of a source that is fed block by block."""

    def __init__(self, size: SliceSize, entries: EntryPattern) -> None:
        self.size, self.entries = size, entries
        self.slices: list[Slice] = []
        self.begin = self.first = self.lines = 0  # of the open slice: first byte, lines before; all lines
        self.all_ids, self.own_ids, self.seen = SeenIds(), set[str](), list[str]()
        self.buffer, self.at = b"\n", -1  # begins with a line end that is not there, before the first line
        self.counted = 1  # bytes of the buffer whose lines are counted

    def feed(self, block: bytes) -> None:
        """Add the next block."""
        self._search(block)
        keep = max(self.buffer.rfind(b"\n"), self.buffer.rfind(b"\r"))
        keep -= self.buffer[max(keep - 1, 0) : keep + 1] == b"\r\n"
        tail = len(self.buffer) - keep
        if keep < 0 or tail > (_LONGEST_HEAD if self.buffer[keep + 1 : keep + 2] == b">" else 1 << 16):
            keep = len(self.buffer) - 1
        self._count(keep)
        self.buffer, self.at, self.counted = self.buffer[keep:], self.at + keep, self.counted - keep

    def end(self, broken: str | None) -> list[Slice]:
        """The slices after the last block; `broken` is the reason why a damaged source ends there."""
        self._search(b"\n")
        end = self.at + len(self.buffer) - 1
        if end > self.begin or not self.slices or broken is not None:
            self._close(end)
        if broken is not None:
            self.slices[-1].state["broken"] = broken
        return self.slices

    def _search(self, block: bytes) -> None:
        """Note the ids of the buffer and the block, and close slices between entries."""
        self.buffer += block
        leading = self.entries.leading
        for match in self.entries.pattern.finditer(self.buffer):
            name = match[1]
            edge = self.at + (match.start() + 1 if leading else min(match.end() + 1, len(self.buffer)))
            if (name is not None) is leading and edge - self.begin >= self.size(len(self.slices)):
                self._close(edge)
            if name is not None and (id_ := self.entries.id_of(name.decode("utf-8", "surrogateescape"))):
                if id_ not in self.own_ids and not self.all_ids.is_new(id_):
                    self.seen.append(id_)
                self.own_ids.add(id_)

    def _count(self, upto: int) -> None:
        """Count the lines of the buffer up to a byte."""
        self.lines += sum(1 for _ in self.entries.lines.finditer(self.buffer, self.counted, upto))
        self.counted = max(upto, self.counted)

    def _close(self, end: int) -> None:
        """End the open slice at a byte of the source."""
        self._count(end - self.at)
        state = {"line": self.first} | ({"seen": self.seen} if self.seen else {})
        self.slices.append(Slice(self.begin, end, state))
        self.begin, self.first, self.seen = end, self.lines, []
        self.own_ids.clear()


class SliceStream(WrappedStream):
    """The bytes of a slice as a stream of their own; that of a damaged source ends with the same error.

    Args:
        stream: stands where the slice begins.
        length: bytes.
        broken: reason why the source ends there, if it is damaged.
    """

    def __init__(self, stream: BinaryIO, length: int, broken: str | None = None) -> None:
        self.stream, self.left, self.broken = stream, length, broken

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes."""
        some = self.stream.read(min(len(buffer), self.left))
        if not some and self.broken is not None:
            raise EOFError(self.broken)
        self.left -= len(some)
        buffer[: len(some)] = some
        return len(some)
