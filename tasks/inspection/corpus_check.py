"""Check of a corpus or of files before anything is trained: statistics, findings, quarantined records."""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.corpus.about import about_in
from elman.data.corpus.contig_pieces import Stretch, stretches_of
from elman.data.corpus.kinds import check_kind
from elman.data.corpus.shards import DNA, TEXT
from elman.data.errors import UsageError
from elman.data.formats.common.reading_report import (
    ILLEGAL_TAGS,
    MISALIGNED_SPANS,
    OTHER_OFFSETS,
    ReadingReport,
)
from elman.data.quality.findings import EXAMPLES, Example, Finding, by_severity
from elman.data.quality.genome_checks import check_genomes
from elman.data.quality.text_checks import check_text
from elman.data.sources.copies import Copies
from elman.data.sources.line_numbers import line_numbers
from elman.data.store.dataset import MANIFEST, Dataset
from elman.data.store.schema import SPLITS
from elman.tasks.ingest.commit import commit
from elman.tasks.ingest.corpus_names import NAME, corpus_folder
from elman.tasks.ingest.result import grouped_columns
from elman.tasks.ingest.sources import (
    FoundSources,
    Requested,
    corpus_options,
    corpus_writer,
    find_sources,
    grouped,
    new_sources,
)
from elman.tasks.ingest.staging import stage_sources
from elman.tasks.inspection.label_errors import LabelErrors, likely_label_errors
from elman.tasks.runtime.environment import temporary_parent

FRAME = 1 << 14  # sentences checked at a time
SHARD_BYTES = 4 << 20  # of the temporary corpus; a quarter of an ingest's, for the checks need memory, too


@dataclass(frozen=True)
class CheckReport:
    """Result of a check.

    Attributes:
        subject: what was checked.
        kind: "text" or "dna".
        statistics: tables by name; of text: splits, types, lengths, unknown_words, and of
            files their columns; of DNA: splits, gc.
        findings: the gravest first.
        skipped: (path, reason) of files that are no corpus.
    """

    subject: str
    kind: str
    statistics: dict[str, Any]
    findings: tuple[Finding, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "checked": self.subject,
            "kind": self.kind,
            **self.statistics,
            "findings": [finding.to_json() for finding in self.findings],
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
        }


def check(
    names: Sequence[str], requested: Requested | None = None, label_errors: bool = False
) -> CheckReport:
    """Check an ingested corpus, given by name or folder, or files and folders that could be one.

    Args:
        names: of a corpus, or files and folders.
        requested: options of reading files.
        label_errors: True to look for likely label errors by training, too.

    Raises:
        BadInput: nothing there, no corpus, or too few labelled sentences for `label_errors`.
        UsageError: options of reading files for a corpus.
    """
    requested = requested or Requested()
    if len(names) == 1:
        folder = corpus_folder(names[0]) if NAME.fullmatch(names[0]) else Path(names[0])
        if (folder / MANIFEST).is_file():
            if requested != Requested():
                raise UsageError(
                    "expected files with options of reading. Got a corpus, which was read already."
                )
            return _check_corpus(folder, names[0], (), label_errors)
    return _check_sources([Path(name) for name in names], requested, label_errors)


def _check_sources(paths: Sequence[Path], requested: Requested, label_errors: bool) -> CheckReport:
    """Ingest files into a temporary corpus, bad records included, and check that."""
    with tempfile.TemporaryDirectory(dir=temporary_parent(), prefix="check-") as scratch:
        folder = Path(scratch) / "corpus"
        copies = Copies(Path(scratch) / "sources")
        found = find_sources(paths, None, requested, copies)
        options = corpus_options(folder, found, requested)
        with corpus_writer(folder, found.family, options) as writer:
            new = new_sources(None, found.sources, options)
            groups = (
                stage_sources(writer.staging, group, options, shard_bytes=SHARD_BYTES)
                for group in grouped(new)
            )
            commit(writer, new, [shard for group in groups for shard in group], options)
        checked = _check_corpus(folder, ", ".join(map(str, paths)), found.skipped, label_errors)
        named = replace(checked, findings=_with_lines(checked.findings, found))
        return _with_report(named, options.report)


def _with_lines(findings: Sequence[Finding], found: FoundSources) -> tuple[Finding, ...]:
    """Findings whose examples name the line in their source, where its format has lines."""
    names = Counter(source.name for source in found.sources)
    files = {source.name: source.files[0] for source in found.sources if names[source.name] == 1}
    places = defaultdict[str, set[tuple[int, int]]](set)
    for finding in findings:
        for example in finding.examples:
            if example.line is None and example.at is not None and example.source in files:
                places[example.source].add(example.at)
    lines = {name: line_numbers(files[name], sorted(some)) for name, some in places.items()}

    def named(example: Example) -> Example:
        if example.line is not None or example.at is None or example.source is None:
            return example
        return replace(example, line=lines.get(example.source, {}).get(example.at))

    return tuple(replace(finding, examples=tuple(map(named, finding.examples))) for finding in findings)


def _with_report(checked: CheckReport, report: ReadingReport) -> CheckReport:
    """The report of a check with what reading the files found: columns, and labels that were changed."""
    findings = list(checked.findings)
    for kind, count in sorted(report.counts.items()):
        places = report.places.get(kind, [])
        examples = tuple(Example(place.text, place.source, line=place.line) for place in places)
        code, todo = _READING.get(kind, ("labels-changed", "Look at them in the source."))
        findings.append(Finding(code, "warning", count, "labels", kind, todo, examples))
    statistics = {"columns": grouped_columns(report.columns)} if report.columns else {}
    return replace(
        checked, statistics={**checked.statistics, **statistics}, findings=tuple(by_severity(findings))
    )


_READING = {
    MISALIGNED_SPANS: ("misaligned-labels", "Move the label to whole words, as shown, where that is meant."),
    OTHER_OFFSETS: ("offset-unit", "Give --offsets utf-16 where the tool counts so, as those in JavaScript."),
    ILLEGAL_TAGS: ("illegal-tags", "Mend the tag before or this one; entities begin with B- (or S-, U-)."),
}


def _check_corpus(
    folder: Path, subject: str, skipped: tuple[tuple[str, str], ...], label_errors: bool
) -> CheckReport:
    dataset = Dataset.open(folder)
    check_kind(dataset, TEXT, DNA, todo="Name one made by `elman ingest`, or files.")
    refused = _quarantined(dataset)
    about = {"about": found} if (found := about_in(dataset.meta)) else {}
    if dataset.kind == TEXT:
        text = check_text(lambda: _frames(dataset))
        statistics, findings = {**about, **text.to_json()}, [*refused, *text.findings()]
        if label_errors:
            errors = likely_label_errors(dataset)
            statistics["label_errors"] = {"sentences": errors.sentences, "seconds": errors.seconds}
            findings += [_likely(errors)] if errors.count else []
        return CheckReport(subject, "text", statistics, tuple(by_severity(findings)), skipped)
    if label_errors:
        raise UsageError("expected --label-errors for text only. Got DNA.")
    genomes = check_genomes(_stretches(folder))
    return CheckReport(
        subject, "dna", {**about, **genomes.to_json()}, (*refused, *genomes.findings()), skipped
    )


def _frames(dataset: Dataset) -> Iterator[pl.DataFrame]:
    for path in dataset.files("data"):
        yield from pl.read_parquet(path, glob=False).iter_slices(FRAME)


def _likely(errors: LabelErrors) -> Finding:
    examples = tuple(
        Example(str(error), error.source, f"{error.document} sentence {error.sentence}", at=error.at)
        for error in errors.found
    )
    detail = "sentences whose labels a network trained on the others confidently disagrees with"
    todo = "Look at them, the most certain first: either side may be wrong."
    return Finding(
        "label-errors", "note", errors.count, "sentences", detail, todo, examples, errors.sentences
    )


def _stretches(folder: Path) -> Iterator[tuple[str, Stretch]]:
    for split in SPLITS:
        for stretch in stretches_of(folder, split):
            yield split, stretch


def _quarantined(dataset: Dataset) -> list[Finding]:
    """A finding for each reason of quarantine; of its records the first ones by source are examples."""
    shown, counts = dict[str, pl.DataFrame](), Counter[str]()
    for path in dataset.files("quarantine"):
        rows = pl.read_parquet(path, glob=False, columns=_SHOWN_OF_BAD).select(_SHOWN_OF_BAD)
        for (reason,), some in rows.group_by("reason"):
            name = str(reason)
            counts[name] += some.height
            known = [shown[name]] if name in shown else []
            ordered = pl.concat([*known, some]).sort("source", "byte_offset", maintain_order=True)
            shown[name] = ordered.head(EXAMPLES)
    findings = []
    for reason, some in sorted(shown.items(), key=lambda item: item[1].row(0)[:2]):
        examples = tuple(
            Example(row["detail"], row["source"], line=row["line"]) for row in some.iter_rows(named=True)
        )
        code, detail = f"quarantine: {reason}", "records that cannot be read"
        findings.append(Finding(code, "error", counts[reason], "records", detail, some["todo"][0], examples))
    return findings


_SHOWN_OF_BAD = ["source", "byte_offset", "line", "reason", "detail", "todo"]
