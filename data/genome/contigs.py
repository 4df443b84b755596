"""Contigs with labelled features, as the readers of genomes yield them. Coordinates are 0-based half-open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from elman.data.genome.spooled_sequence import Bases

PSEUDOGENE = "pseudogene"
UNREADABLE = "unreadable"  # stretch of a feature that is in quarantine
NEITHER = (PSEUDOGENE, UNREADABLE)  # labels of stretches that count neither as coding nor as non-coding
RAW_LIMIT = 1 << 20  # bytes of a quarantined record that are stored; its place in the source names the rest


@dataclass(frozen=True, slots=True)
class Feature:
    """One part of a labelled feature; parts of one gene share `id`.

    phase: bases to skip from the 5' end of the part to its first whole codon, 0, 1 or 2.
    """

    start: int
    end: int
    strand: str
    label: str
    phase: int
    id: str


@dataclass(frozen=True, slots=True)
class Contig:
    """One sequence entry.

    bases: as in the source, case included, white space removed; a str, or a sequence in a file.
    features: by start; None where the source has no annotation at all.
    byte_offset, line: start of the entry in its (decompressed) source.
    circular: its end joins its beginning.
    """

    id: str
    bases: Bases
    features: tuple[Feature, ...] | None
    source: str
    byte_offset: int
    line: int
    circular: bool = False

    @property
    def length(self) -> int:
        """Number of bases."""
        return len(self.bases)


def over_origin(feature: Feature, length: int) -> list[Feature]:
    """Split a feature of a circle whose `end` lies beyond `length`: its two parts, in transcription order."""
    before, after = length - feature.start, feature.end - length
    plus = feature.strand == "+"
    first, second = feature.phase, (feature.phase - (before if plus else after)) % 3
    high = replace(feature, end=length, phase=first if plus else second)
    low = replace(feature, start=0, end=after, phase=second if plus else first)
    return [high, low] if plus else [low, high]


def unreadable(start: int, end: int, length: int, id_: str) -> list[Feature]:
    """The stretch of a feature that cannot be used, as far as it lies in a contig of this length."""
    start, end = max(start, 0), min(end, length)
    return [Feature(start, end, "+", UNREADABLE, 0, id_)] if start < end else []


def is_pseudo(attributes: Mapping[str, Sequence[str]]) -> bool:
    """Return True if attributes mark a pseudogene: `pseudo=true` or any `pseudogene=`."""
    flags = (value.lower() for value in attributes.get("pseudo", ()))
    return "pseudogene" in attributes or any(flag in ("true", "1", "yes", "") for flag in flags)
