"""Check of a corpus as text for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from elman.data.quality.findings import Finding
from elman.tasks.inspection.corpus_check import CheckReport
from elman.tasks.inspection.lengths import length_rows
from elman.tasks.runtime.console import printable

_BAR = 30  # characters of the longest bar


class Checked(Protocol):
    """Result that holds a report."""

    @property
    def report(self) -> CheckReport:
        """The report."""
        ...


def text_of(checked: Checked) -> str:
    """The report, tables first, then the findings with examples and advice."""
    report = checked.report
    lines = [f"{printable(report.subject)} ({report.kind})"]
    for name, table in report.statistics.items():
        if name == "lengths":
            lines += ["", "sentences by tokens", *_histogram(table)]
        elif table:
            lines += ["", name.replace("_", " "), *(f"  {_row(key, row)}" for key, row in table.items())]
    for finding in report.findings:
        lines += ["", *_finding(finding)]
    lines += [f"skipped: {printable(path)}: {reason}" for path, reason in report.skipped]
    counts = [
        sum(f.severity == severity for f in report.findings) for severity in ("error", "warning", "note")
    ]
    return "\n".join([*lines, "", "{} errors, {} warnings, {} notes".format(*counts)])


def _histogram(lengths: Mapping[str, Sequence[int]]) -> list[str]:
    """A line a bin: the counts of each split, and a bar for all of them."""
    rows = list(length_rows(lengths))
    totals = [sum(counts.values()) for _, counts in rows]
    most, width = max(totals, default=1), max((len(name) for name, _ in rows), default=0)
    lines = []
    for (name, counts), total in zip(rows, totals, strict=True):
        shown = "  ".join(f"{split} {count:,}" for split, count in counts.items())
        lines.append(f"  {name:>{width}}  {'#' * -(-_BAR * total // most):<{_BAR}}  {shown}")
    return lines


def _finding(finding: Finding) -> list[str]:
    of = f" of {finding.of:,}" if finding.of is not None else ""
    head = f"{finding.severity}: {finding.count:,}{of} {finding.unit}: {finding.detail} ({finding.code})"
    examples = [
        "  " + ": ".join(part for part in (printable(example.place()), printable(example.text)) if part)
        for example in finding.examples
    ]
    return [head, *examples, f"  {finding.todo}"]


def _row(key: str, row: Any) -> str:
    if not isinstance(row, Mapping):
        return f"{printable(str(key))}  {_number(row)}"
    return f"{printable(str(key))}  " + "  ".join(f"{name} {_number(value)}" for name, value in row.items())


def _number(value: Any) -> str:
    return (
        f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )
