"""Lines of GenBank and EMBL entries put into the columns of the format.

Editors and scripts write tabs for columns, indent less, or write keywords in lower case; Biopython would find
no features then, without a word. An entry whose lines stand in their columns is left as it is.

Columns: keywords at 1, their values at 6 in EMBL, else at 13; types of features at 6, locations and
qualifiers at 22; https://www.insdc.org/submitting-standards/feature-table/ 4.1.
"""

import re
from collections.abc import Callable

_KEYWORDS = 12  # columns of keywords before their values, in GenBank
_TYPES, _LOCATIONS = 5, 21  # columns before types and before locations
_HEADING = "FEATURES             Location/Qualifiers"
_FEATURES = re.compile(r"features(\s+location\s*/\s*qualifiers)?\s*", re.IGNORECASE)
_END = re.compile(r"(origin|contig|base count|wgs|//)\b|//", re.IGNORECASE)
_KEYWORD = re.compile(
    r"(locus|definition|accession|version|keywords|source|origin|base count|dblink)\b", re.IGNORECASE
)
_TYPE = re.compile(
    r"[\w'*-]+\s+(?=(complement|join|order|one-of|bond|gap)\s*\(|[<>^(]?\d|[\w.]+:[<>]?\d)", re.IGNORECASE
)
_LABELLED = re.compile(r"(CDS|gene)\s+\S", re.IGNORECASE)  # types whose locations may be anything
_MARK = "?"  # before a location that cannot be read
_QUALIFIER = re.compile(r"/\w+(=|$)")


def in_columns(head: str, prefix: str) -> str:
    """The entry, without its sequence, with its lines in the columns of the format.

    Args:
        head: lines that end with `\\n`.
        prefix: how lines of features begin: FT in EMBL, nothing in GenBank.
    """
    lines = head.split("\n")
    if prefix:
        lines = [re.sub(r"^(?!FT)([A-Z]{2})[ \t]*\t[ \t]*", r"\1   ", line) for line in lines]
        table = [at for at, line in enumerate(lines) if re.match(rf"{prefix}(\s|$)", line)]
    else:
        first = next((at + 1 for at, line in enumerate(lines) if _FEATURES.fullmatch(line)), len(lines))
        last = next((at for at in range(first, len(lines)) if _END.match(lines[at])), len(lines))
        table = [*range(first, last)]
        for at in (*range(first), *range(last, len(lines))):
            lines[at] = _with_keyword(lines[at])
    blank = " " * len(prefix)
    features = [blank + lines[at][len(prefix) :] for at in table]
    if all(map(_is_in_columns, features)):
        return "\n".join(lines)
    for at, line in zip(table, _Table(features).lines(), strict=True):
        lines[at] = (prefix + line[len(prefix) :]).rstrip()
    return "\n".join(lines)


def with_marked_locations(head: str, prefix: str, is_location: Callable[[str], bool]) -> str:
    """The entry, in its columns, with each location that cannot be read as one word that no parser takes.

    Args:
        head: as of `in_columns`, which has put its lines in their columns.
        prefix: as of `in_columns`.
        is_location: returns True for a location that can be read.
    """
    lines = head.split("\n")
    indented = prefix.ljust(_LOCATIONS)
    for at, line in enumerate(lines):
        if not re.fullmatch(rf"{prefix.ljust(_TYPES)}\S.{{{_LOCATIONS - _TYPES - 1}}}\S.*", line):
            continue
        end = at + 1
        while (
            lines[end : end + 1]
            and lines[end].startswith(indented)
            and lines[end][_LOCATIONS:][:1] not in "/"
        ):
            end += 1
        location = "".join(some[_LOCATIONS:].strip() for some in lines[at:end])
        if not is_location(location):
            lines[at] = line[:_LOCATIONS] + _MARK + re.sub(r"[(),\s]", "_", location)
            lines[at + 1 : end] = [""] * (end - at - 1)
    return "\n".join(line for at, line in enumerate(lines) if line or at == len(lines) - 1)


def _with_keyword(line: str) -> str:
    """A line of GenBank with its keyword in upper case, its value at column 13."""
    if _FEATURES.fullmatch(line):
        return _HEADING
    keyword = _KEYWORD.match(line)
    if keyword is None:
        return line
    name, rest = keyword[0], line[keyword.end() :]
    value = rest.lstrip()
    if "\t" in rest or len(line) - len(value) < _KEYWORDS:
        return (name.upper().ljust(_KEYWORDS) + value.expandtabs()).rstrip()
    return name.upper() + rest


def _is_in_columns(line: str) -> bool:
    """Return True for a blank line, one of a type and location in their columns, and one indented by 21."""
    found = re.match(r"( *)(\S+)( *)(\S?)", line)
    if found is None:
        return not line.strip(" ")
    if len(found[1]) >= _LOCATIONS:
        return True
    return len(found[1]) >= 2 and bool(found[4]) and found.start(4) >= _LOCATIONS


class _Table:
    """Lines of features in other columns, told apart by what they hold and how far they are indented."""

    def __init__(self, lines: list[str]) -> None:
        self.given = [line.expandtabs() for line in lines]
        qualifiers = [_indent(line) for line in self.given if _QUALIFIER.match(line.lstrip())]
        types = [_indent(line) for line in self.given if _TYPE.match(line.lstrip())]
        self.deep = min(qualifiers, default=1 << 30)  # indentation of qualifiers
        self.told = bool(types) and min(types) < self.deep  # True if indentation tells types from the rest
        self.location, self.quotes = "", 0

    def lines(self) -> list[str]:
        """All lines in their columns."""
        return [self._placed(line) for line in self.given]

    def _placed(self, line: str) -> str:
        text = line.strip()
        if not text:
            return ""
        if self._is_type(line, text):
            kind, self.location = text.split(maxsplit=1)
            self.quotes = 0
            return " " * _TYPES + f"{kind:<{_LOCATIONS - _TYPES - 1}} " + self.location
        if _QUALIFIER.match(text) and not self.quotes % 2:
            self.location, self.quotes = "", text.count('"')
        elif self.location:
            self.location += text
        else:
            self.quotes += text.count('"')
        return " " * _LOCATIONS + text

    def _is_type(self, line: str, text: str) -> bool:
        """Return True for a line that begins a feature."""
        if not (_TYPE.match(text) or _LABELLED.match(text)):
            return False
        if self.told:
            return _indent(line) < self.deep
        going_on = self.location.endswith(",") or self.location.count("(") > self.location.count(")")
        return not going_on and not self.quotes % 2


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
