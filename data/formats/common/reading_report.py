"""Report of reading: what readers find out about their sources beside the records."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ReadingReport:
    """What was found out while sources were read.

    columns: by source, how its columns are read; counts: records and labels that were changed or read without
    their labels, by what was done.
    """

    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.columns or self.counts)

    def add(self, other: "ReadingReport") -> None:
        """Add what was found out about other sources."""
        self.columns.update(other.columns)
        self.counts.update(other.counts)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"columns": self.columns, "counts": dict(sorted(self.counts.items()))}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ReadingReport":
        """Undo `to_json`."""
        return cls(dict(value["columns"]), Counter(value["counts"]))
