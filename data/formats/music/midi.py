"""MIDI files: the notes of each track and channel, on a grid of sixteenths."""

from collections.abc import Iterator

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Place, Quarantined
from elman.data.formats.music.grid import MOST_STEPS, PER_QUARTER, grid
from elman.data.formats.registry import Head, MusicFormat, Opener, register
from elman.data.music.midi_reader import BadMidi, notes_of_midi
from elman.data.music.pieces import Piece

LARGEST = 16 << 20  # bytes of a file


def read(opener: Opener, source: str, options: Options) -> Iterator[Piece | Quarantined]:
    """Read the one piece of a file; see `data.formats.readers.MusicReader`."""
    with opener() as stream:
        raw = stream.read(LARGEST + 1)
    place = Place(source, None, 0, raw[: 1 << 16])
    try:
        if len(raw) > LARGEST:
            raise BadRecord("too-long", f"expected a file of at most {LARGEST >> 20} MiB", "Divide it.")
        try:
            voices = notes_of_midi(raw)
        except BadMidi as error:
            raise BadRecord("invalid-midi", str(error), "Save it as MIDI of format 0 or 1.") from None
        yield Piece(source, source, voices=grid(voices), steps_per_quarter=PER_QUARTER)
    except BadRecord as error:
        yield place.refuse(error)


def _matches(head: Head) -> bool:
    return head.raw.startswith(b"MThd")


register(
    MusicFormat(
        name="midi",
        rank=15,
        matches=_matches,
        read=read,
        binary=True,
        title="MIDI",
        record="a file",
        notes="formats 0 and 1; the notes of each track and channel that sound at each sixteenth, without "
        "drums and silence before the first; tempo and velocity are not read",
        hint="MIDI",
        reasons={
            "invalid-midi": "a file that is no MIDI of format 0 or 1, or is cut off",
            "no-notes": "a piece without notes",
            "too-long": f"a file of more than 16 MiB or {MOST_STEPS:,} sixteenths",
        },
    )
)
