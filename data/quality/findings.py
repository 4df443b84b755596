"""Findings of a quality check: what is wrong, how often, examples with their place, what to do."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
EXAMPLES = 5  # kept of each finding


@dataclass(frozen=True)
class Example:
    """One place a finding was made at.

    source, line: file and line (from 1) where known; document: id of the document or contig; text: the words
    or bases concerned, at most 200 characters; at: byte of the record in its source and character in its
    document, by which its line can be found.
    """

    text: str
    source: str | None = None
    document: str | None = None
    line: int | None = None
    at: tuple[int, int] | None = None

    def place(self) -> str:
        """The place as `FILE:LINE` or `FILE, document ID`, as far as it is known."""
        if self.source is not None and self.line is not None:
            return f"{self.source}:{self.line}"
        return ", ".join(part for part in (self.source, self.document) if part is not None)


@dataclass(frozen=True)
class Finding:
    """A kind of fault.

    code: stable name ("duplicate-across-splits"); severity: "error" (wrong in any case), "warning" (likely
    wrong) or "note"; count: how often; of: out of how many, if that means something; unit: what is counted.
    """

    code: str
    severity: Severity
    count: int
    unit: str
    detail: str
    todo: str
    examples: tuple[Example, ...] = ()
    of: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        value = asdict(self)
        for example in value["examples"]:
            del example["at"]
        return value


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Findings, the gravest first, then by code."""
    order = ("error", "warning", "note")
    return sorted(findings, key=lambda finding: (order.index(finding.severity), finding.code))


@dataclass
class FindingBuilder:
    """Counts occurrences of one kind of fault and keeps the first examples."""

    code: str
    severity: Severity
    unit: str
    detail: str
    todo: str
    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, examples: Iterable[Example], count: int | None = None) -> None:
        """Count examples, or `count` occurrences that they are some of."""
        some = list(examples)
        self.count += len(some) if count is None else count
        self.examples += some[: EXAMPLES - len(self.examples)]

    def finding(self, of: int | None = None) -> Finding | None:
        """The finding, or None if nothing was counted."""
        if not self.count:
            return None
        kept = tuple(self.examples)
        return Finding(self.code, self.severity, self.count, self.unit, self.detail, self.todo, kept, of)
