"""Counts of records and of the content of a corpus, for the summary of an ingest."""

from collections.abc import Mapping, Sequence
from typing import Any

from elman.data.sources.reading import HashedSource
from elman.data.store.dataset import Dataset
from elman.data.store.schema import SPLITS


def count_records(
    dataset: Dataset,
    items: Sequence[HashedSource],
    new: Sequence[HashedSource],
    entries: Sequence[Mapping[str, Any]],
) -> dict[str, int]:
    """Where the records of all items went: new ones as their entries say, others were there already.

    Returns:
        records, ingested, already, quarantined; the first is the sum of the others.
    """
    known = {(entry["sha256"], entry["split"]): entry for entry in (*dataset.sources, *entries)}
    keys = ("records", "ingested", "already", "quarantined")
    counts = {key: sum(entry[key] for entry in entries) for key in keys}
    for item in items:
        if item not in new:
            records = known[item.sha256, item.split]["records"]
            counts["records"] += records
            counts["already"] += records
    return counts


def split_counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    """What each split of a corpus holds: sentences and tokens, or pieces and bases."""
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
