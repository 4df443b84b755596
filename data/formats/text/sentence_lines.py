"""Plain text with a sentence a line, where the user says so: lines end sentences, and nothing else does.

A file is one document, as of `data.formats.text.plaintext`; offsets count its characters, line ends included.
Lines end with `\\n`, `\\r\\n` or `\\r`; blank ones are no sentences. A line's tokens do not depend on its
neighbours. A line may be of any length, and is read in parts, but for one without white space.
"""

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np

from elman.data.formats.common import lines as line_limits
from elman.data.formats.common.lines import LONGEST_RECORD, Digest, LinePart, universal_parts
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.formats.common.streams import BOM
from elman.data.formats.registry import Opener, TextFormat, register
from elman.data.formats.text.plaintext import utf8
from elman.data.text.invisible import is_blank
from elman.data.text.scanner import Scanner, thread_scanner
from elman.data.text.tokenizer import LONGEST_SENTENCE

_PART = 1 << 16  # characters of a document yielded together
_SHOWN = 1 << 16  # bytes of a bad file that go to quarantine
_LONG_PART = 1 << 20  # characters of a long line that are held before it is divided
_AFTER_WORD = re.compile(r".*[^\W_](?=\s)", re.DOTALL)  # to the last word that white space follows
_SPACE = re.compile(rb"\s")


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read a file or a slice; see `data.formats.registry.TextReader`.

    Yields:
        parts of the one document; or the file as quarantined, alone, where it is not text in UTF-8.
    """
    if slice_ is None:
        slices = _slices(opener, source, None)
        if isinstance(slices, Quarantined):
            yield slices
            return
        (slice_,) = slices
        lines = _lines(opener, 0)
    else:
        lines = _lines(opener, slice_.begin)
    scanner = thread_scanner(options.tokenizer_in_use, options.strings)
    for part in _parts(lines, source, scanner, slice_.state["char"]):
        yield part if options.flat else part.document()


def split(opener: Opener, source: str, options: Options, size: SliceSize) -> list[Slice] | Quarantined:
    """Slices of whole lines, of bytes in UTF-8; state: char, characters before the slice."""
    return _slices(opener, source, size)


def _lines(opener: Opener, begin: int) -> Iterator[bytes]:
    """Lines in UTF-8 without the byte order mark, which counts in no offset of characters."""
    with opener() as stream:
        for number, raw in enumerate(universal_parts(_recoded(stream))):
            yield type(raw)(raw.removeprefix(BOM)) if begin == number == 0 else raw


def _texts(lines: Iterator[bytes], scanner: Scanner) -> Iterator[str]:
    """Text of lines; long ones in parts that have the sentences they have in the whole line."""
    held, wanted = "", _LONG_PART
    decoder = codecs.getincrementaldecoder("utf-8")()
    for raw in lines:
        if not isinstance(raw, LinePart):
            yield raw.decode("utf-8")
            continue
        held += decoder.decode(raw)
        ended = raw.endswith((b"\n", b"\r"))
        if ended or len(held) >= wanted:
            cut = len(held) if ended else _cut(held, scanner)
            if cut:
                yield held[:cut]
            held = held[cut:]
            wanted = max(_LONG_PART, 2 * len(held))
    if held:
        yield held


def _cut(text: str, scanner: Scanner) -> int:
    """Index at which the beginning of a line is divided between two sentences; 0 if there is none.

    That is after a sentence of LONGEST_SENTENCE tokens which ends with a word before white space.
    """
    words = _AFTER_WORD.match(text)
    if words is None:
        return 0
    _, _, ends = scanner.sentences(words[0], False, 0)
    for end in ends[LONGEST_SENTENCE - 1 :: LONGEST_SENTENCE][::-1].tolist():
        if text[end - 1].isalnum() and text[end].isspace():
            return int(end)
    return 0


def _recoded(stream: BinaryIO) -> BinaryIO:
    """A stream, buffered or of bytes in memory, in UTF-8."""
    return utf8(cast(BinaryIO, io.BufferedReader(stream)) if isinstance(stream, io.BytesIO) else stream)


def _slices(opener: Opener, source: str, size: SliceSize | None) -> list[Slice] | Quarantined:
    try:
        return _checked_slices(opener, source, size)
    except UnicodeDecodeError:  # of a file in UTF-16, which is recoded as it is read
        detail, todo = "expected UTF-16, as its byte order mark says. Got something else", "Save it as UTF-8."
        return Quarantined(source, None, 0, "invalid-utf8", detail, todo, b"")


def _checked_slices(opener: Opener, source: str, size: SliceSize | None) -> list[Slice] | Quarantined:
    slices: list[Slice] = []
    begin = at = char = first = 0
    number, visible, line = 1, False, _Line()
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opener() as stream:
        for raw in universal_parts(_recoded(stream)):
            ended = not isinstance(raw, LinePart) or raw.endswith((b"\n", b"\r"))
            place = Place(source, number, at, raw[:_SHOWN])
            line.add(raw, at)
            at += len(raw)
            try:
                text = decoder.decode(raw.removeprefix(BOM) if at == len(raw) else raw, final=ended)
            except UnicodeDecodeError as error:
                detail = f"expected UTF-8. Got byte {error.object[error.start]:#04x}"
                return place.quarantine("invalid-utf8", detail, "Save the file as UTF-8, or give --encoding.")
            if "\x00" in text:
                return place.quarantine("not-text", "expected text. Got NUL bytes", "Give a text file.")
            visible = visible or not is_blank(text)
            char += len(text)
            if not ended:
                continue
            if line.widest > line_limits.LONGEST_RECORD:
                return line.refused(source, number)
            number, line = number + 1, _Line()
            if size is not None and at - begin >= size(len(slices)):
                slices.append(Slice(begin, at, {"char": first}))
                begin, first = at, char
    if line.widest > line_limits.LONGEST_RECORD:
        return line.refused(source, number)
    if not visible:
        detail = "expected text. Got white space alone"
        return Quarantined(source, None, 0, "no-text", detail, "Fill the file.", b"")
    if at > begin or not slices:
        slices.append(Slice(begin, at, {"char": first}))
    return slices


class _Line:
    """A line whose parts are looked at; `widest`: bytes between white space, the most that there are."""

    def __init__(self) -> None:
        self.begin = -1
        self.widest = 0
        self._run = 0  # bytes since the last white space
        self._digest: Digest | None = None

    def add(self, raw: bytes, at: int) -> None:
        """Add the next bytes, or all, which begin at byte `at`."""
        if self.begin < 0:
            self.begin = at
        if not isinstance(raw, LinePart):
            return
        self._digest = self._digest or Digest()
        self._digest.update(raw)
        first = _SPACE.search(raw)
        if first is None:
            self._run += len(raw)
            self.widest = max(self.widest, self._run)
            return
        self.widest = max(self.widest, self._run + first.start())
        self._run = 0 if raw[-1:].isspace() else len(raw.rsplit(maxsplit=1)[-1])

    def refused(self, source: str, number: int) -> Quarantined:
        """The line as the reason why its file goes to quarantine."""
        assert self._digest is not None
        limit = f"white space within {line_limits.LONGEST_RECORD} bytes of a line"
        todo = "Divide the line, or leave --sentence-per-line out."
        return self._digest.record().refuse(Place(source, number, self.begin, b""), limit, todo)


def _parts(lines: Iterator[bytes], source: str, scanner: Scanner, at: int) -> Iterator[Flat]:
    """Sentences of lines that begin at character `at` of the document, some at a time."""
    texts: list[str] = []
    starts: list[np.ndarray] = []
    ends: list[np.ndarray] = []
    bounds, size, tokens = [0], 0, 0

    def part() -> Flat:
        flat = (np.concatenate(starts), np.concatenate(ends))
        return Flat(source, source, at, "".join(texts), np.array(bounds, np.int64), *flat)

    for text in _texts(lines, scanner):
        _, first, last = scanner.sentences(text, False, 0)
        if len(first):
            starts.append(first + at + size)
            ends.append(last + at + size)
            bounds += [min(n, tokens + len(first)) for n in _ends(tokens, len(first))]
            tokens += len(first)
        texts.append(text)
        size += len(text)
        if size >= _PART:
            if tokens:
                yield part()
            at, texts, starts, ends, bounds, size, tokens = at + size, [], [], [], [0], 0, 0
    if tokens:
        yield part()


def _ends(begin: int, count: int) -> range:
    """Ends of the sentences of a line of `count` tokens, which begin at token `begin`."""
    return range(begin + LONGEST_SENTENCE, begin + count + LONGEST_SENTENCE, LONGEST_SENTENCE)


_LINE_END = re.compile(r"\r\n|\n|\r(?!$)")


def may_end(text: str, end: int, options: Options, slice_: Slice) -> int | None:
    """Position behind the line that a sentence ends; None where the line goes on."""
    for found in _LINE_END.finditer(text, end):
        return found.end() if is_blank(text[end : found.start()]) else None
    return None


register(
    TextFormat(
        name="sentence_lines",
        rank=998,
        matches=lambda head: False,  # the user says so
        read=read,
        split=split,
        passes=2,
        recode=utf8,
        one_document=True,
        may_end=may_end,
        utf16=True,
        title="Plain text, a sentence a line",
        record="a file",
        notes="plain text with `--sentence-per-line`",
        reasons={
            "invalid-utf8": "bytes that are not UTF-8",
            "not-text": "NUL bytes",
            "no-text": "a record without text",
            "too-long": f"a line without white space for more than {LONGEST_RECORD >> 20} MiB",
        },
    )
)
