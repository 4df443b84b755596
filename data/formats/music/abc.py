"""ABC tunes (https://abcnotation.com/wiki/abc:standard:v2.1): a file holds any number of them.

A tune begins with its field `X:` and ends with an empty line, or where the next begins; text between tunes is
no music (section 2.2 of the standard) and is passed over.
"""

import re
from collections.abc import Iterator

from elman.data.formats.common.lines import universal_lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Place, Quarantined
from elman.data.formats.registry import Head, MusicFormat, Opener, register
from elman.data.music.abc import NOTE, symbols_of
from elman.data.music.pieces import Piece

LONGEST = 1 << 20  # bytes of a tune
_BEGINS = re.compile(rb"X:\s*\d*\s*(%.*)?$")


def read(opener: Opener, source: str, options: Options) -> Iterator[Piece | Quarantined]:
    """Read tunes; see `data.formats.readers.MusicReader`."""
    for place in _tunes(opener, source):
        try:
            yield _tune(place)
        except BadRecord as error:
            yield place.refuse(error)


def _tunes(opener: Opener, source: str) -> Iterator[Place]:
    """The lines of each tune, and where it begins."""
    held = list[bytes]()
    offset = begin = first = size = 0
    with opener() as stream:
        for number, line in enumerate(universal_lines(stream), 1):
            starts = _BEGINS.match(line.strip().removeprefix(b"\xef\xbb\xbf"))
            if held and (starts or not line.strip()):
                yield Place(source, first, begin, b"".join(held))
                held = []
            if starts:
                begin, first, held, size = offset, number, [line], len(line)
            elif held and size <= LONGEST:
                held.append(line)
                size += len(line)
            offset += len(line)
    if held:
        yield Place(source, first, begin, b"".join(held))


def _tune(place: Place) -> Piece:
    if len(place.raw) > LONGEST:
        raise BadRecord("too-long", f"expected a tune of at most {LONGEST >> 20} MiB", "Divide it.")
    try:
        text = place.raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"{place.raw[error.start]:#04x}"
        detail = f"expected UTF-8. Got byte {byte} at byte {place.byte_offset + error.start}"
        raise BadRecord("invalid-utf8", detail, "Give the --encoding that the file is in.") from None
    lines = text.splitlines()
    symbols = symbols_of(lines)
    number = lines[0].partition(":")[2].partition("%")[0].strip()
    fields = {symbol[:2] for symbol in symbols[:3]}
    if "K:" not in fields:
        raise BadRecord(
            "no-key", f"expected a field K: in tune {number}. Got none", "Add its key, such as K:G."
        )
    if "M:" not in fields:
        raise BadRecord(
            "no-metre", f"expected a field M: in tune {number}. Got none", "Add its metre, such as M:4/4."
        )
    if not any(NOTE.fullmatch(symbol) for symbol in symbols):
        raise BadRecord("no-notes", f"expected notes in tune {number}. Got none", "Remove the tune.")
    return Piece(
        f"{place.source}#{place.line}", place.source, symbols, byte_offset=place.byte_offset, line=place.line
    )


def _matches(head: Head) -> bool:
    begins = re.compile(r"X:\s*\d")
    after = [line for line in head.lines if re.match(r"[A-Za-z]:", line)]
    return any(map(begins.match, after)) and any(line.startswith("K:") for line in after)


register(
    MusicFormat(
        name="abc",
        rank=35,
        matches=_matches,
        read=read,
        title="ABC",
        record="a tune",
        notes="metre, unit of length and key of the head, then notes, lengths, bars and chords as symbols; "
        "titles and comments are not read, and text between tunes is no music",
        hint="ABC tunes",
        reasons={
            "invalid-utf8": "bytes that are not UTF-8",
            "no-key": "a tune without the field `K:`",
            "no-metre": "a tune without the field `M:`",
            "no-notes": "a piece without notes",
            "too-long": f"a tune of more than {LONGEST >> 20} MiB",
        },
    )
)
