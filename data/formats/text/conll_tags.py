"""Ways in which a column of a CoNLL-style file writes its tags, each read as a prefix and a type.

prefix: `O`, `B-PER`; bare: `O`, `B`, `I` of one type that the user names; io: `O`, `PER`, neighbouring tokens
of the same type being one entity; misc: an attribute of CoNLL-U's column MISC, `name=B-PER` or `NER=S-ORG`,
where a token without the attribute is outside.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from elman.data.text.tags import OUTSIDE, split_tag

TagStyle = Literal["prefix", "bare", "io", "misc"]
STYLE_NAMES: dict[TagStyle, str] = {
    "prefix": "prefix and type",
    "bare": "prefix without type",
    "io": "type without prefix: neighbours of one type are one entity",
    "misc": "attribute of MISC",
}
BARE = frozenset("BIESLUM")
MOST_TYPES = 200  # distinct types of a column without prefixes; one with more holds something else
# Phrase types of the chunking tasks of CoNLL-2000 and CoNLL-2003 (English, German).
CHUNKS = frozenset(
    {"ADJP", "ADVP", "CONJP", "INTJ", "LST", "NP", "PP", "PRT", "SBAR", "UCP", "VP", "NC", "PC", "VC"}
)
_MISC_KEYS = ("ner", "ne", "name", "entity")
_TYPE = re.compile(r"[^\W\d][\w./&+:-]*")
_FOREIGN_PREFIX = re.compile(r"[A-Za-z]-.*")  # of no scheme that is known


@lru_cache(maxsize=1 << 16)
def is_tag(value: bytes) -> bool:
    """Return True for O or a known prefix with a type."""
    try:
        split_tag(value.decode("utf-8", "replace"))
    except ValueError:
        return False
    return True


def is_type(value: str) -> bool:
    """Return True for what can be the type of an entity, written without a prefix."""
    return bool(_TYPE.fullmatch(value)) and not _FOREIGN_PREFIX.fullmatch(value)


def are_types(values: Iterable[bytes]) -> bool:
    """Return True for values of a column that can be types without a prefix."""
    texts = [value.decode("utf-8", "replace") for value in values]
    return 0 < len(texts) <= MOST_TYPES and all(map(is_type, texts)) and not {*texts} <= BARE


def are_chunks(types: Iterable[str]) -> bool:
    """Return True if all types are of phrases, which are no entities."""
    return {*types} <= CHUNKS


def misc_tags(value: bytes) -> dict[str, bytes]:
    """Attributes of a value of MISC that hold a tag, by their key."""
    if b"=" not in value:
        return {}
    pairs = (part.partition(b"=") for part in value.split(b"|"))
    return {
        key.decode("utf-8", "replace"): tag
        for key, _, tag in pairs
        if key.decode("utf-8", "replace").lower() in _MISC_KEYS and is_tag(tag)
    }


def full_tag(value: str, style: TagStyle, name: str | None) -> str:
    """The tag that a value of a column stands for, with prefix and type.

    Args:
        value: of the tag column.
        style: of the column.
        name: type of bare tags; key of the attribute of MISC.

    Raises:
        ValueError: the value is no tag.
    """
    if style == "misc":
        pairs = (part.partition("=") for part in value.split("|"))
        value = next((tag for key, _, tag in pairs if key == name), OUTSIDE)
    elif style == "bare" and value in BARE:
        value = f"{value}-{name}"
    elif style == "io" and value != OUTSIDE:
        if not is_type(value):
            raise ValueError(f"expected O or a type. Got {value!r}")
        value = f"I-{value}"
    split_tag(value)
    return value
