"""Markdown tables."""

import re
from collections.abc import Sequence


def escaped(text: str) -> str:
    """Text in which nothing is Markdown or HTML, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|!&~])", r"\\\1", " ".join(text.split()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table; the first column is text, the others are numbers, aligned right."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join([line(head), line(rule), *(line(row) for row in rows)])
