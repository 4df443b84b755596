"""Markdown tables."""

import re
from collections.abc import Sequence

_LINKS = r"|:(?=//)|(?i:(?<=www)\.)|@"  # what makes addresses, mails and names of users links
_MARKS = re.compile(r"[\\|`*~\[\]<>&!\x00-\x1f\x7f-\x9f]" + _LINKS)
_ALL_MARKS = re.compile(r"[\\|`*_{}#~\[\]<>&!\x00-\x1f\x7f-\x9f]" + _LINKS)
_ENTITIES = {  # a backslash before these does not hold in MLflow's pages
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    ":": "&#58;",
    ".": "&#46;",
    "@": "&#64;",
}


def escaped(text: str) -> str:
    """Text in which nothing is Markdown, HTML or a link, on one line."""
    return _ALL_MARKS.sub(_shown, " ".join(text.split()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table; the first column is text, the others are numbers, aligned right.

    Images, links, code, HTML and control characters of a cell are shown as text.
    """

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(_MARKS.sub(_shown, cell) for cell in cells) + " |\n"

    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join([line(head), line(rule), *(line(row) for row in rows)])


def _shown(mark: re.Match[str]) -> str:
    if mark[0] in _ENTITIES:
        return _ENTITIES[mark[0]]
    return f"\\{mark[0]}" if mark[0].isprintable() else mark[0].encode("unicode_escape").decode()
