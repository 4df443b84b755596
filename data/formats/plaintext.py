"""Plain text: a file is one document of any length, read in pieces with exact character offsets.

UTF-8, or UTF-16 with a byte order mark; the mark is no part of the text. Line ends stay as they are. `cut`
finds where a long file can be read in slices that give the same sentences as the whole.
"""

import codecs
import io
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np

from elman.data.formats.records import Flat, Quarantined
from elman.data.formats.slices import AHEAD, Slice, SliceSize
from elman.data.formats.streams import WrappedStream
from elman.data.text.scanner import Scanner
from elman.data.text.tokenizer import LOOKAHEAD, MARGIN, PROBED, Tokenizer, wraps_lines

PIECE = 1 << 18  # bytes read at a time
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def _encoding(opener: Callable[[], BinaryIO]) -> tuple[int, str]:
    """Bytes of the byte order mark, and the encoding."""
    with opener() as stream:
        head = stream.read(4)
    return next(((len(mark), name) for mark, name in _MARKS if head.startswith(mark)), (0, "utf-8"))


def _pieces(opener: Callable[[], BinaryIO]) -> Iterator[tuple[str, int]]:
    """Decoded pieces of a file, each with the number of bytes it was.

    Raises:
        UnicodeDecodeError: with `start` counted from the beginning of the file.
    """
    skip, encoding = _encoding(opener)
    decoder = codecs.getincrementaldecoder(encoding)()
    done = skip
    with opener() as stream:
        stream.read(skip)
        while True:
            raw = stream.read(PIECE)
            waiting = len(decoder.getstate()[0])
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                error.start += done - waiting
                raise
            done += len(raw)
            if text:
                yield text, len(raw)
            if not raw:
                return


def read(opener: Callable[[], BinaryIO], source: str, scanner: Scanner) -> Iterator[Flat | Quarantined]:
    """Read a file; memory does not grow with it.

    Args:
        opener: opens the decompressed file; called several times.
        source: its name, also the id of the document.
        scanner: cuts it into sentences and tokens.

    Yields:
        parts of the one document, each some whole sentences, in order; or the file as refused, alone,
        where it is not text in UTF-8 or holds nothing visible.
    """
    found = split(opener, source, scanner.tokenizer, None)
    if isinstance(found, Quarantined):
        yield found
        return
    yield from _parts((text for text, _ in _pieces(opener)), source, scanner, found[0].state["wrapped"])


def read_slice(stream: BinaryIO, source: str, scanner: Scanner, piece: Slice) -> Iterator[Flat]:
    """Read a slice that `cut` found; together all slices give what `read` gives of the whole.

    Args:
        stream: UTF-8, stands where the slice begins and goes on for `AHEAD` bytes after it, or to the end.
        source, scanner: as of `read`.
        piece: the slice.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    limit: int | None = None

    def pieces() -> Iterator[str]:
        nonlocal limit
        left, at = piece.end - piece.begin, piece.state["char"]
        while left > 0 and (raw := stream.read(min(PIECE, left))):
            left -= len(raw)
            text = decoder.decode(raw)
            at += len(text)
            yield text
        ahead = decoder.decode(stream.read(AHEAD))
        if ahead:
            limit = at
            yield ahead

    for flat in _parts(pieces(), source, scanner, piece.state["wrapped"], piece.state["char"]):
        if limit is None or flat.last[-1] <= limit:
            yield flat
            continue
        count = int(np.searchsorted(flat.first, limit))
        if count:
            tokens = int(flat.bounds[count])
            yield Flat(
                source,
                source,
                flat.at,
                flat.text,
                flat.bounds[: count + 1],
                flat.starts[:tokens],
                flat.ends[:tokens],
            )
        return


def utf8(stream: BinaryIO) -> BinaryIO:
    """A file in UTF-16 as a stream of UTF-8; one in UTF-8 as it is."""
    head = stream.peek(4)[:4]  # type: ignore[attr-defined]
    size, name = next(((len(m), name) for m, name in _MARKS if head.startswith(m)), (0, "utf-8"))
    if name == "utf-8":
        return stream
    stream.read(size)
    return io.BufferedReader(_Recoded(stream, name))


class _Recoded(WrappedStream):
    """A stream of UTF-8 made from one of another encoding."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self.stream, self.decoder, self.held = stream, codecs.getincrementaldecoder(encoding)(), b""

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        while not self.held:
            raw = self.stream.read(PIECE)
            self.held = self.decoder.decode(raw, final=not raw).encode()
            if not raw:
                break
        some, self.held = self.held[: len(buffer)], self.held[len(buffer) :]
        buffer[: len(some)] = some
        return len(some)


def split(
    opener: Callable[[], BinaryIO], source: str, tokenizer: Tokenizer, size: SliceSize | None
) -> list[Slice] | Quarantined:
    """Find where a file can be cut: between two sentences, whatever stands further off.

    Args:
        opener, source: as of `read`.
        tokenizer: says where sentences end.
        size: of the slices; None: only one.

    Returns:
        slices, whose bytes count as in UTF-8, with state: char, characters before; wrapped, whether lines
        are hard-wrapped; or the file as refused.
    """
    cutter = _Cutter(tokenizer, size, _encoding(opener))
    try:
        for text, count in _pieces(opener):
            if "\x00" in text:
                detail = "expected text. Got NUL bytes"
                return _refuse(opener, source, 0, "not-text", detail, "Give a text file.")
            cutter.feed(text, count)
    except UnicodeDecodeError as error:
        detail = f"expected {error.encoding.upper()}. Got something else at byte {error.start}"
        return _refuse(opener, source, error.start, "invalid-utf8", detail, "Save the file as UTF-8.")
    if not cutter.visible:
        detail = "expected text. Got white space alone"
        return _refuse(opener, source, 0, "no-text", detail, "Fill the file.")
    return cutter.end()


class _Cutter:
    """Finds the slices of a text that comes in pieces."""

    BEFORE = 256  # characters in front of a cut that settle whether a sentence ends there
    AFTER = MARGIN + LOOKAHEAD

    def __init__(self, tokenizer: Tokenizer, size: SliceSize | None, encoding: tuple[int, str]) -> None:
        skip, name = encoding
        self.tokenizer, self.size = tokenizer, size
        self.recoded = name != "utf-8"
        self.slices: list[Slice] = []
        self.begin, self.char = (0 if self.recoded else skip), 0  # of the slice that is open
        self.text, self.at_byte, self.at_char, self.bytes = "", self.begin, 0, 0  # what is at hand
        self.wrapped: bool | None = None
        self.visible = False
        self.searched = 0  # characters at hand that have been looked at in vain

    def feed(self, text: str, count: int) -> None:
        """Take the next piece, which was so many bytes."""
        self.visible = self.visible or not text.isspace()
        if self.wrapped is None or self.size is not None:
            self.text += text
            self.bytes += len(text.encode()) if self.recoded else count
            if self.wrapped is None and len(self.text) >= PROBED:
                self.wrapped = wraps_lines(self.text)
            if self.wrapped is not None:
                self._cut(ended=False)

    def end(self) -> list[Slice]:
        """The slices, when there is no more to come."""
        if self.wrapped is None:
            self.wrapped = wraps_lines(self.text)
        self._cut(ended=True)
        if self.at_byte + self.bytes > self.begin or not self.slices:
            self._close(self.at_byte + self.bytes, self.char)
        return self.slices

    def _close(self, end: int, char: int) -> None:
        self.slices.append(Slice(self.begin, end, {"char": self.char, "wrapped": self.wrapped}))
        self.begin, self.char = end, char

    def _cut(self, ended: bool) -> None:
        while self.size is not None:
            wanted = self.begin + self.size(len(self.slices))
            if wanted >= self.at_byte + self.bytes:
                self._forget(len(self.text))
                return
            place = max(self._index(wanted - self.at_byte), self.searched)
            if (found := self._place(place)) is None:
                if not ended:
                    self.searched = max(len(self.text) - self.AFTER, place)
                    self._forget(self.searched)
                return
            self.searched = 0
            self._close(self.at_byte + self._size(found), self.at_char + found)

    def _place(self, place: int) -> int | None:
        """The first place from `place` on where it is certain that a sentence ends."""
        assert self.wrapped is not None
        step = 1 << 11
        while place + self.AFTER < len(self.text):
            low = max(place - self.BEFORE, 0)
            some, step = self.text[low : place + step], min(2 * step, 1 << 16)
            for found in self.tokenizer.cuts(some, self.wrapped, 0):
                if place <= low + found <= low + len(some) - self.AFTER:
                    following = some[found : found + LOOKAHEAD]
                    if following.strip() and (some[found].isspace() or some[found - 1] > "\x7f"):
                        return low + found
            place = low + len(some) - self.AFTER + 1
        return None

    def _index(self, byte: int) -> int:
        """The character that holds a byte of the text at hand."""
        if byte <= 0 or len(self.text) == self.bytes:
            return max(byte, 0)
        return len(self.text.encode()[:byte].decode("utf-8", "ignore"))

    def _size(self, characters: int) -> int:
        """Bytes of the first characters at hand."""
        return characters if len(self.text) == self.bytes else len(self.text[:characters].encode())

    def _forget(self, place: int) -> None:
        """Let go of text that no cut from `place` on needs."""
        drop = place - self.BEFORE
        if drop > 0:
            size = self._size(drop)
            self.text, self.searched = self.text[drop:], max(self.searched - drop, 0)
            self.at_byte, self.at_char, self.bytes = (
                self.at_byte + size,
                self.at_char + drop,
                self.bytes - size,
            )


def _refuse(
    opener: Callable[[], BinaryIO], source: str, offset: int, reason: str, detail: str, todo: str
) -> Quarantined:
    with opener() as stream:
        raw = stream.read(1 << 16)
    line = _line(opener, offset) if reason == "invalid-utf8" else None
    return Quarantined(source, line, offset, reason, detail, todo, raw)


def _line(opener: Callable[[], BinaryIO], offset: int) -> int | None:
    """The line, from 1, of a byte of a file in UTF-8; None in another encoding."""
    if _encoding(opener)[1] != "utf-8":
        return None
    line = 1
    with opener() as stream:
        while offset > 0 and (piece := stream.read(min(offset, PIECE))):
            line += piece.count(b"\n")
            offset -= len(piece)
    return line


def _parts(
    pieces: Iterator[str], source: str, scanner: Scanner, wrapped: bool, at: int = 0
) -> Iterator[Flat]:
    """Cut piece by piece; a sentence waits until what follows it can no longer change it.

    A sentence longer than a piece is read on in doubled steps, so that the work grows with the text alone.
    `at` says how many characters of the document stand before the first piece.
    """
    text, begin, wanted = "", 0, PIECE
    ended = False
    while not ended:
        while len(text) < wanted and not ended:
            piece = next(pieces, None)
            ended = piece is None
            text += piece or ""
        bounds, starts, ends = scanner.sentences(text, wrapped, begin)
        count = len(bounds) - 1
        if not ended and count:  # the last goes on, as far as is known
            settled = np.searchsorted(ends[bounds[1:] - 1], len(text) - MARGIN, side="right")
            count = min(count - 1, int(settled))
        if count:
            tokens = int(bounds[count])
            end = int(ends[tokens - 1])
            yield Flat(
                source, source, at, text[:end], bounds[: count + 1], at + starts[:tokens], at + ends[:tokens]
            )
            # one character stays, as tokens may look back at it
            at, text, begin = at + end - 1, text[end - 1 :], 1
        wanted = max(PIECE, 2 * len(text))
