"""`elman check`: counts and faults of a corpus or of files before anything is trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from elman.data.errors import UsageError
from elman.data.store.disk import atomic_write
from elman.flows.reading_config import ReadingConfig
from elman.tasks.inspection import corpus_check
from elman.tasks.inspection.check_html import page
from elman.tasks.inspection.corpus_check import CheckReport
from elman.tasks.runtime.environment import home, why_not_writable
from elman.tasks.runtime.run_record import record_locally

EXIT_BAD_DATA = 3


@dataclass(frozen=True, kw_only=True)
class CheckConfig(ReadingConfig):
    """Check a corpus, or files that are to be one: counts, leakage, conflicting labels, odd characters."""

    sources: Positional[tuple[str, ...]]
    """a corpus by name or folder, or files and folders"""
    label_errors: bool = False
    """train on parts of the corpus to list labels that are likely wrong in the others; takes minutes"""
    html: Path | None = None
    """a page with everything, written there too"""
    strict: bool = False
    """end with exit code 3 on any error or warning"""

    def __post_init__(self) -> None:
        """Check that something is named."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected a corpus, or files and folders, to check. Got none.")


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
    if why_not_writable(home()):  # a check needs no home
        return _check(config)
    params = {"sources": ", ".join(map(str, config.sources)), "label_errors": config.label_errors}
    with record_locally("check", ", ".join(map(str, config.sources[:3])), params) as run:
        checked = _check(config)
        atomic_write(run.artifacts / "check.html", _page(checked.report))
        run.log_metrics(_counts(checked.report), 0)
    return checked


def _check(config: CheckConfig) -> Checked:
    report = corpus_check.check(config.sources, config.requested, config.label_errors)
    if config.html is not None:
        atomic_write(config.html, _page(report))
    faulty = any(finding.severity != "note" for finding in report.findings)
    return Checked(report, EXIT_BAD_DATA if config.strict and faulty else 0)


def _page(report: CheckReport) -> bytes:
    return page(report.subject, report.statistics, report.findings).encode("utf-8", "replace")


def _counts(report: CheckReport) -> dict[str, float]:
    """Findings by severity; metrics of the run in MLflow."""
    found = [finding.severity for finding in report.findings]
    return {f"{severity}s": found.count(severity) for severity in ("error", "warning", "note")}
