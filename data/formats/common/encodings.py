"""Text in another encoding than UTF-8, recoded as it is read, and places in the original of what is refused.

A sequence that is invalid in the stated encoding becomes the byte 0xFF, which never occurs in UTF-8, so that
each reader refuses just the record it stands in.
"""

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO, TypeVar, cast

from elman.data.errors import UsageError
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.streams import WrappedStream

NOT_UTF8 = "Save the file as UTF-8, or give --encoding latin-1 if it is."
INVALID = b"\xff"
_HANDLER = "elman.invalid"
_BLOCK = 1 << 18
_STEP = 1 << 10  # bytes decoded together on the way to a place
_NO_CHARACTER_SET = {
    "idna",
    "punycode",
    "undefined",
    "utf-7",
    "unicode-escape",
    "raw-unicode-escape",
    "mbcs",
    "oem",
}

R = TypeVar("R")


def _mark_invalid(error: UnicodeError) -> tuple[str | bytes, int]:
    """Handler of errors: an invalid sequence as a lone surrogate, and any lone surrogate as `INVALID`."""
    if isinstance(error, UnicodeDecodeError):
        # one byte alone: what follows it, a line end say, is read again; the units of UTF-16 are wider
        wide = error.encoding.startswith("utf")
        return "\udcff", error.end if wide else error.start + 1
    assert isinstance(error, UnicodeEncodeError)
    return INVALID * (error.end - error.start), error.end


codecs.register_error(_HANDLER, _mark_invalid)


def known_encoding(name: str) -> str | None:
    """Python's name of an encoding; None for UTF-8, which is read as it is.

    Raises:
        UsageError: it is none of text.
    """
    try:
        known = codecs.lookup(name.strip())
    except (LookupError, ValueError):
        known = None
    if (
        known is None
        or not getattr(known, "_is_text_encoding", True)
        or known.name.replace("_", "-") in _NO_CHARACTER_SET
    ):
        raise UsageError(
            f"expected --encoding of a character set, as latin-1, cp1252, shift_jis or gb18030. Got {name!r}."
        )
    return None if known.name in ("utf-8", "utf-8-sig", "ascii") else known.name


class Recoded(WrappedStream):
    """Stream of UTF-8 decoded from another encoding."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self.stream, self.held = stream, b""
        self.decoder = codecs.getincrementaldecoder(encoding)(_HANDLER)

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes."""
        while not self.held:
            raw = self.stream.read(_BLOCK)
            self.held = self.decoder.decode(raw, final=not raw).encode("utf-8", _HANDLER)
            if not raw:
                break
        some, self.held = self.held[: len(buffer)], self.held[len(buffer) :]
        buffer[: len(some)] = some
        return len(some)


def recoded(stream: BinaryIO, encoding: str | None) -> BinaryIO:
    """A stream as UTF-8; the stream itself if no encoding is stated."""
    return stream if encoding is None else cast(BinaryIO, io.BufferedReader(Recoded(stream, encoding)))


def recoded_head(raw: bytes, encoding: str) -> bytes:
    """The beginning of a file as UTF-8; a character that is cut at its end is left out."""
    return codecs.getincrementaldecoder(encoding)(_HANDLER).decode(raw).encode("utf-8", _HANDLER)


class _Original:
    """A file in its own encoding, read forwards to places that are counted in UTF-8."""

    def __init__(self, opener: Callable[[], BinaryIO], encoding: str) -> None:
        self.opener, self.encoding = opener, encoding
        self.stream: BinaryIO | None = None
        self.utf8 = self.at = 0  # bytes done in UTF-8, and of the file

    def advance(self, utf8: int, most: int = 0) -> bytes:
        """Go on to a place, and return up to `most` bytes of the file before it."""
        if self.stream is None or utf8 < self.utf8:
            self.close()
            self.stream, self.utf8, self.at = self.opener(), 0, 0
            self.decoder = codecs.getincrementaldecoder(self.encoding)(_HANDLER)
        passed = bytearray()
        while self.utf8 < utf8:
            # a byte becomes at most three of UTF-8, so that this many bytes never lead beyond the place
            raw = self.stream.read(max(min((utf8 - self.utf8) // 3 - 4, _STEP), 1))
            self.utf8 += len(self.decoder.decode(raw, final=not raw).encode("utf-8", _HANDLER))
            self.at += len(raw)
            passed += raw[: max(most - len(passed), 0)]
            if not raw:
                break
        return bytes(passed)

    def close(self) -> None:
        """Close the file."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None


def in_original(
    records: Iterable[R], opener: Callable[[], BinaryIO], encoding: str | None, whole: bool
) -> Iterator[R | Quarantined]:
    """Records as they are, quarantined ones with bytes and offset of the file as it was before recoding.

    Args:
        records: of a reader.
        opener: opens the file, decompressed and not recoded.
        encoding: of the file; None leaves the records as they are.
        whole: True if a quarantined record stands for all of the file, its offset for the invalid byte.
    """
    if encoding is None:
        yield from records
        return
    original = _Original(opener, encoding)
    try:
        for record in records:
            yield _moved(record, original, whole) if isinstance(record, Quarantined) else record
    finally:
        original.close()


def _moved(record: Quarantined, original: _Original, whole: bool) -> Quarantined:
    original.advance(record.byte_offset)
    begin = original.at
    if record.reason != "invalid-utf8":
        return replace(record, byte_offset=begin)
    length = 1 if whole else len(record.raw)
    raw = original.advance(record.byte_offset + length, most=length)
    at, byte = _first_invalid(raw, original.encoding)
    detail = f"expected {original.encoding}. Got byte {byte:#04x} at byte {begin + at} of the file"
    todo = "Give the --encoding that the file is in, or correct the bytes."
    return replace(record, byte_offset=begin, detail=detail, todo=todo, raw=raw)


def _first_invalid(raw: bytes, encoding: str) -> tuple[int, int]:
    """Index and value of the first byte that is invalid."""
    try:
        raw.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start, raw[error.start]
    return 0, raw[0] if raw else 0
