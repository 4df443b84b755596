"""Report of silver labels: how they agree with gold ones, and where not."""

import json
from pathlib import Path

from elman.data.corpus.silver import SilverAgreement, SilverCorpus
from elman.data.metrics.entities import TypeScores
from elman.data.store.dataset import Dataset
from elman.data.store.disk import atomic_write
from elman.tasks.evaluation.shown_tables import MOST_ROWS, add_shown_table
from elman.tasks.runtime.console import print_status

FOLDER = "silver"  # among the files of a run


def report_silver(gold: Path, silver: Path, out: Path) -> SilverAgreement | None:
    """Compare silver labels with gold ones where both label a sentence; print the scores, write the mistakes.

    Args:
        gold: folder of the corpus that is trained on.
        silver: folder of the corpus of silver labels.
        out: folder of the run's files, which gets `silver/agreement.json`, `disagreements.parquet` and the
            first of these as a table that MLflow shows.

    Returns:
        the agreement on sentences of training and dev; None if no sentence is in both corpora.

    Raises:
        BadInput: as `SilverCorpus`.
    """
    agreement = SilverCorpus(Dataset.open(gold), Dataset.open(silver)).agreement()
    if agreement is None:
        print_status("silver: no training or dev sentence in both corpora, so its labels are not compared.")
        return None
    print_status(
        f"silver: {agreement.sentences:,} gold sentences labelled: {_scores(agreement.overall)}; "
        + ", ".join(f"{kind} {_scores(of)}" for kind, of in agreement.per_type.items())
    )
    folder, table = out / FOLDER, agreement.disagreements
    folder.mkdir(exist_ok=True)
    values = {"sentences": agreement.sentences, "overall": agreement.overall.__dict__}
    per_type = {kind: of.__dict__ for kind, of in agreement.per_type.items()}
    atomic_write(folder / "agreement.json", json.dumps({**values, "per_type": per_type}, indent=1).encode())
    table.write_parquet(folder / "disagreements.parquet")
    shown = table.head(MOST_ROWS)
    add_shown_table(out, f"{FOLDER}/disagreements.json", shown.columns, shown.rows())
    return agreement


def _scores(of: TypeScores) -> str:
    return f"precision {of.precision:.3f}, recall {of.recall:.3f}"
