"""HTML page of a corpus check: one file, no scripts, no outside resources, all corpus text escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from elman.data.quality.findings import Finding
from elman.tasks.inspection.lengths import length_rows

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24 }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; margin: .5rem 0 } th, td { padding: .2rem .8rem; text-align: right }
th:first-child, td:first-child { text-align: left } tr + tr { border-top: 1px solid #d8dee4 }
.finding { border-left: 4px solid #8c959f; padding: .1rem 1rem; margin: 1rem 0 }
.error { border-color: #cf222e } .warning { border-color: #bf8700 }
.finding p { margin: .3rem 0 } li { overflow-wrap: anywhere } .place { color: #57606a }
.bar { display: inline-block; height: .8em; background: #0969da }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3 } }
"""


def page(title: str, statistics: Mapping[str, Any], findings: Sequence[Finding]) -> str:
    """The page of a check.

    Args:
        title: what was checked.
        statistics: tables by name: a mapping of rows to a mapping of columns, or `lengths`, a histogram.
        findings: of the check, the gravest first.
    """
    parts = [f"<h1>Check of {escape(title)}</h1>"]
    counts = [sum(f.severity == severity for f in findings) for severity in ("error", "warning", "note")]
    parts.append(f"<p>{counts[0]} errors, {counts[1]} warnings, {counts[2]} notes.</p>")
    parts += ["<h2>Findings</h2>", *map(_finding, findings)] if findings else []
    for name, table in statistics.items():
        if table:
            parts += [f"<h2>{escape(name.replace('_', ' ').capitalize())}</h2>"]
            parts.append(_histogram(table) if name == "lengths" else _table(table))
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>Check of {escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body>\n{body}\n</body></html>\n"
    )


def _finding(finding: Finding) -> str:
    of = f" of {finding.of:,}" if finding.of is not None else ""
    examples = "".join(
        f'<li>{escape(example.text)} <span class="place">{escape(example.place())}</span></li>'
        for example in finding.examples
    )
    return (
        f'<section class="finding {finding.severity}">'
        f"<p><b>{finding.count:,}{of} {escape(finding.unit)}</b>: "
        f"{escape(finding.detail)} ({escape(finding.code)})</p><p>{escape(finding.todo)}</p>"
        f"<ul>{examples}</ul></section>"
    )


def _table(table: Mapping[str, Any]) -> str:
    rows = {name: row if isinstance(row, Mapping) else {"": row} for name, row in table.items()}
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    head = "".join(f"<th>{escape(str(cell).replace('_', ' '))}</th>" for cell in ("", *columns))
    return _rows(
        head, ([name, *(_cell(row.get(column)) for column in columns)] for name, row in rows.items())
    )


def _rows(head: str, rows: Iterable[Sequence[str]]) -> str:
    lines = ("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


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
    head = "".join(f"<th>{escape(cell)}</th>" for cell in ("tokens", *(rows[0][1] if rows else ())))
    lines = []
    for name, counts in rows:
        cells = "".join(f"<td>{count:,} {_bar(count / most)}</td>" for count in counts.values())
        lines.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _bar(share: float) -> str:
    """A bar of up to 60 pixels."""
    return f'<span class="bar" style="width:{60 * share:.1f}px"></span>'
