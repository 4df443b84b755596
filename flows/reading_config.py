"""Options of reading sources into a corpus: those that `elman ingest` and `elman check` have in common."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from elman.data.errors import UsageError
from elman.data.formats.common.encodings import known_encoding
from elman.data.formats.common.options import Misaligned, OffsetUnit
from elman.data.formats.speech.clip_records import checked_pattern
from elman.flows.arguments import ColumnOption, Config
from elman.tasks.ingest.sources import Requested


@dataclass(frozen=True, kw_only=True)
class ReadingConfig(Config):
    """Base of configs of commands that read sources with their labels."""

    kind: Literal["text", "dna", "music", "speech"] | None = None
    """take only this; judged by content if not given"""
    unit: Literal["word", "char"] | None = None
    """what a token is; by script if not given"""
    token_column: ColumnOption = None
    """of CoNLL rows: a number from 1 or a name; found from the rows if not given"""
    tag_column: ColumnOption = None
    """of CoNLL rows: a number from 1 or a name; found from the rows if not given"""
    entity_type: str | None = None
    """of tokens whose tags are B, I and O alone: the type of these entities"""
    text_column: str | None = None
    """of CSV, TSV, Parquet and Arrow, whose rows are documents"""
    labels_column: str | None = None
    """of tables: spans as [{"start", "end", "label"}], or tags where the text is a list of tokens"""
    id_column: str | None = None
    """of tables: names a document; SOURCE#ROW if not given"""
    label_column: str | None = None
    """of tables: the class of each document, for `--task classify`"""
    sentence_per_line: bool = False
    """of plain text: every line is a sentence"""
    misaligned: Misaligned | None = None
    """labels by offsets that begin or end inside of a word: split the word (as without this), widen or drop
    the label, or refuse its document"""
    offsets: OffsetUnit | None = None
    """what labels by offsets count: utf-16 as tools in JavaScript or Java do, or utf-8; else code points"""
    encoding: str | None = None
    """of text that is not UTF-8: latin-1, cp1252, shift_jis, gb18030 or another that Python knows"""
    clip_names: str | None = None
    """of speech: an expression that names of clips match, whose groups text, speaker, train, dev and test say
    what the name says (docs/speech.md)"""
    label: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """a protein family of DNA, as product~"ABC transporter", or a file of them (docs/dna.md); repeatable"""

    def __post_init__(self) -> None:
        """Check columns and the encoding beside the bounds."""
        super().__post_init__()
        if self.token_column is not None and self.token_column == self.tag_column:
            raise UsageError("expected --token-column and --tag-column to differ. Got the same.")
        if self.text_column is None and (self.labels_column or self.id_column or self.label_column):
            raise UsageError(
                "expected --text-column beside --labels-column, --label-column and --id-column. Got none."
            )
        known_encoding(self.encoding or "utf-8")
        if self.clip_names is not None:
            checked_pattern(self.clip_names)

    @property
    def requested(self) -> Requested:
        """Options of reading."""
        return Requested(
            kind=self.kind,
            unit=self.unit,
            token_column=self.token_column,
            tag_column=self.tag_column,
            entity_type=self.entity_type,
            text_column=self.text_column,
            labels_column=self.labels_column,
            id_column=self.id_column,
            label_column=self.label_column,
            misaligned=self.misaligned,
            offsets=self.offsets,
            sentence_per_line=self.sentence_per_line,
            encoding=known_encoding(self.encoding) if self.encoding else None,
            clip_names=self.clip_names,
            labels=self.label,
        )
