"""`elman check`: counts and faults of a corpus or of files before anything is trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from elman.data.errors import UsageError
from elman.data.formats.common.options import Misaligned
from elman.data.store.disk import atomic_write
from elman.flows.arguments import ColumnOption, Config
from elman.tasks.ingest.sources import Requested
from elman.tasks.inspection import corpus_check
from elman.tasks.inspection.check_html import page
from elman.tasks.inspection.corpus_check import CheckReport

EXIT_BAD_DATA = 3


@dataclass(frozen=True, kw_only=True)
class CheckConfig(Config):
    """Check a corpus, or files that are to be one: counts, leakage, conflicting labels, odd characters."""

    sources: Positional[tuple[str, ...]]
    """a corpus by name or folder, or files and folders"""
    token_column: ColumnOption = None
    """of CoNLL rows: a number from 1 or a name; found from the rows if not given"""
    tag_column: ColumnOption = None
    """of CoNLL rows: a number from 1 or a name; found from the rows if not given"""
    entity_type: str | None = None
    """of CoNLL rows whose tags are B, I and O alone: the type of these entities"""
    label_errors: bool = False
    """train on parts of the corpus to list labels that are likely wrong in the others; takes minutes"""
    sentence_per_line: bool = False
    """of plain text: every line is a sentence"""
    misaligned: Misaligned | None = None
    """labels by offsets that begin or end inside of a word: as of `elman ingest`"""
    html: Path | None = None
    """a page with everything, written there too"""
    strict: bool = False
    """end with exit code 3 on any error or warning"""

    def __post_init__(self) -> None:
        """Check that something is named."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected a corpus, or files and folders, to check. Got none.")

    @property
    def requested(self) -> Requested:
        """Options of reading files."""
        return Requested(
            token_column=self.token_column,
            tag_column=self.tag_column,
            entity_type=self.entity_type,
            misaligned=self.misaligned,
            sentence_per_line=self.sentence_per_line,
        )


@dataclass(frozen=True)
class Checked:
    """Result of `elman check`, with its exit code."""

    report: CheckReport
    exit_code: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**self.report.to_json(), "exit_code": self.exit_code}


def check(config: CheckConfig) -> Checked:
    """Check, and write the page if one is asked for."""
    report = corpus_check.check(config.sources, config.requested, config.label_errors)
    if config.html is not None:
        html = page(report.subject, report.statistics, report.findings)
        atomic_write(config.html, html.encode("utf-8", "replace"))
    faulty = any(finding.severity != "note" for finding in report.findings)
    return Checked(report, EXIT_BAD_DATA if config.strict and faulty else 0)
