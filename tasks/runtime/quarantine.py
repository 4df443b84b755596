"""Console report of quarantined records: place, reason and remedy of each."""

from elman.data.store.dataset import Dataset
from elman.tasks.runtime.console import print_status

SHOWN = 5


def report_quarantine(dataset: Dataset) -> None:
    """Print a line for each of the first quarantined records of a dataset, and how many more there are."""
    rows = dataset.scan("quarantine").sort("source", "byte_offset").collect()
    for row in rows.head(SHOWN).iter_rows(named=True):
        place = row["source"] if row["line"] is None else f"{row['source']}:{row['line']}"
        print_status(f"quarantined: {place}: {row['detail']}. {row['todo']}")
    if rows.height > SHOWN:
        place = f"{dataset.folder}/quarantine"
        print_status(f"quarantined: {rows.height - SHOWN:,} more, all with their reasons in {place}")
