"""Entities that CoNLL-U's column MISC holds as brackets or as numbers, which may lie in one another.

Brackets, `Entity=(1-person(2-place)` ... `Entity=1)`: of GUM and CorefUD, after the CoNLL-2012 shared task; a
closing has the id of its opening, which has a type, too, in the order of `# global.Entity = GRP-etype-...`,
else after the number. https://github.com/UniversalDependencies/UD_English-GUM (its README, "Additional
annotations in MISC") and https://ufal.mff.cuni.cz/corefud.

Numbers, `NE=P_1-pf_2`: of NameTag (output `conllu-ne`); tokens with the same type and number are one entity,
those of several are joined by hyphens. https://ufal.mff.cuni.cz/nametag/3/formats.

Of entities that lie in one another, or cross, the one that begins first is read, and of these the longest.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from elman.data.formats.common.tag_styles import TagStyle
from elman.data.text.tags import OUTSIDE, Span, from_spans

NESTED: tuple[TagStyle, ...] = ("brackets", "numbers")
_GLOBAL = b"# global.Entity"
_TYPE_NAMES = {"etype", "entity", "type"}
_NO_TYPE = "ENTITY"
_OPENING = re.compile(r"\(\w[^()|]*\)?")
_BRACKET = re.compile(r"\((?P<open>[^()]+)(?P<alone>\))?|(?P<close>[^()]+)\)")
_NUMBERED = re.compile(r"[^\W\d_][^\W_]*_\d+")
_ID = re.compile(r"e?\d+(\[\d+/\d+\])?")  # parts of a discontinuous mention are entities of their own


class BadEntities(ValueError):
    """Entities of a sentence that cannot be read; `token` is the place, from 0."""

    def __init__(self, token: int, detail: str) -> None:
        super().__init__(detail)
        self.token = token


def nested_style(key: str, value: str) -> TagStyle | None:
    """The way in which an attribute of MISC holds entities, None if it holds none of these."""
    if key == "Entity" and _OPENING.match(value):
        return "brackets"
    return "numbers" if key == "NE" and all(map(_NUMBERED.fullmatch, value.split("-"))) else None


def nested_attributes(misc: bytes) -> Iterator[tuple[str, TagStyle]]:
    """Keys of a value of MISC that hold entities, and their style."""
    if b"Entity=" in misc or b"NE=" in misc:
        for part in misc.decode("utf-8", "replace").split("|"):
            key, _, value = part.partition("=")
            if (style := nested_style(key, value)) is not None:
                yield key, style


def type_field(raw: Iterable[bytes]) -> int | None:
    """Number, from 0, of the type among the fields of an opening as a comment among some lines has it."""
    for line in raw:
        if line.startswith(_GLOBAL):
            names = line.partition(b"=")[2].decode("utf-8", "replace").strip().split("-")
            return next((n for n, name in enumerate(names) if name in _TYPE_NAMES), None)
    return None


def nested_tags(misc: Sequence[str], style: TagStyle, key: str, field: int | None) -> list[str]:
    """IOB2 tags of a sentence.

    Args:
        misc: value of MISC of each token.
        style: of the attribute.
        key: its name.
        field: of the type in an opening bracket; None: after the number.

    Raises:
        BadEntities: brackets that do not match, or no numbers.
    """
    attributes = (dict(part.partition("=")[::2] for part in value.split("|")) for value in misc)
    values = [attribute.get(key, "") for attribute in attributes]
    found = _bracketed(values, field) if style == "brackets" else _numbered(values)
    kept: list[Span] = []
    for span in sorted(found, key=lambda span: (span[0], -span[1])):
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return from_spans(len(values), kept)


def _bracketed(values: Sequence[str], field: int | None) -> list[Span]:
    found: list[Span] = []
    waiting: list[tuple[int, str]] = []  # token and text of openings
    for token, value in enumerate(values):
        at = 0
        while at < len(value):
            bracket = _BRACKET.match(value, at)
            if bracket is None:
                raise BadEntities(token, f"expected brackets of entities. Got {value[at : at + 40]!r}")
            at = bracket.end()
            if bracket["alone"]:
                found.append((token, token + 1, _type_of(bracket["open"], field)))
            elif bracket["open"]:
                waiting.append((token, bracket["open"]))
            else:
                id_ = bracket["close"]
                same = [n for n, (_, text) in enumerate(waiting) if f"{text}-".startswith(f"{id_}-")]
                if not same:
                    raise BadEntities(token, f"expected ({id_} before {id_}) in its sentence. Got none")
                begin, text = waiting.pop(same[-1])
                found.append((begin, token + 1, _type_of(text, field)))
    if waiting:
        token, text = waiting[0]
        raise BadEntities(token, f"expected a bracket that closes ({text[:40]} in its sentence. Got none")
    return found


def _type_of(text: str, field: int | None) -> str:
    fields = text.split("-")
    if field is None:
        field = 1 if _ID.fullmatch(fields[0]) else 0
    return (fields[field] if field < len(fields) else "") or _NO_TYPE


def _numbered(values: Sequence[str]) -> list[Span]:
    found: list[Span] = []
    open_: dict[str, int] = {}  # first token of each entity that goes on
    for token, value in enumerate([*values, ""]):
        names = value.split("-") if value not in ("", OUTSIDE) else []
        if not all(map(_NUMBERED.fullmatch, names)):
            raise BadEntities(token, f"expected a type and a number, as P_1. Got {value[:40]!r}")
        ended = [name for name in open_ if name not in names]
        found += [(open_.pop(name), token, name.rpartition("_")[0]) for name in ended]
        for name in names:
            open_.setdefault(name, token)
    return found
