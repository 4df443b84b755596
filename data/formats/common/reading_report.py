"""Report of reading: what readers find out about their sources beside the records."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_PLACES = 20  # kept of each kind
MISALIGNED_SPANS = "labels that begin or end inside of a word, which is split there"
WIDENED_SPANS = "labels that begin or end inside of a word, widened to whole words"
DROPPED_SPANS = "labels that begin or end inside of a word, left out"
UNUSABLE_LABELS = "documents whose label is no text or whole number, or several, read without one"
UNUSABLE_SCORES = "labels whose score is no number from 0 to 1, read without it"
NESTED_SPANS = "nested entities left out, the outermost kept"
OTHER_OFFSETS = "documents whose labels cut words unless offsets count in UTF-16: see --offsets"
ILLEGAL_TAGS = "tags that may not follow the tag before them, read as beginning an entity"


@dataclass(frozen=True)
class ReportedPlace:
    """A place in a source where something was found: line from 1, and what it is with what to do."""

    source: str
    line: int | None
    text: str


@dataclass
class ReadingReport:
    """Findings made while sources were read.

    columns: by source, how its columns are read; counts: records and labels that were changed or read without
    their labels, by what was done; places: the first MOST_PLACES of some of these.
    """

    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[ReportedPlace]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.columns or self.counts)

    def count(self, kind: str, place: ReportedPlace) -> None:
        """Count something that was done to a label, at a place."""
        self.counts[kind] += 1
        kept = self.places.setdefault(kind, [])
        if len(kept) < MOST_PLACES:
            kept.append(place)

    def add(self, other: "ReadingReport") -> None:
        """Add what was found out about other sources."""
        self.columns.update(other.columns)
        self.counts.update(other.counts)
        for kind, places in other.places.items():
            self.places[kind] = [*self.places.get(kind, []), *places][:MOST_PLACES]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        plain = {"columns": self.columns, "counts": dict(sorted(self.counts.items()))}
        places = {kind: [asdict(place) for place in some] for kind, some in sorted(self.places.items())}
        return {**plain, "places": places} if places else plain

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ReadingReport":
        """Undo `to_json`."""
        places = {
            kind: [ReportedPlace(**place) for place in some] for kind, some in value.get("places", {}).items()
        }
        return cls(dict(value["columns"]), Counter(value["counts"]), places)
