"""Console report of quarantined records: place, reason and remedy of each."""

from elman.data.store.dataset import Dataset
from elman.tasks.runtime.artifacts import publish_markdown
from elman.tasks.runtime.console import print_status

SHOWN = 5


def report_quarantine(dataset: Dataset) -> None:
    """Print a line for each of the first quarantined records of a dataset, and how many more there are.

    A Prefect run shows the same lines as an artifact.
    """
    rows = dataset.scan("quarantine").sort("source", "byte_offset").collect()
    lines = []
    for row in rows.head(SHOWN).iter_rows(named=True):
        place = row["source"] if row["line"] is None else f"{row['source']}:{row['line']}"
        lines.append(f"{place}: {row['detail']}. {row['todo']}")
    if rows.height > SHOWN:
        place = f"{dataset.folder}/quarantine"
        lines.append(f"{rows.height - SHOWN:,} more, all with their reasons in {place}")
    for line in lines:
        print_status(f"quarantined: {line}")
    if lines:
        listed = "".join(f"- {line}\n" for line in lines)
        publish_markdown("quarantine", listed, f"{rows.height:,} quarantined records")
