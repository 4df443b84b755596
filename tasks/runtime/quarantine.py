"""Console report of quarantined records: place, reason and remedy of each."""

from elman.data.store.dataset import Dataset
from elman.tasks.runtime.artifacts import publish_table
from elman.tasks.runtime.console import print_status, printable

SHOWN = 5


def report_quarantine(dataset: Dataset) -> None:
    """Print a line for each of the first quarantined records of a dataset, and how many more there are.

    A Prefect run shows the reasons with their numbers, and the same records, as tables.
    """
    rows = dataset.scan("quarantine").sort("source", "byte_offset").collect()
    lines, shown = [], []
    for row in rows.head(SHOWN).iter_rows(named=True):
        place = row["source"] if row["line"] is None else f"{row['source']}:{row['line']}"
        lines.append(f"{place}: {row['detail']}. {row['todo']}")
        what = {"what": printable(row["detail"]), "to do": printable(row["todo"])}
        shown.append({"place": printable(place), **what})
    if rows.height > SHOWN:
        place = f"{dataset.folder}/quarantine"
        lines.append(f"{rows.height - SHOWN:,} more, all with their reasons in {place}")
    for line in lines:
        print_status(f"quarantined: {line}")
    if not lines:
        return
    counted = rows.group_by("reason").len("records").sort("records", "reason", descending=[True, False])
    publish_table("quarantine", counted.to_dicts(), f"{rows.height:,} quarantined records by reason")
    publish_table("quarantined", shown, f"The first {len(shown)} quarantined records")
