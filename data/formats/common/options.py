"""Options of the readers of formats."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.data.genome.annotation_rules import CODING, AnnotationRule
from elman.data.text.string_table import DEFAULT_STRINGS
from elman.data.text.tokenizer import Tokenizer, Unit


@dataclass(frozen=True)
class Options:
    """Options of reading a source.

    Columns count from 1; None: found from the rows. labels: rules that turn features of DNA into labels.
    strings: chunks of text that the scanner's table holds. spool: folder in which long sequences are stored
    instead of in memory. flat: return unlabelled documents as arrays (`Flat`) where the reader can.
    """

    unit: Unit = "word"
    tokenizer: Tokenizer | None = None
    token_column: int | None = None
    tag_column: int | None = None
    labels: tuple[AnnotationRule, ...] = CODING
    strings: int = DEFAULT_STRINGS
    spool: Path | None = None
    flat: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values of the options that decide records."""
        tokenizer = self.tokenizer.to_json() if self.tokenizer else None
        labels = [rule.to_json() for rule in self.labels]
        return {"unit": self.unit, "tokenizer": tokenizer, "labels": labels, **self.columns}

    @property
    def columns(self) -> dict[str, int]:
        """Columns named by the user."""
        named = {"token_column": self.token_column, "tag_column": self.tag_column}
        return {name: column for name, column in named.items() if column is not None}

    @property
    def tokenizer_in_use(self) -> Tokenizer:
        """The tokenizer given, or the default one of the unit."""
        return self.tokenizer or Tokenizer(unit=self.unit)
