"""Plain text: a file is one document of any length, read in pieces with exact character offsets.

UTF-8, or UTF-16 with a byte order mark; the mark is no part of the text. Line ends stay as they are.
"""

import codecs
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from data.records import Flat, Refused
from data.scanner import Scanner
from data.tokenizer import JUDGED, MARGIN, wraps_lines

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


def read(opener: Callable[[], BinaryIO], source: str, scanner: Scanner) -> Iterator[Flat | Refused]:
    """Read a file; memory does not grow with it.

    Args:
        opener: opens the decompressed file; called several times.
        source: its name, also the id of the document.
        scanner: cuts it into sentences and tokens.

    Yields:
        parts of the one document, each some whole sentences, in order; or the file as refused, alone,
        where it is not text in UTF-8 or holds nothing visible.
    """
    visible = False
    try:
        for text, _ in _pieces(opener):
            if "\x00" in text:
                yield _refuse(
                    opener, source, 0, "not-text", "expected text. Got NUL bytes", "Give a text file."
                )
                return
            visible = visible or not text.isspace()
    except UnicodeDecodeError as error:
        detail = f"expected {error.encoding.upper()}. Got something else at byte {error.start}"
        yield _refuse(opener, source, error.start, "invalid-utf8", detail, "Save the file as UTF-8.")
        return
    if not visible:
        yield _refuse(opener, source, 0, "no-text", "expected text. Got white space alone", "Fill the file.")
        return
    yield from _parts(opener, source, scanner)


def _refuse(
    opener: Callable[[], BinaryIO], source: str, offset: int, reason: str, detail: str, todo: str
) -> Refused:
    with opener() as stream:
        raw = stream.read(1 << 16)
    line = _line(opener, offset) if reason == "invalid-utf8" else None
    return Refused(source, line, offset, reason, detail, todo, raw)


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


def _parts(opener: Callable[[], BinaryIO], source: str, scanner: Scanner) -> Iterator[Flat]:
    """Cut piece by piece; a sentence waits until what follows it can no longer change it.

    A sentence longer than a piece is read on in doubled steps, so that the work grows with the text alone.
    """
    at = 0  # characters of the document before `text`
    text, begin, wanted = "", 0, max(PIECE, JUDGED)
    wrapped: bool | None = None
    pieces = _pieces(opener)
    ended = False
    while not ended:
        while len(text) < wanted and not ended:
            piece = next(pieces, None)
            ended = piece is None
            text += piece[0] if piece else ""
        if wrapped is None:
            wrapped = wraps_lines(text)
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
