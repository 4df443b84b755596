"""MusicXML scores (https://www.w3.org/2021/06/musicxml40/): the notes of each part and voice, on sixteenths.

A compressed score (.mxl) is a zip archive, of which `--kind music` takes the score. Declared entities are
refused before any is expanded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from xml.parsers import expat

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Place, Quarantined
from elman.data.formats.music.grid import MOST_STEPS, PER_QUARTER, grid
from elman.data.formats.registry import Head, MusicFormat, Opener, register
from elman.data.music.notes import Note
from elman.data.music.pieces import Piece

LARGEST = 64 << 20  # bytes of a file
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_NUMBERS = ("divisions", "duration", "alter", "octave")


def read(opener: Opener, source: str, options: Options) -> Iterator[Piece | Quarantined]:
    """Read the one piece of a file; see `data.formats.readers.MusicReader`."""
    with opener() as stream:
        raw = stream.read(LARGEST + 1)
    place = Place(source, None, 0, raw[: 1 << 16])
    try:
        if len(raw) > LARGEST:
            raise BadRecord("too-long", f"expected a file of at most {LARGEST >> 20} MiB", "Divide it.")
        yield Piece(source, source, voices=grid(_notes(raw)), steps_per_quarter=PER_QUARTER)
    except BadRecord as error:
        yield place.refuse(error)


def _notes(raw: bytes) -> list[list[Note]]:
    score = _Score()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = score.begin, score.end
    parser.CharacterDataHandler = score.text
    parser.EntityDeclHandler = score.refuse_entity
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, ValueError, OverflowError, UnicodeError) as error:
        todo = "Export it as MusicXML again."
        raise BadRecord(
            "invalid-musicxml", f"expected a MusicXML score. Got {str(error)[:200]}", todo
        ) from None
    if not score.partwise:
        detail = "expected the element score-partwise. Got none"
        raise BadRecord("invalid-musicxml", detail, "Export it part by part (score-partwise).")
    return [sorted(notes) for _, notes in sorted(score.voices.items())]


@dataclass
class _Score:
    """A score while it is parsed; times in quarter notes."""

    voices: dict[tuple[int, str], list[Note]] = field(default_factory=dict)
    partwise: bool = False
    part: int = -1
    at: Fraction = Fraction(0)
    begun: Fraction = Fraction(0)  # of the note before, for chords
    divisions: Fraction = Fraction(1)
    held: list[str] = field(default_factory=list)  # text of the running element
    note: dict[str, Any] = field(default_factory=dict)

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.held = []
        if name == "score-partwise":
            self.partwise = True
        elif name == "part" and self.partwise:
            self.part, self.at, self.divisions = self.part + 1, Fraction(0), Fraction(1)
        elif name in ("note", "backup", "forward"):
            self.note = {}
        elif name in ("chord", "grace", "cue", "unpitched"):
            self.note[name] = True

    def text(self, text: str) -> None:
        """Text of the running element."""
        self.held.append(text)

    def end(self, name: str) -> None:
        """An element ends."""
        text = "".join(self.held).strip()
        if name in _NUMBERS:
            if not _DECIMAL.fullmatch(text) or (name == "divisions" and float(text) <= 0):
                raise ValueError(f"{name} of {text[:20]!r}")
            value = Fraction(text)
            if name == "divisions":
                self.divisions = value
            self.note[name] = value
        elif name in ("step", "voice"):
            self.note[name] = text[:20]
        elif name in ("backup", "forward"):
            step = self.note.get("duration", Fraction(0)) / self.divisions
            self.at = max(self.at + (step if name == "forward" else -step), Fraction(0))
        elif name == "note" and self.part >= 0:
            self._end_note()
        self.held = []

    def _end_note(self) -> None:
        note = self.note
        if "grace" in note or "cue" in note:
            return
        duration = note.get("duration", Fraction(0)) / self.divisions
        if "chord" not in note:
            self.begun = self.at
            self.at += duration
        if note.get("step") in _NATURAL and "octave" in note and "unpitched" not in note and duration > 0:
            pitch = 12 * (int(note["octave"]) + 1) + _NATURAL[note["step"]] + int(note.get("alter", 0))
            voice = self.voices.setdefault((self.part, note.get("voice", "1")), [])
            voice.append(Note(self.begun, duration, pitch))

    def refuse_entity(self, *declared: Any) -> None:
        """Refuse a declared entity, which no score needs."""
        raise ValueError("a declaration of an entity")


def _matches(head: Head) -> bool:
    return b"<score-partwise" in head.raw or b"<score-timewise" in head.raw


register(
    MusicFormat(
        name="musicxml",
        rank=37,
        matches=_matches,
        read=read,
        title="MusicXML",
        record="a file",
        notes="`score-partwise`; the notes of each part and voice that sound at each sixteenth, no grace "
        "notes and percussion; repeats are read once; `.mxl` with `--kind music`",
        hint="MusicXML",
        reasons={
            "invalid-musicxml": "a file that is no well-formed `score-partwise`, or declares entities",
            "no-notes": "a piece without notes",
            "too-long": f"a file of more than {LARGEST >> 20} MiB or {MOST_STEPS:,} sixteenths",
        },
    )
)
