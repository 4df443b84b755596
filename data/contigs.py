"""What the readers of genomes hand on: contigs with labelled intervals. Coordinates are 0-based half-open."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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

    bases: exactly as they came, case kept, white space taken out.
    features: by start; None where the source has no annotation at all.
    byte_offset, line: where the entry begins in its (decompressed) source.
    circular: its end goes on at its beginning.
    """

    id: str
    bases: str
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


@dataclass(frozen=True, kw_only=True)
class LabelRule:
    """Which features become labels, and how they are called.

    key, pattern: when given, a regular expression that the attribute's value must match, letter case ignored.
    """

    label: str = "CDS"
    type: str = "CDS"
    key: str | None = None
    pattern: str = ""

    def matches(self, type_: str, attributes: Mapping[str, Sequence[str]]) -> bool:
        """Whether a feature of this type with these attributes gets this label."""
        if type_ != self.type:
            return False
        if self.key is None:
            return True
        return any(re.search(self.pattern, value, re.IGNORECASE) for value in attributes.get(self.key, ()))


CODING = (LabelRule(),)


def label_of(rules: Sequence[LabelRule], type_: str, attributes: Mapping[str, Sequence[str]]) -> str | None:
    """The label of the first rule that matches, or None."""
    return next((rule.label for rule in rules if rule.matches(type_, attributes)), None)


def is_pseudo(attributes: Mapping[str, Sequence[str]]) -> bool:
    """Whether an annotation calls its feature a pseudogene: `pseudo=true` or any `pseudogene=`."""
    flags = (value.lower() for value in attributes.get("pseudo", ()))
    return "pseudogene" in attributes or any(flag in ("true", "1", "yes", "") for flag in flags)
