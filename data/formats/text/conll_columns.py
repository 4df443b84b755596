"""Columns of CoNLL-style files by number or by name, and the ways in which they write tags.

Names stand in the first row (`token TAB ner`), in a comment `# global.columns = ID FORM ...` (CoNLL-U Plus,
https://universaldependencies.org/ext-format.html), or are those of CoNLL-U.

Beside the ways to write tags of `data.formats.common.tag_styles` there is one more, misc: an attribute of
CoNLL-U's column MISC, `name=B-PER` or `NER=S-ORG`, where a token without the attribute is outside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from elman.data.errors import BadInput
from elman.data.formats.common import tag_styles
from elman.data.formats.common.tag_styles import TagStyle
from elman.data.text.tags import OUTSIDE

# Phrase types of the chunking tasks of CoNLL-2000 and CoNLL-2003 (English, German).
CHUNKS = frozenset(
    {"ADJP", "ADVP", "CONJP", "INTJ", "LST", "NP", "PP", "PRT", "SBAR", "UCP", "VP", "NC", "PC", "VC"}
)
_MISC_KEYS = ("ner", "ne", "name", "entity")


def is_tag(value: bytes) -> bool:
    """Return True for O or a known prefix with a type."""
    return tag_styles.is_tag(value.decode("utf-8", "replace"))


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
    """The tag that a value of a column stands for; see `data.formats.common.tag_styles.full_tag`.

    name: type of bare tags; key of the attribute of MISC.
    """
    if style == "misc":
        pairs = (part.partition("=") for part in value.split("|"))
        value = next((tag for key, _, tag in pairs if key == name), OUTSIDE)
    return tag_styles.full_tag(value, style, name)


ColumnName = int | str  # from 1, or by name
CONLLU = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_GLOBAL = b"# global.columns ="
_TOKEN_NAMES = {"token", "tokens", "word", "words", "form", "text"}
_TAG_NAMES = {"tag", "tags", "ner", "ner_tag", "ner_tags", "label", "labels", "iob", "iob2", "bio", "entity"}


@dataclass(frozen=True)
class Wanted:
    """Columns and types of a file that the user has named.

    token, tag: columns, None if they are to be found; entity_type: of tags without one; labels: False where
    tags are not used, so that it does not matter which column is taken.
    """

    token: ColumnName | None = None
    tag: ColumnName | None = None
    entity_type: str | None = None
    labels: bool = True


@dataclass(frozen=True)
class ColumnNames:
    """Names of a file's columns, from the first; empty if they have none."""

    names: tuple[str, ...] = ()

    @classmethod
    def usual(cls, columns: int) -> "ColumnNames":
        """Names of the columns of CoNLL-U, if there are as many."""
        return cls(CONLLU if columns == len(CONLLU) else ())

    def has(self, name: str) -> bool:
        """Return True if a column has the name."""
        return name in self.names

    def find(self, wanted: ColumnName | None, source: str, option: str) -> int | None:
        """The number, from 0, of a column; None if none is wanted.

        Raises:
            BadInput: no column has the name.
        """
        if wanted is None:
            return None
        if isinstance(wanted, int):
            return wanted - 1
        if self.names.count(wanted) > 1:
            got, todo = f"{self.names.count(wanted)} of that name", f"Give {option} by a number from 1."
            raise BadInput(f"one column {wanted!r}", got=got, todo=todo, source=source)
        if wanted in self.names:
            return self.names.index(wanted)
        got = f"the columns {', '.join(self.names)}" if self.names else "columns without names"
        todo = f"Give {option} by a number from 1" + (" or one of these names." if self.names else ".")
        raise BadInput(f"a column {wanted!r}", got=got, todo=todo, source=source)

    @property
    def tokens(self) -> list[int]:
        """Columns, from 0, that are called as those of tokens are."""
        return [column for column, name in enumerate(self.names) if name.lower() in _TOKEN_NAMES]

    def shown(self, column: int) -> str:
        """A column for a message: number from 1 and name."""
        return f"{column + 1} {self.names[column]}" if column < len(self.names) else f"{column + 1}"


def names_in_comment(raw: Iterable[bytes]) -> ColumnNames | None:
    """Names that a comment among some lines gives, or None."""
    for line in raw:
        if line.removeprefix(b"\xef\xbb\xbf").startswith(_GLOBAL):
            names = line.split(b"=", 1)[1].decode("utf-8", "replace").split()
            return ColumnNames(tuple(names))
    return None


def names_in_row(row: Sequence[bytes], wanted: Wanted) -> ColumnNames | None:
    """Names of the columns if the first row of a file holds them, or None.

    It does if it has the columns that the user names, or if it names a column of tokens and one of tags.
    """
    names = tuple(value.decode("utf-8", "replace") for value in row)
    if any(is_tag(value) or value.isdigit() for value in row):
        return None
    given = {name for name in (wanted.token, wanted.tag) if isinstance(name, str)}
    lower = {name.lower() for name in names}
    known = (given and given <= {*names}) or (lower & _TOKEN_NAMES and lower & _TAG_NAMES)
    return ColumnNames(names) if known else None
