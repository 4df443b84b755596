"""Piano rolls as JSON, the form of the JSB Chorales of Boulanger-Lewandowski et al. (2012).

    {"train": [[[60, 64, 67], [60, 64, 67], ...], ...], "valid": [...], "test": [...]}

a list of pieces a split, of time steps a piece, of the MIDI numbers that sound a step; -1 is a silent voice.
Where all steps of a piece have as many numbers, and these do not always rise, they are voices; else it is one
(https://github.com/czhuang/JSB-Chorales-dataset). A time step is a quarter note, or a sixteenth where the
file's name has `16th`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from elman.data.formats.common.lines import LONGEST_RECORD
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Place, Quarantined
from elman.data.formats.registry import Head, MusicFormat, Opener, register
from elman.data.music.pieces import HIGHEST, LOWEST, Piece

SPLITS = {"train": "train", "valid": "dev", "dev": "dev", "test": "test"}
_SIXTEENTHS = re.compile(r"16ths?", re.IGNORECASE)
_BEGINS = re.compile(rb'\s*\{\s*"(train|valid|dev|test)"\s*:\s*\[\s*\[\s*\[\s*(-?\d|\])')


def read(opener: Opener, source: str, options: Options) -> Iterator[Piece | Quarantined]:
    """Read pieces; see `data.formats.readers.MusicReader`. The file is read whole."""
    with opener() as stream:
        raw = stream.read(LONGEST_RECORD + 1)
    place = Place(source, None, 0, raw[: 1 << 16])
    try:
        if len(raw) > LONGEST_RECORD:
            detail = f"expected a file of at most {LONGEST_RECORD >> 20} MiB"
            raise BadRecord("too-long", detail, "Divide it into several files.")
        splits = _splits(raw)
    except BadRecord as error:
        yield place.refuse(error)
        return
    per_quarter = 4 if _SIXTEENTHS.search(source) else 1
    for name, pieces in splits.items():
        for number, steps in enumerate(pieces, 1):
            id = f"{source}#{name}-{number}"
            try:
                yield Piece(
                    id, source, voices=_voices(steps), steps_per_quarter=per_quarter, split=SPLITS[name]
                )
            except BadRecord as error:
                raw = json.dumps(steps).encode()[: 1 << 16]
                reason, detail, todo = error.args
                yield Place(source, None, 0, raw).quarantine(reason, f"{id}: {detail}", todo)


def _splits(raw: bytes) -> dict[str, list[Any]]:
    todo = "Give an object of splits, each a list of pieces, as the notes on formats show it."
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRecord("invalid-json", f"expected JSON. Got {str(error)[:200]}", todo) from None
    if not isinstance(value, dict) or not all(
        name in SPLITS and isinstance(pieces, list) for name, pieces in value.items()
    ):
        raise BadRecord("invalid-json", f"expected an object of {', '.join(SPLITS)}", todo)
    return value


def _voices(steps: Any) -> tuple[tuple[tuple[int, ...], ...], ...]:
    if not isinstance(steps, list) or not all(isinstance(step, list) for step in steps):
        raise BadRecord("invalid-roll", "expected a list of lists of MIDI numbers", "Correct the piece.")
    for at, step in enumerate(steps):
        for note in step:
            known = (
                isinstance(note, int)
                and not isinstance(note, bool)
                and (note == -1 or LOWEST <= note <= HIGHEST)
            )
            if not known:
                detail = (
                    f"expected MIDI numbers {LOWEST} to {HIGHEST}, or -1, at step {at}. Got {str(note)[:40]}"
                )
                raise BadRecord("invalid-roll", detail, "Correct the piece.")
    if not any(note >= 0 for step in steps for note in step):
        raise BadRecord("no-notes", "expected a piece with notes. Got none", "Remove the piece.")
    widths = {len(step) for step in steps}
    if len(widths) == 1 and any(step != sorted(step) for step in steps):
        return tuple(tuple((step[v],) if step[v] >= 0 else () for step in steps) for v in range(widths.pop()))
    return (tuple(tuple(sorted({note for note in step if note >= 0})) for step in steps),)


def _matches(head: Head) -> bool:
    return bool(_BEGINS.match(head.raw))


register(
    MusicFormat(
        name="rolls",
        rank=36,
        matches=_matches,
        read=read,
        title="Piano rolls (JSB)",
        record="a piece",
        notes='JSON `{"train": [[[60, 64], ...], ...], "valid": ..., "test": ...}`: MIDI numbers that '
        "sound at each time step; a quarter note a step, or a sixteenth where the file's name has `16th`",
        hint="piano rolls as JSON",
        reasons={
            "invalid-json": "a file that is no JSON object of splits",
            "invalid-roll": "a piece that is no list of lists of MIDI numbers 21 to 108",
            "no-notes": "a piece without notes",
            "too-long": "a file of more than 64 MiB",
        },
    )
)
