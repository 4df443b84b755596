"""Ways to write tags: with prefix and type, a prefix alone, a type alone; which one a file has.

prefix: `O`, `B-PER`; bare: `O`, `B`, `I` of one type that the user names; io: `O`, `PER`, neighbouring tokens
of the same type being one entity; misc: see `data.formats.text.conll_columns`; brackets, numbers: see
`data.formats.text.conll_entities`. CoNLL columns, tokens in JSON lines and in tables follow the same rules.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from elman.data.errors import BadInput
from elman.data.text.tags import OUTSIDE, Scheme, scheme_of_pairs, split_tag, to_iob2

TagStyle = Literal["prefix", "bare", "io", "misc", "brackets", "numbers"]
STYLE_NAMES: dict[TagStyle, str] = {
    "prefix": "prefix and type",
    "bare": "prefix without type",
    "io": "type without prefix: neighbours of one type are one entity",
    "misc": "attribute of MISC",
    "brackets": "brackets in an attribute of MISC: outermost entities",
    "numbers": "type and number in an attribute of MISC: outermost entities",
}
BARE = frozenset("BIESLUM")
MOST_TYPES = 200  # distinct types of tags without prefixes; what has more holds something else
_SHOWN = 5  # types in a message
_TYPE = re.compile(r"[^\W\d][\w./&+:-]*")
_FOREIGN_PREFIX = re.compile(r"[A-Za-z]-.*")  # of no scheme that is known


@lru_cache(maxsize=1 << 16)
def is_tag(value: str) -> bool:
    """Return True for O or a known prefix with a type."""
    try:
        split_tag(value)
    except ValueError:
        return False
    return True


def is_type(value: str) -> bool:
    """Return True for what can be the type of an entity, written without a prefix."""
    return bool(_TYPE.fullmatch(value)) and not _FOREIGN_PREFIX.fullmatch(value)


def are_types(values: Collection[str]) -> bool:
    """Return True for values that can be types without a prefix."""
    return 0 < len(values) <= MOST_TYPES and all(map(is_type, values)) and not {*values} <= BARE


def full_tag(value: str, style: TagStyle, name: str | None) -> str:
    """The tag that a value stands for, with prefix and type.

    Args:
        value: as written.
        style: of the file.
        name: type of bare tags.

    Raises:
        ValueError: the value is no tag.
    """
    if style == "bare" and value in BARE:
        value = f"{value}-{name}"
    elif style == "io" and value != OUTSIDE:
        if not is_type(value):
            raise ValueError(f"expected O or a type. Got {value!r}")
        value = f"I-{value}"
    split_tag(value)
    return value


def style_of(
    types: Collection[str], others: Collection[str], entity_type: str | None, labels_used: bool, where: str
) -> tuple[TagStyle, str | None]:
    """The way in which tags are written, and the type of bare ones.

    Args:
        types: of the tags that have a prefix.
        others: values that are neither such tags nor O.
        entity_type: that the user has named, of bare tags.
        labels_used: False where tags are not used, so that their type does not matter.
        where: the tags stand, for messages: " in column 2", or "".

    Raises:
        BadInput: prefixes without a type, or a type given for tags that have their own.
    """
    if types:
        if entity_type is not None:
            raise BadInput(
                "tags B, I and O without a type, as --entity-type is for them",
                got=f"the types {', '.join(sorted(types)[:_SHOWN])}{where}",
                todo="Leave --entity-type out.",
            )
        return "prefix", None
    if others and {*others} <= BARE:
        if entity_type is None and labels_used:
            raise BadInput(
                "tags with a type, such as B-PERSON",
                got=f"{', '.join(sorted(others))} alone{where}",
                todo="Say the type of these entities with --entity-type NAME.",
            )
        return "bare", entity_type or "ENTITY"
    return ("io" if are_types(others) else "prefix"), None


@dataclass(frozen=True)
class Tagging:
    """Notation of the tags of a file: style, the type of bare ones, scheme."""

    style: TagStyle = "prefix"
    name: str | None = None
    scheme: Scheme = "IOB2"

    def full(self, tags: Sequence[str]) -> list[str]:
        """Tags with prefix and type, in the scheme of the file.

        Raises:
            ValueError: one is no tag.
        """
        return [full_tag(tag, self.style, self.name) for tag in tags]

    def iob2(self, tags: Sequence[str]) -> tuple[str, ...]:
        """Full tags as IOB2."""
        return tuple(to_iob2(tags, self.scheme))

    @classmethod
    def of(cls, sequences: Iterable[Sequence[str]], entity_type: str | None, labels_used: bool) -> "Tagging":
        """Find how the tags of a file are written from all of its sequences.

        Raises:
            BadInput: see `style_of`.
        """
        types, others = set[str](), set[str]()
        full, written = dict[tuple[str, str], None](), dict[tuple[str, str], None]()  # of neighbouring tags
        for sequence in sequences:
            pairs = [*pairwise([OUTSIDE, *sequence])]
            unknown = {tag for tag in sequence if not is_tag(tag)}
            types |= {split_tag(tag)[1] for tag in sequence if tag != OUTSIDE and tag not in unknown}
            if not unknown:
                full.update(dict.fromkeys(pairs))
            elif len(others) <= MOST_TYPES:
                others |= unknown
                written.update(dict.fromkeys(pairs))
        style, name = style_of(types, others, entity_type, labels_used, "")
        if style != "prefix":
            known = (pair for pair in written if all(tag == OUTSIDE or tag in others for tag in pair))
            full |= {(full_tag(a, style, name), full_tag(b, style, name)): None for a, b in known}
        return cls(style, name, scheme_of_pairs(full))
