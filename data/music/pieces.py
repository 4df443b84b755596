"""Pieces of music as readers give them: symbols of a notation, or the notes that sound at each time step."""

from dataclasses import dataclass

LOWEST, HIGHEST = 21, 108  # MIDI numbers of a piano's keys, A0 and C8
KEYS = HIGHEST - LOWEST + 1  # 88
Step = tuple[int, ...]  # MIDI numbers that sound, rising; none where it is silent


@dataclass(frozen=True)
class Piece:
    """A piece; it has either symbols or voices.

    Attributes:
        id: unique in its source.
        source: name of it.
        symbols: of a notation (data/music/abc.py), a time step each.
        voices: for each voice, the notes of each time step; all voices have as many steps.
        steps_per_quarter: time steps of a quarter note; of voices.
        split: train, dev or test, where the source says it.
        byte_offset: where it begins in the source.
        line: of the source, from 1; None where the format has no lines.
    """

    id: str
    source: str
    symbols: tuple[str, ...] = ()
    voices: tuple[tuple[Step, ...], ...] = ()
    steps_per_quarter: int = 1
    split: str | None = None
    byte_offset: int = 0
    line: int | None = None

    @property
    def steps(self) -> int:
        """Time steps."""
        return len(self.symbols) if self.symbols else len(self.voices[0])
