"""What a person is told of refused records: where each stands, what is wrong, what to do."""

from elman.data.store.dataset import Dataset
from elman.tasks.runtime.console import say

SHOWN = 5


def say_refused(dataset: Dataset) -> None:
    """One line for each of the first refused records of a dataset, and how many more there are."""
    rows = dataset.scan("quarantine").sort("source", "byte_offset").collect()
    for row in rows.head(SHOWN).iter_rows(named=True):
        place = row["source"] if row["line"] is None else f"{row['source']}:{row['line']}"
        say(f"refused: {place}: {row['detail']}. {row['todo']}")
    if rows.height > SHOWN:
        say(f"refused: {rows.height - SHOWN:,} more, all with their reasons in {dataset.folder}/quarantine")
