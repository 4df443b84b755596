"""Result of an ingest: counts of records, and the content of the corpus by split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elman.data.formats.common.reading_report import ReadingReport, ReportedPlace
from elman.data.formats.registry import Family
from elman.data.sources.reading import HashedSource
from elman.data.store.dataset import Dataset
from elman.data.store.schema import SPLITS
from elman.tasks.ingest.commit import Committed
from elman.tasks.ingest.sources import FoundSources


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """Result of an ingest.

    corpus: folder of the corpus. records: read, the sum of ingested, already (those the corpus had before)
    and quarantined. shards: added to the corpus. in_other_splits_too: documents added whose content another
    split has. added: names of sources that brought records. splits: counts of each split of the corpus, of
    sentences and tokens, pieces and bases, or clips and seconds. columns: of the files read, how tokens and
    tags were found in their rows. changed: labels that were not read as they stand, by what was done; places:
    some of these. skipped: path and reason of files that are no corpus. labelled_documents: of the corpus
    that have a label as a whole. digest: sha256 of the manifest.
    """

    corpus: str
    kind: Family
    records: int
    ingested: int
    already: int
    quarantined: int
    shards: int
    in_other_splits_too: int
    added: tuple[str, ...]
    splits: Mapping[str, Mapping[str, int]]
    columns: Mapping[str, Mapping[str, Any]]
    changed: Mapping[str, int]
    places: Mapping[str, Sequence[ReportedPlace]]
    skipped: tuple[tuple[str, str], ...]
    digest: str
    seconds: float
    labelled_documents: int = 0

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        found: FoundSources,
        new: Sequence[HashedSource],
        committed: Committed,
        report: ReadingReport,
        seconds: float,
    ) -> "Ingested":
        """Count an ingest.

        Args:
            dataset: the corpus after it.
            found: all sources named by the user.
            new: those that the corpus did not have.
            committed: what was added of them.
            report: of reading them.
            seconds: since the ingest began.
        """
        entries = committed.entries
        had = {(entry["sha256"], entry["split"]): entry["records"] for entry in dataset.sources}
        had |= {(entry.source.sha256, entry.source.split): entry.records for entry in entries}
        before = sum(had[source.sha256, source.split] for source in found.sources if source not in new)
        return cls(
            corpus=str(dataset.folder),
            kind=found.family,
            records=before + sum(entry.records for entry in entries),
            ingested=sum(entry.ingested for entry in entries),
            already=before + sum(entry.already for entry in entries),
            quarantined=sum(entry.quarantined for entry in entries),
            shards=committed.shards,
            in_other_splits_too=committed.elsewhere,
            added=tuple(entry.source.name for entry in entries if entry.ingested),
            splits=split_counts(dataset),
            columns=grouped_columns(report.columns),
            changed=dict(sorted((+report.counts).items())),
            places=report.places,
            skipped=found.skipped,
            digest=dataset.digest,
            seconds=round(seconds, 3),
            labelled_documents=dataset.manifest["totals"]["counts"].get("labelled_documents", 0),
        )

    def _changed_at(self) -> list[dict[str, Any]]:
        places = (place for kind in sorted(self.places) for place in self.places[kind])
        return [{"path": place.source, "line": place.line, "label": place.text} for place in places]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as the command prints them."""
        return {
            "corpus": self.corpus,
            "kind": self.kind,
            "records": self.records,
            "ingested": self.ingested,
            "already": self.already,
            "quarantined": self.quarantined,
            "shards": self.shards,
            "in_other_splits_too": self.in_other_splits_too,
            "added": list(self.added),
            "splits": {split: dict(counts) for split, counts in self.splits.items()},
            **({"labelled_documents": self.labelled_documents} if self.labelled_documents else {}),
            "columns": {name: dict(columns) for name, columns in self.columns.items()},
            "changed": dict(self.changed),
            **({"changed_at": self._changed_at()} if self.places else {}),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "digest": self.digest,
            "seconds": self.seconds,
        }

    def metrics(self) -> dict[str, float]:
        """Metrics of the run in MLflow."""
        counts = ("records", "ingested", "already", "quarantined", "shards")
        sizes = {f"{split}_{name}": count for split, of in self.splits.items() for name, count in of.items()}
        return {**{name: getattr(self, name) for name in counts}, **sizes, "ingest_s": self.seconds}

    def description(self) -> str:
        """Description of the run, Markdown: what the corpus has now."""
        sizes = (
            f"{split} {', '.join(f'{count:,} {name}' for name, count in of.items())}"
            for split, of in self.splits.items()
        )
        return (
            f"{self.records:,} records read: {self.ingested:,} new, {self.already:,} known before, "
            f"{self.quarantined:,} in quarantine.\n\nThe corpus has {'; '.join(sizes) or 'nothing'}.\n"
        )


def grouped_columns(columns: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Columns by source, sources that are read alike under the name of the first."""
    alike: dict[str, list[str]] = {}
    for source in sorted(columns):
        alike.setdefault(repr(columns[source]), []).append(source)
    return {
        first + (f" and {len(others)} more" if others else ""): columns[first]
        for first, *others in alike.values()
    }


def split_counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Counts of each split of a corpus: sentences and tokens, pieces and bases, or clips and seconds."""
    counts: Mapping[str, int] = dataset.manifest["totals"]["counts"]
    return {
        split: {
            name.removeprefix(f"{split}_"): counts[name]
            for name in sorted(counts)
            if name.startswith(f"{split}_")
        }
        for split in SPLITS
        if any(name.startswith(f"{split}_") for name in counts)
    }
