"""Options of the readers of formats."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from elman.data.formats.common.reading_report import ReadingReport
from elman.data.genome.annotation_rules import CODING, AnnotationRule
from elman.data.text.string_table import DEFAULT_STRINGS
from elman.data.text.tokenizer import Tokenizer, Unit

Misaligned = Literal["split", "widen", "drop", "refuse"]
OffsetUnit = Literal["utf-16", "utf-8"]


@dataclass(frozen=True)
class Options:
    """Options of reading a source.

    Columns are numbers from 1 or names; None: found from the rows. entity_type: of tags without a type.
    text_column, labels_column, id_column, label_column (of the class of a document): of tables, by name.
    label_from: "folder" where the class of all documents of a file is the name of its folder. misaligned:
    what is done with a label by character offsets that begins or ends inside of a word; None: the word is
    split there.
    offsets: unit in which labels by offsets count characters; None: code points.
    sentence_per_line: True for plain text whose lines are sentences.
    labels_used: False where labels are read past, so that they need not be clear. labels: rules that turn
    features of DNA into labels. report: what readers find out beside the records is added to it. sidecars:
    names and openers of files of labels beside the source, or of the clips it names. clip_names: expression
    that names of clips match, whose groups are their text, speaker and split.
    strings: chunks of text that the scanner's table holds. spool: folder in which long sequences and
    clips are stored instead of in memory. any_length: True where clips may be of any length, as they become
    no rows of a corpus. flat: return unlabelled documents as arrays (`Flat`) where the reader can.
    unit_sentences: of a document that slices do not part, counted from its beginning; 0: they may part any.
    """

    unit: Unit = "word"
    tokenizer: Tokenizer | None = None
    token_column: int | str | None = None
    tag_column: int | str | None = None
    labels: tuple[AnnotationRule, ...] = CODING
    strings: int = DEFAULT_STRINGS
    spool: Path | None = None
    any_length: bool = False
    flat: bool = False
    entity_type: str | None = None
    text_column: str | None = None
    labels_column: str | None = None
    id_column: str | None = None
    label_column: str | None = None
    label_from: Literal["folder"] | None = None
    misaligned: Misaligned | None = None
    offsets: OffsetUnit | None = None
    sentence_per_line: bool = False
    clip_names: str | None = None
    labels_used: bool = True
    unit_sentences: int = 0
    sidecars: tuple[tuple[str, Callable[[], BinaryIO]], ...] = ()
    report: ReadingReport = field(default_factory=ReadingReport, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Plain values of the options that decide records."""
        tokenizer = self.tokenizer.to_json() if self.tokenizer else None
        labels = [rule.to_json() for rule in self.labels]
        return {"unit": self.unit, "tokenizer": tokenizer, "labels": labels, **self.named}

    @property
    def named(self) -> dict[str, int | str]:
        """Options that the user has named, by which a source is read."""
        named = {
            "token_column": self.token_column,
            "tag_column": self.tag_column,
            "entity_type": self.entity_type,
            "text_column": self.text_column,
            "labels_column": self.labels_column,
            "id_column": self.id_column,
            "label_column": self.label_column,
            "label_from": self.label_from,
            "misaligned": self.misaligned,
            "offsets": self.offsets,
            "sentence_per_line": self.sentence_per_line or None,
            "clip_names": self.clip_names,
        }
        return {name: value for name, value in named.items() if value is not None}

    @property
    def tokenizer_in_use(self) -> Tokenizer:
        """The tokenizer given, or the default one of the unit."""
        return self.tokenizer or Tokenizer(unit=self.unit)
