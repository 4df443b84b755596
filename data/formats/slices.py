"""Slices of a source: stretches of its bytes that can be read apart, and give the same records.

Where a slice may begin is a matter of the format: after a line of JSON lines, before an entry of FASTA, after
one of GenBank, between two sentences of plain text (`data.formats.plaintext.split`) or two documents of CoNLL
(`data.formats.conll.split`). `state` carries what a reader has to know of what stands before.
"""

import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from elman.data.formats.streams import WrappedStream

AHEAD = 1 << 12  # bytes after a slice that a reader of plain text sees, too
BLOCK = 1 << 20
BROKEN = (EOFError, zlib.error, OSError)  # what a damaged file raises; an OSError then has no number


@dataclass(frozen=True)
class Slice:
    """A stretch of a source.

    begin, end: bytes of the source as decompressed, in UTF-8; of Parquet, row groups.
    state: what its reader has to know, plain values.
    """

    begin: int
    end: int
    state: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> list[Any]:
        """As plain values."""
        return [self.begin, self.end, self.state]

    @classmethod
    def from_json(cls, value: list[Any]) -> "Slice":
        """From the plain values of `to_json`."""
        return cls(*value)


@dataclass(frozen=True)
class SliceSize:
    """How long the slices of a source are.

    The first are shorter, so that something is done soon; a slice goes on to where it may end.
    """

    most: int
    first: int

    FIRST = 4  # slices

    @classmethod
    def of(cls, size: int) -> "SliceSize":
        """About so many bytes."""
        return cls(size, max(size // 4, 1))

    def __call__(self, number: int) -> int:
        """Bytes of a slice, by its number."""
        return self.first if number < self.FIRST else self.most


def blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a stream, whatever of them can be had before it turns out to be damaged."""
    while block := stream.read1(BLOCK):  # type: ignore[attr-defined]
        yield block


def split_lines(stream: BinaryIO, size: SliceSize) -> list[Slice]:
    """Slices that end after a line; state: line, how many lines stand before."""
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


class SeenIds:
    """Names that have been met, as 8 bytes each."""

    def __init__(self) -> None:
        self.recent: set[int] = set()
        self.older = np.empty(0, np.uint64)

    def is_new(self, name: str) -> bool:
        """Whether a name comes for the first time."""
        short = short_hash(name)
        at = np.searchsorted(self.older, np.uint64(short))
        if short in self.recent or (at < len(self.older) and self.older[at] == short):
            return False
        self.recent.add(short)
        if len(self.recent) > max(1 << 16, len(self.older) // 8):
            recent = np.fromiter(self.recent, np.uint64, len(self.recent))
            self.older = np.sort(np.concatenate([self.older, recent]))
            self.recent.clear()
        return True


def short_hash(name: str) -> int:
    """8 bytes of a hash of a name."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())


@dataclass(frozen=True)
class EntryPattern:
    """How the entries of a format are told apart.

    pattern: matches, from the line end before it to just before the next, a line that names an entry (group
    1) or ends one; leading: whether the naming line begins the entry; lines: bytes that end a line.
    """

    pattern: re.Pattern[bytes]
    leading: bool
    lines: re.Pattern[bytes]


FASTA = EntryPattern(re.compile(rb"[\r\n]>([^\r\n]*)(?=[\r\n])"), True, re.compile(rb"\r\n|\r|\n"))
GENBANK = EntryPattern(
    re.compile(rb"\n(?://[ \t\r]*|VERSION +([^\s]+)[^\n]*)(?=\n)"), False, re.compile(rb"\n")
)
_LONGEST_HEAD = 1 << 20


def split_entries(stream: BinaryIO, size: SliceSize, entries: EntryPattern) -> list[Slice]:
    """Slices of whole entries.

    state: line, how many lines stand before; seen, names in the slice that an earlier slice has; broken, why
    the source ends there, of the last slice of one that is damaged.
    """
    slices: list[Slice] = []
    met, own, seen = SeenIds(), set[str](), list[str]()
    begin = lines = first = 0
    buffer, at = b"\n", -1  # a line end that is not there, before the first line
    counted = 1  # up to where in the buffer the lines have been counted
    broken: str | None = None
    source = blocks(stream)

    def count(upto: int) -> None:
        nonlocal lines, counted
        lines += sum(1 for _ in entries.lines.finditer(buffer, counted, upto))
        counted = max(upto, counted)

    def close(end: int) -> None:
        nonlocal begin, first, seen
        count(end - at)
        slices.append(Slice(begin, end, {"line": first} | ({"seen": seen} if seen else {})))
        begin, first, seen = end, lines, []
        own.clear()

    ended = False
    while not ended:
        try:
            block = next(source, b"")
        except BROKEN as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            block, broken = b"", str(error)
        ended = not block
        buffer += block or b"\n"
        for match in entries.pattern.finditer(buffer):
            name = match[1]
            edge = at + (match.start() + 1 if entries.leading else min(match.end() + 1, len(buffer)))
            if (name is not None) is entries.leading and edge - begin >= size(len(slices)):
                close(edge)
            if name is not None and (words := name.decode("utf-8", "surrogateescape").split(maxsplit=1)):
                if words[0] not in own and not met.is_new(words[0]):
                    seen.append(words[0])
                own.add(words[0])
        if ended:
            break
        keep = max(buffer.rfind(b"\n"), buffer.rfind(b"\r"))
        keep -= buffer[max(keep - 1, 0) : keep + 1] == b"\r\n"
        tail = len(buffer) - keep
        if keep < 0 or tail > (_LONGEST_HEAD if buffer[keep + 1 : keep + 2] == b">" else 1 << 16):
            keep = len(buffer) - 1
        count(keep)
        buffer, at, counted = buffer[keep:], at + keep, counted - keep
    end = at + len(buffer) - 1
    if end > begin or not slices or broken is not None:
        close(end)
    if broken is not None:
        slices[-1].state["broken"] = broken
    return slices


class SliceStream(WrappedStream):
    """The bytes of a slice as a stream of their own; one of a damaged source ends as that does.

    Args:
        stream: stands where the slice begins.
        length: bytes.
        broken: why the source ends there, if it is damaged.
    """

    def __init__(self, stream: BinaryIO, length: int, broken: str | None = None) -> None:
        self.stream, self.left, self.broken = stream, length, broken

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        some = self.stream.read(min(len(buffer), self.left))
        if not some and self.broken is not None:
            raise EOFError(self.broken)
        self.left -= len(some)
        buffer[: len(some)] = some
        return len(some)
