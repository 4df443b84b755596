"""HTML pages of one file: no scripts, no outside resources, all text escaped."""

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24 }
body { margin: 2rem auto; max-width: 64rem; padding: 0 1rem; overflow-wrap: break-word }
h1 { font-size: 1.4rem } h2 { font-size: 1.15rem; margin-top: 2rem } h3 { font-size: 1rem }
table { border-collapse: collapse; margin: .5rem 0; display: block; overflow-x: auto }
th, td { padding: .2rem .8rem; text-align: right }
th:first-child, td:first-child { text-align: left } tr + tr { border-top: 1px solid #d8dee4 }
.words td, .words th { text-align: left; vertical-align: top } .words td { overflow-wrap: anywhere }
@media (min-width: 45rem) { .words td:nth-child(n + 4) { min-width: 7rem } }
.finding, .note { border-left: 4px solid #8c959f; padding: .1rem 1rem; margin: 1rem 0 }
.error { border-color: #cf222e } .warning, .note { border-color: #bf8700 }
.finding p { margin: .3rem 0 } li { overflow-wrap: anywhere } .place { color: #6e7781; font-size: .9em }
.bar { display: inline-block; height: .8em; background: #0969da }
mark { background: #bf870055; color: inherit } img { max-width: 100%; height: auto }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3 } .place { color: #8d96a0 } }
"""
# Control characters, among them those of terminals, and characters that turn the direction of text
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def text(value: object) -> str:
    """Text as it may stand in a page: markup escaped, control characters written as `\\x1b`."""
    return escape(_UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), str(value)))


def page(title: str, parts: Iterable[str]) -> str:
    """A page.

    Args:
        title: plain text.
        parts: HTML, already escaped.
    """
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{text(title)}</title><style>{_STYLE}</style></head>'
        f"<body>\n{body}\n</body></html>\n"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]], kind: str = "") -> str:
    """A table of plain text; the first column is aligned left, of kind "words" every column."""
    return html_table(head, ([text(cell) for cell in row] for row in rows), kind)


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table whose cells, but not its head, are HTML, already escaped."""
    lines = ("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    first = "".join(f"<th>{text(cell)}</th>" for cell in head)
    return f'<table class="{kind}"><tr>{first}</tr>{"".join(lines)}</table>'


def picture(png: bytes, description: str) -> str:
    """A picture inside the page."""
    data = base64.b64encode(png).decode("ascii")
    return f'<p><img alt="{text(description)}" src="data:image/png;base64,{data}"></p>'
