"""Plain text: a file is one document of any length, read block by block with exact character offsets.

UTF-8, or UTF-16 with a byte order mark; the mark is no part of the text. Line ends stay as they are. `split`
finds slices of a long file that give the same sentences as the whole.
"""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from elman.data.formats.common.encodings import NOT_UTF8
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.formats.common.streams import WrappedStream
from elman.data.formats.registry import Head, Opener, TextFormat, register
from elman.data.text.invisible import is_blank, is_joined, last_visible, margin_of, visible
from elman.data.text.scanner import Scanner, thread_scanner
from elman.data.text.tokenizer import LOOKAHEAD, MARGIN, PROBED, Tokenizer, wraps_lines

AHEAD = 1 << 12  # bytes after a slice that its reader sees, too
BLOCK = 1 << 18  # bytes read at a time
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def _encoding(opener: Opener) -> tuple[int, str]:
    """Length of the byte order mark in bytes, and the encoding."""
    with opener() as stream:
        head = stream.read(4)
    return next(((len(mark), name) for mark, name in _MARKS if head.startswith(mark)), (0, "utf-8"))


def _decoded(opener: Opener) -> Iterator[tuple[str, int]]:
    """Blocks of a file as text, each with the number of bytes it was.

    Raises:
        UnicodeDecodeError: with `start` counted from the beginning of the file.
    """
    skip, encoding = _encoding(opener)
    decoder = codecs.getincrementaldecoder(encoding)()
    done = skip
    with opener() as stream:
        stream.read(skip)
        while True:
            raw = stream.read(BLOCK)
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


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read a file or a slice in bounded memory; see `data.formats.registry.TextReader`.

    Yields:
        parts of the one document, each some whole sentences, in order; or the file as quarantined, alone,
        where it is not text in UTF-8 or has no visible character.
    """
    scanner = thread_scanner(options.tokenizer_in_use, options.strings)
    if slice_ is not None:
        parts = _slice_parts(opener, source, scanner, slice_)
    else:
        slices = _find_slices(opener, source, scanner.tokenizer, None)
        if isinstance(slices, Quarantined):
            yield slices
            return
        parts = _parts((text for text, _ in _decoded(opener)), source, scanner, slices[0].state["wrapped"])
    yield from parts if options.flat else (part.document() for part in parts)


def _slice_parts(opener: Opener, source: str, scanner: Scanner, slice_: Slice) -> Iterator[Flat]:
    """Parts of a slice, whose stream is UTF-8 and goes on for `AHEAD` bytes after it, or to the end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    limit: int | None = None

    def texts(stream: BinaryIO) -> Iterator[str]:
        nonlocal limit
        left, at = slice_.end - slice_.begin, slice_.state["char"]
        while left > 0 and (raw := stream.read(min(BLOCK, left))):
            left -= len(raw)
            text = decoder.decode(raw)
            at += len(text)
            yield text
        ahead = decoder.decode(stream.read(AHEAD))
        if ahead:
            limit = at
            yield ahead

    with opener() as stream:
        parts = _parts(texts(stream), source, scanner, slice_.state["wrapped"], slice_.state["char"])
        for part in parts:
            if limit is None:
                yield part
                continue
            beyond = part.last[-1] > limit
            count = int(np.searchsorted(part.first, limit)) if beyond else len(part.first)
            if count:
                yield part.head(count)
            if beyond:
                return


def utf8(stream: BinaryIO) -> BinaryIO:
    """Stream of UTF-8 of a file in UTF-16; the stream itself if it is UTF-8."""
    head = stream.peek(4)[:4]  # type: ignore[attr-defined]
    size, name = next(((len(m), name) for m, name in _MARKS if head.startswith(m)), (0, "utf-8"))
    if name == "utf-8":
        return stream
    stream.read(size)
    return io.BufferedReader(_Recoded(stream, name))


class _Recoded(WrappedStream):
    """Stream of UTF-8 decoded from another encoding."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self.stream, self.decoder, self.held = stream, codecs.getincrementaldecoder(encoding)(), b""

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes."""
        while not self.held:
            raw = self.stream.read(BLOCK)
            self.held = self.decoder.decode(raw, final=not raw).encode()
            if not raw:
                break
        some, self.held = self.held[: len(buffer)], self.held[len(buffer) :]
        buffer[: len(some)] = some
        return len(some)


def split(opener: Opener, source: str, options: Options, size: SliceSize) -> list[Slice] | Quarantined:
    """Find slices that end between two sentences, whatever follows; see `data.formats.registry.TextSplitter`.

    Returns:
        slices, whose bytes count in UTF-8, with state: char, characters before the slice; wrapped, True if
        lines are hard-wrapped; or the file as quarantined.
    """
    return _find_slices(opener, source, options.tokenizer_in_use, size)


def _find_slices(
    opener: Opener, source: str, tokenizer: Tokenizer, size: SliceSize | None
) -> list[Slice] | Quarantined:
    """As `split`; one slice if `size` is None."""
    splitter = _Splitter(tokenizer, size, _encoding(opener))
    try:
        for text, count in _decoded(opener):
            if "\x00" in text:
                bad = BadRecord("not-text", "expected text. Got NUL bytes", "Give a text file.")
                return _quarantined(opener, source, 0, bad)
            splitter.feed(text, count)
    except UnicodeDecodeError as error:
        detail = f"expected {error.encoding.upper()}. Got something else at byte {error.start}"
        bad = BadRecord("invalid-utf8", detail, NOT_UTF8)
        return _quarantined(opener, source, error.start, bad)
    if not splitter.visible:
        bad = BadRecord("no-text", "expected text. Got white space alone", "Fill the file.")
        return _quarantined(opener, source, 0, bad)
    return splitter.end()


class _Splitter:
    """Finds the slices of a text that is fed block by block."""

    BEFORE = 256  # characters before a position that decide whether a sentence ends there
    AFTER = MARGIN + LOOKAHEAD

    def __init__(self, tokenizer: Tokenizer, size: SliceSize | None, encoding: tuple[int, str]) -> None:
        skip, name = encoding
        self.tokenizer, self.size = tokenizer, size
        self.recoded = name != "utf-8"
        self.slices: list[Slice] = []
        self.begin, self.char = (0 if self.recoded else skip), 0  # of the open slice
        self.text, self.at_byte, self.at_char, self.bytes = "", self.begin, 0, 0  # the buffer
        self.wrapped: bool | None = None
        self.visible = False
        self.searched = 0  # characters of the buffer searched without success

    def feed(self, text: str, count: int) -> None:
        """Add the next block and the number of bytes it was."""
        self.visible = self.visible or not is_blank(text)
        if self.wrapped is None or self.size is not None:
            self.text += text
            self.bytes += len(text.encode()) if self.recoded else count
            if self.wrapped is None and len(self.text) >= PROBED:
                self.wrapped = wraps_lines(self.text)
            if self.wrapped is not None:
                self._split(ended=False)

    def end(self) -> list[Slice]:
        """Return the slices after the last block."""
        if self.wrapped is None:
            self.wrapped = wraps_lines(self.text)
        self._split(ended=True)
        if self.at_byte + self.bytes > self.begin or not self.slices:
            self._close(self.at_byte + self.bytes, self.char)
        return self.slices

    def _close(self, end: int, char: int) -> None:
        self.slices.append(Slice(self.begin, end, {"char": self.char, "wrapped": self.wrapped}))
        self.begin, self.char = end, char

    def _split(self, ended: bool) -> None:
        while self.size is not None:
            wanted = self.begin + self.size(len(self.slices))
            if wanted >= self.at_byte + self.bytes:
                self._forget(len(self.text))
                return
            place = max(self._index(wanted - self.at_byte), self.searched)
            if (end := self._place(place)) is None:
                if not ended:
                    self.searched = max(len(self.text) - self.AFTER, place)
                    self._forget(self.searched)
                return
            self.searched = 0
            self._close(self.at_byte + self._size(end), self.at_char + end)

    def _place(self, place: int) -> int | None:
        """The first position from `place` on at which a sentence certainly ends."""
        assert self.wrapped is not None
        step = 1 << 11
        while place + self.AFTER < len(self.text):
            low = max(place - self.BEFORE, 0)
            some, step = self.text[low : place + step], min(2 * step, 1 << 16)
            for end in self.tokenizer.cuts(some, self.wrapped, 0):
                before, after = some[max(end - self.BEFORE, 0) : end], some[end : end + LOOKAHEAD]
                if place <= low + end <= low + len(some) - self.AFTER and self._is_certain(before, after):
                    return low + end
            place = low + len(some) - self.AFTER + 1
        return None

    def ends_at(self, place: int) -> bool:
        """Return True if a sentence certainly ends at a position of the buffer."""
        return self._place(place) == place

    def _is_certain(self, before: str, after: str) -> bool:
        """True if a sentence ends between two texts whatever is around them."""
        shown = visible(before + after)
        many = len(before) + len(after) - len(shown) > self.BEFORE // 2  # they hide what decides
        joined = is_joined(before + after, len(before))
        return not (many or joined or is_blank(after)) and (after[0].isspace() or before[-1] > "\x7f")

    def _index(self, byte: int) -> int:
        """The character of the buffer that holds a byte."""
        if byte <= 0 or len(self.text) == self.bytes:
            return max(byte, 0)
        return len(self.text.encode()[:byte].decode("utf-8", "ignore"))

    def _size(self, characters: int) -> int:
        """Bytes of the first characters of the buffer."""
        return characters if len(self.text) == self.bytes else len(self.text[:characters].encode())

    def _forget(self, place: int) -> None:
        """Drop text of the buffer that no split from `place` on needs."""
        drop = place - self.BEFORE
        if drop > 0:
            size = self._size(drop)
            self.text, self.searched = self.text[drop:], max(self.searched - drop, 0)
            self.at_byte, self.at_char, self.bytes = (
                self.at_byte + size,
                self.at_char + drop,
                self.bytes - size,
            )


def may_end(text: str, end: int, options: Options, slice_: Slice) -> int | None:
    """`end` if a slice may end behind a sentence that ends there; see `data.formats.registry.TextFormat`."""
    low = max(end - _Splitter.BEFORE, 0)
    near = _Splitter(options.tokenizer_in_use, None, (0, "utf-8"))
    near.wrapped, near.text = slice_.state["wrapped"], text[low : end + 2 * _Splitter.AFTER]
    return end if near.ends_at(end - low) else None


def _quarantined(opener: Opener, source: str, offset: int, error: BadRecord) -> Quarantined:
    with opener() as stream:
        raw = stream.read(1 << 16)
    line = _line(opener, offset) if error.args[0] == "invalid-utf8" else None
    return Place(source, line, offset, raw).refuse(error)


def _line(opener: Opener, offset: int) -> int | None:
    """The line, from 1, of a byte of a file in UTF-8; None in another encoding."""
    if _encoding(opener)[1] != "utf-8":
        return None
    line = 1
    with opener() as stream:
        while offset > 0 and (block := stream.read(min(offset, BLOCK))):
            line += block.count(b"\n")
            offset -= len(block)
    return line


def _parts(
    blocks: Iterator[str], source: str, scanner: Scanner, wrapped: bool, at: int = 0
) -> Iterator[Flat]:
    """Split block by block; a sentence waits until what follows it can no longer change it.

    A sentence longer than a block is read on in doubled steps, so that the work grows with the text alone.
    `at` is the number of characters of the document before the first block.
    """
    text, begin, wanted = "", 0, BLOCK
    ended = False
    while not ended:
        while len(text) < wanted and not ended:
            block = next(blocks, None)
            ended = block is None
            text += block or ""
        bounds, starts, ends = scanner.sentences(text, wrapped, begin)
        count = len(bounds) - 1
        if not ended and count:  # the last one may go on
            margin = len(text) - margin_of(text, MARGIN)
            certain = np.searchsorted(ends[bounds[1:] - 1], margin, side="right")
            count = min(count - 1, int(certain))
        if count:
            tokens = int(bounds[count])
            end = int(ends[tokens - 1])
            own = text if ended else text[:end]
            yield Flat(source, source, at, own, bounds[: count + 1], at + starts[:tokens], at + ends[:tokens])
            # one visible character stays, as tokens may look back at it
            back = last_visible(text, end)
            at, text, begin = at + back, text[back:], end - back
        wanted = max(BLOCK, 2 * len(text))


_MARKUP = re.compile(r"<(\?xml|!doctype|html)", re.IGNORECASE)
_NOT_PROSE = (
    ".ann",
    ".a1",
    ".a2",
    ".conf",
    ".json",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".cfg",
    ".html",
    ".xml",
    ".css",
    ".js",
    ".py",
    ".sh",
)


def _unfit(head: Head) -> str | None:
    """Reason why a file that matches no other format is no plain text to learn from, or None."""
    if head.first[:1] in "{[" and (head.name.endswith(".json") or head.first.rstrip()[-1:] in "{[}],"):
        return "JSON, but not lines with a `text` each"
    if _MARKUP.match(head.first):
        return "markup"
    if head.name.endswith(_NOT_PROSE):
        return f"no prose ({Path(head.name).suffix})"
    rows = [line.split("\t") for line in head.lines[:200]]
    table = len(rows) > 1 and len(rows[0]) > 1 and len({len(row) for row in rows}) == 1
    return "a table without a column of tags" if table or head.name.endswith((".tsv", ".csv")) else None


register(
    TextFormat(
        name="plain",
        rank=1000,  # the last: it matches any file
        matches=lambda head: True,
        read=read,
        split=split,
        passes=2,
        lookahead=AHEAD,
        recode=utf8,
        one_document=True,
        may_end=may_end,
        unfit=_unfit,
        utf16=True,
        title="plain text",
        record="a file",
        notes="UTF-8, or UTF-16 with a byte order mark; split into sentences and tokens",
        hint="plain text in UTF-8",
        reasons={
            "invalid-utf8": "bytes that are not UTF-8",
            "not-text": "NUL bytes",
            "no-text": "a record without text",
        },
    )
)
