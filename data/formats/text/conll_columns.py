"""Columns of CoNLL-style files by number or by name, and where names stand.

Names stand in the first row (`token TAB ner`), in a comment `# global.columns = ID FORM ...` (CoNLL-U Plus,
https://universaldependencies.org/ext-format.html), or are those of CoNLL-U.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from elman.data.errors import BadInput
from elman.data.formats.text.conll_tags import is_tag

ColumnName = int | str  # from 1, or by name
CONLLU = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_GLOBAL = b"# global.columns ="
_TOKEN_NAMES = {"token", "tokens", "word", "words", "form", "text"}
_TAG_NAMES = {"tag", "tags", "ner", "ner_tag", "ner_tags", "label", "labels", "iob", "iob2", "bio", "entity"}


@dataclass(frozen=True)
class Wanted:
    """What the user has named of a file's layout.

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
        if wanted in self.names:
            return self.names.index(wanted)
        got = f"the columns {', '.join(self.names)}" if self.names else "columns without names"
        todo = f"Give {option} by a number from 1" + (" or one of these names." if self.names else ".")
        raise BadInput(f"a column {wanted!r}", got=got, todo=todo, source=source)

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
