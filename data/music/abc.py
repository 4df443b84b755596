"""Symbols of ABC notation, which say what is played: metre, key, notes, lengths, bars, chords.

After the ABC standard 2.1 (https://abcnotation.com/wiki/abc:standard:v2.1). Left out are titles and what else
is about a tune, comments, line ends and spaces (they beam notes together, and sound nothing). A length is a
symbol of its own, so that `A3/2` is two.
"""

import re
from collections.abc import Sequence

SOUNDING = "MLK"  # fields of the head that are symbols, in the order in which they are written
_FIELD = re.compile(r"([A-Za-z+]):(.*)")
_IN_BODY = "IKLMmNPQRrsTUVWw+"  # fields that may stand after the head (section 3)
_COMMENT = re.compile(r"(?<!\\)%.*")
_SYMBOL = re.compile(
    r"""
    \[[A-Za-z]:[^\]]*\]             # a field within a line
    | "[^"]*"                       # a chord or an annotation
    | ![^!|\s]+!                    # a decoration
    | \[\||:*\|+[\]:]*|::           # bars
    | (?<=[|\]:])\d(?:[,-]\d)*(?=[^\d/]|$)|\[\d(?:[,-]\d)*  # first and second endings
    | \(\d(?::\d*){0,2}             # a tuplet
    | [_^=]*[A-Ga-g][,']*           # a note
    | \d+/*\d*|/+\d*                # a length
    | <+|>+                         # broken rhythm
    | \S
    """,
    re.VERBOSE,
)
NOTE = re.compile(r"([_^=]*)([A-Ga-g])([,']*)")
LENGTH = re.compile(r"(\d*)(/*)(\d*)")
BAR = re.compile(r"\[\||:*\|+[\]:]*|::")


def symbols_of(lines: Sequence[str]) -> tuple[str, ...]:
    """Symbols of a tune.

    Args:
        lines: of the tune from its field `X:`, without line ends.

    Returns:
        `M:...`, `L:...` and `K:...` of the head, then the symbols of the body; one that changes the
        metre, the unit of length or the key later is a symbol such as `[M:3/4]`.
    """
    head: dict[str, str] = {}
    body: list[str] = []
    in_head = True
    for raw in lines:
        line = _COMMENT.sub("", raw).strip()
        field = _FIELD.fullmatch(line)
        if field and (in_head or field[1] in _IN_BODY):
            name, value = field[1], " ".join(field[2].split())
            if in_head:
                head.setdefault(name, value)
                in_head = name != "K"
            elif name in SOUNDING:
                body.append(f"[{name}:{value}]")
        elif not in_head:
            body += _SYMBOL.findall(line.rstrip("\\"))
    first = [f"{name}:{head[name]}" for name in SOUNDING if head.get(name)]
    return (*first, *body)


def text_of(symbols: Sequence[str], number: int, title: str) -> str:
    """A tune as ABC, four bars a line.

    Args:
        symbols: as of `symbols_of`.
        number: of the tune in its file, field `X:`.
        title: field `T:`.
    """
    at = next((i for i, symbol in enumerate(symbols) if not _is_head(symbol)), len(symbols))
    fields = [f"X:{number}", f"T:{title}", *sorted(symbols[:at], key=lambda field: SOUNDING.index(field[0]))]
    lines, bars = [""], 0
    for symbol in symbols[at:]:
        lines[-1] += symbol
        if BAR.fullmatch(symbol) and lines[-1].strip("|:[]"):
            bars += 1
            if bars % 4 == 0:
                lines.append("")
    return "\n".join([*fields, *(line for line in lines if line), ""])


def _is_head(symbol: str) -> bool:
    return len(symbol) > 1 and symbol[0] in SOUNDING and symbol[1] == ":"


def cues_of(symbols: Sequence[str]) -> tuple[str, ...]:
    """Symbols that may stand for a tune at the first step: its metre, its key, its first note."""
    cues = [symbol for symbol in symbols[: len(SOUNDING)] if symbol[:2] in ("M:", "K:")]
    first = next((symbol for symbol in symbols if NOTE.fullmatch(symbol)), None)
    return (*cues, first) if first else tuple(cues)
