"""HTML page of a corpus check: one file, no scripts, no outside resources, all corpus text escaped."""

from collections.abc import Mapping, Sequence
from typing import Any

from elman.data.quality.findings import Finding
from elman.tasks.inspection.lengths import length_rows
from elman.tasks.runtime import html_page
from elman.tasks.runtime.html_page import text


def page(title: str, statistics: Mapping[str, Any], findings: Sequence[Finding]) -> str:
    """The page of a check.

    Args:
        title: what was checked.
        statistics: tables by name: a mapping of rows to a mapping of columns, or `lengths`, a histogram.
        findings: of the check, the gravest first.
    """
    parts = [f"<h1>Check of {text(title)}</h1>"]
    counts = [sum(f.severity == severity for f in findings) for severity in ("error", "warning", "note")]
    parts.append(f"<p>{counts[0]} errors, {counts[1]} warnings, {counts[2]} notes.</p>")
    parts += ["<h2>Findings</h2>", *map(_finding, findings)] if findings else []
    for name, table in statistics.items():
        if table:
            parts += [f"<h2>{text(name.replace('_', ' ').capitalize())}</h2>"]
            parts.append(_histogram(table) if name == "lengths" else _table(table))
    return html_page.page(f"Check of {title}", parts)


def _finding(finding: Finding) -> str:
    of = f" of {finding.of:,}" if finding.of is not None else ""
    examples = "".join(
        f'<li>{text(example.text)} <span class="place">{text(example.place())}</span></li>'
        for example in finding.examples
    )
    return (
        f'<section class="finding {finding.severity}">'
        f"<p><b>{finding.count:,}{of} {text(finding.unit)}</b>: "
        f"{text(finding.detail)} ({text(finding.code)})</p><p>{text(finding.todo)}</p>"
        f"<ul>{examples}</ul></section>"
    )


def _table(table: Mapping[str, Any]) -> str:
    rows = {name: row if isinstance(row, Mapping) else {"": row} for name, row in table.items()}
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    head = [column.replace("_", " ") for column in ("", *columns)]
    lines = ([name, *(_cell(row.get(column)) for column in columns)] for name, row in rows.items())
    return html_page.table(head, lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return (
        f"{value:.4f}".rstrip("0").rstrip(".")
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


def _histogram(lengths: Mapping[str, Sequence[int]]) -> str:
    """Sentences by number of tokens, a bar a bin."""
    rows = list(length_rows(lengths))
    most = max((count for _, counts in rows for count in counts.values()), default=0) or 1
    lines = (
        [text(name), *(f"{count:,} {_bar(count / most)}" for count in counts.values())]
        for name, counts in rows
    )
    return html_page.html_table(["tokens", *(rows[0][1] if rows else ())], lines)


def _bar(share: float) -> str:
    """A bar of up to 60 pixels."""
    return f'<span class="bar" style="width:{60 * share:.1f}px"></span>'
