"""What the readers of genomes hand on: contigs with labelled intervals. Coordinates are 0-based half-open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from elman.data.genome.spooled_sequence import Bases

PSEUDOGENE = "pseudogene"
RAW_LIMIT = 1 << 20  # bytes of a refused record that are kept; its place in the source names the rest


@dataclass(frozen=True, slots=True)
class Feature:
    """One part of a labelled interval; parts of one gene share `id`.

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

    bases: exactly as they came, case kept, white space taken out; a str, or like one kept in a file.
    features: by start; None where the source has no annotation at all.
    byte_offset, line: where the entry begins in its (decompressed) source.
    circular: its end goes on at its beginning.
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
        """Bases."""
        return len(self.bases)


def over_origin(feature: Feature, length: int) -> list[Feature]:
    """The parts, in the order of transcription, of a feature whose end counts on past that of a circle."""
    before, after = length - feature.start, feature.end - length
    plus = feature.strand == "+"
    first, second = feature.phase, (feature.phase - (before if plus else after)) % 3
    high = replace(feature, end=length, phase=first if plus else second)
    low = replace(feature, start=0, end=after, phase=second if plus else first)
    return [high, low] if plus else [low, high]


def is_pseudo(attributes: Mapping[str, Sequence[str]]) -> bool:
    """Whether an annotation calls its feature a pseudogene: `pseudo=true` or any `pseudogene=`."""
    flags = (value.lower() for value in attributes.get("pseudo", ()))
    return "pseudogene" in attributes or any(flag in ("true", "1", "yes", "") for flag in flags)
