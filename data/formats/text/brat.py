"""BRAT standoff: a text `NAME.txt` with its labels beside it in `NAME.ann` (or `.a1`, `.a2` of BioNLP tasks).

Format: https://brat.nlplab.org/standoff.html. Lines `T1 TAB type start end TAB mention` are entities, offsets
in code points, 0-based half-open. A discontinuous entity (`start end;start end`) is widened to the whole from
its first character to its last; of nested entities the outermost is kept. Relations, events, attributes,
normalisations and notes are no entities. All of this is counted. A mention has to stand at its offsets; those
of tools that read `\\r\\n` as one character, or counted a byte order mark, are understood. An empty file of
labels means a text without entities.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from elman.data.formats.common import lines as line_limits
from elman.data.formats.common.lines import (
    LONGEST_RECORD,
    Digest,
    LongRecord,
    joined_parts,
    universal_parts,
)
from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import NESTED_SPANS
from elman.data.formats.common.records import BadRecord, Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.formats.common.span_documents import REASONS, Span, checked_spans, document_of, outermost
from elman.data.formats.common.streams import BOM
from elman.data.formats.registry import Head, Opener, SidecarFormat, TextFormat, register

ENDINGS = (".ann", ".a1", ".a2")
_BLOCK = 1 << 20  # bytes of a text beyond the limit
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
ADVICE = "Write T1, a tab, type, start and end, a tab and the mention; offsets count characters from 0."
_ENTITY = re.compile(r"T\S*\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)(?:\t(.*))?")
_LINE = re.compile(r"[TREAMN#*]\S*\t")
_SHOWN = 1 << 16  # bytes of a text that goes to quarantine

WIDENED = "discontinuous entities widened"
OTHERS = "annotations that are no entities left out"


@dataclass(frozen=True)
class _Mention:
    """An entity as its line has it: type, pieces as (start, end), text or None, and the place of the line."""

    kind: str
    pieces: tuple[tuple[int, int], ...]
    text: str | None
    place: Place


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read a text with its labels, of `options.sidecars`; see `data.formats.registry.TextReader`."""
    with opener() as stream:
        raw = stream.read(line_limits.LONGEST_RECORD + 1)
        if len(raw) > line_limits.LONGEST_RECORD:
            yield _long_text(raw, stream, source)
            return
    place = Place(source, None, 0, raw[:_SHOWN])
    try:
        text = _decoded(raw.removeprefix(BOM))
    except BadRecord as error:
        yield place.refuse(error)
        return
    mentions: list[_Mention] = []
    for name, sidecar in options.sidecars:
        for line in _lines(sidecar, name):
            if isinstance(line, Quarantined):
                yield line
                return
            if not line.raw.strip():
                continue
            try:
                mention = _mention(line)
            except BadRecord as error:
                yield line.refuse(error)
                return
            if mention is None:
                options.report.counts[OTHERS] += 1
            else:
                mentions.append(mention)
    spans = None
    if options.sidecars:
        try:
            spans = _spans(mentions, text, raw.startswith(BOM), options)
        except _BadMention as error:
            yield error.place.refuse(error)
            return
    try:
        yield document_of(place, source, text, spans, options, "Fill the file.")
    except BadRecord as error:
        yield place.refuse(error)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-16" if raw.startswith(_UTF16_MARKS) else "utf-8")
    except UnicodeDecodeError as error:
        detail = f"expected UTF-8. Got byte {error.object[error.start]:#04x} at byte {error.start}"
        raise BadRecord("invalid-utf8", detail, "Save the file as UTF-8.") from None


def _long_text(raw: bytes, stream: BinaryIO, source: str) -> Quarantined:
    """A text beyond the limit as quarantined; `raw` is what has been read of it."""
    digest = Digest([raw])
    while block := stream.read(_BLOCK):
        digest.update(block)
    limit = f"a text of at most {line_limits.LONGEST_RECORD} bytes"
    return digest.record().refuse(Place(source, None, 0, b""), limit, "Divide it, with its labels.")


def _lines(sidecar: Opener, name: str) -> Iterator[Place | Quarantined]:
    """Places of the lines of a file of labels; one beyond the limit as quarantined."""
    offset = 0
    with sidecar() as stream:
        for number, raw in enumerate(joined_parts(universal_parts(stream)), 1):
            if isinstance(raw, LongRecord):
                limit = f"a line of at most {line_limits.LONGEST_RECORD} bytes"
                yield raw.refuse(Place(name, number, offset, b""), limit, ADVICE)
                offset += raw.size
                continue
            yield Place(name, number, offset, raw)
            offset += len(raw)


def _mention(place: Place) -> _Mention | None:
    """The entity of a line; None for an annotation of another kind.

    Raises:
        BadRecord: the line is none of BRAT's.
    """
    line = _decoded(place.raw.removeprefix(BOM) if place.line == 1 else place.raw).rstrip("\r\n")
    if not line.startswith("T"):
        if _LINE.match(line):
            return None
        raise BadRecord("invalid-spans", f"expected an annotation of BRAT. Got {line[:80]!r}", ADVICE)
    match = _ENTITY.fullmatch(line)
    if match is None:
        raise BadRecord("invalid-spans", f"expected T1, type, offsets and mention. Got {line[:80]!r}", ADVICE)
    numbers = [tuple(map(int, piece.split())) for piece in match[2].split(";")]
    return _Mention(match[1], tuple((start, end) for start, end in numbers), match[3], place)


class _BadMention(BadRecord):
    """A mention that does not stand in its text; `place` is that of its line."""

    def __init__(self, place: Place, *args: str) -> None:
        super().__init__(*args)
        self.place = place


def _spans(mentions: list[_Mention], text: str, marked: bool, options: Options) -> list[Span]:
    """Checked spans of the entities.

    Raises:
        _BadMention: one does not stand at its offsets, or overlaps another without lying in it.
    """
    wrong: _Mention | None = None
    for place_of in _ways_to_count(text, marked):
        wrong = next((mention for mention in mentions if not _fits(mention, text, place_of)), wrong)
        if all(_fits(mention, text, place_of) for mention in mentions):
            break
    else:
        assert wrong is not None
        start, end = wrong.pieces[0][0], wrong.pieces[-1][1]
        detail = f"expected {wrong.text!r} at {start} to {end}. Got {text[start:end]!r}"
        raise _BadMention(wrong.place, "span-outside", detail, ADVICE)
    given = [(place_of(m.pieces[0][0]), place_of(m.pieces[-1][1]), m.kind) for m in mentions]
    kept = outermost(given)
    try:
        spans = checked_spans(kept, text, ADVICE)
    except BadRecord as error:
        raise _BadMention(mentions[0].place, *error.args) from None
    options.report.counts[WIDENED] += sum(len(mention.pieces) > 1 for mention in mentions)
    options.report.counts[NESTED_SPANS] += len(given) - len(kept)
    return spans


def _ways_to_count(text: str, marked: bool) -> Iterator[Callable[[int], int]]:
    """Functions from an offset in a file of labels to a character of the text, the usual one first.

    `marked` is True if the text had a byte order mark, which some tools count.
    """
    yield lambda at: at
    if marked:
        yield lambda at: at - 1
    if "\r\n" in text:  # read as one character by some tools
        places = [at for at, character in enumerate(text) if not text.startswith("\r\n", at)]
        places.append(len(text))
        yield lambda at: places[min(at, len(places) - 1)] if at >= 0 else at


def _fits(mention: _Mention, text: str, place_of: Callable[[int], int]) -> bool:
    """Return True if a mention stands at its offsets, whatever white space there is."""
    pieces = [(place_of(start), place_of(end)) for start, end in mention.pieces]
    if any(not 0 <= start < end <= len(text) for start, end in pieces) or pieces != sorted(pieces):
        return False
    found = " ".join(text[start:end] for start, end in pieces)
    return mention.text is None or "".join(found.split()) == "".join(mention.text.split())


def _matches(head: Head) -> bool:
    return head.name.endswith(ENDINGS) and all(map(_LINE.match, head.lines[:20]))


register(
    SidecarFormat(
        name="brat_labels",
        rank=5,
        matches=_matches,
        title="BRAT labels",
        record="an entity",
        notes="read with the text of the same name",
        text_endings=(".txt",),
        pair="brat",
    )
)
register(
    TextFormat(
        name="brat",
        rank=999,
        matches=lambda head: False,  # it is known by the labels beside it
        read=read,
        alone="plain",
        title="Standoff (BRAT)",
        record="a text with its labels",
        notes="`NAME.txt` with `NAME.ann` (or `.a1`, `.a2`) beside it; entities are read, relations, events, "
        "attributes and notes are not; discontinuous entities are widened, of nested ones the outermost is "
        "kept; an empty file of labels means no entities; `elman tag` reads the text alone",
        hint="texts with the .ann of BRAT",
        reasons={
            "too-long": f"a text, or a line of labels, of more than {LONGEST_RECORD >> 20} MiB",
            **REASONS,
        },
    )
)
