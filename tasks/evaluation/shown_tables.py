"""Tables that MLflow shows among a run's artifacts: ranked mistakes, and scores by type.

They have the format of `mlflow.log_table`: JSON with `columns` and `data`, a list of rows
(https://mlflow.org/docs/latest/api_reference/python_api/mlflow.html#mlflow.log_table).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.metrics.gene_errors import EXACT
from elman.data.metrics.genes import GeneScores
from elman.data.store.disk import atomic_write
from elman.tasks.evaluation.reports import REPORT, Scores
from elman.tasks.runtime.console import without_controls
from elman.tasks.runtime.mlflow_sync import TABLES

MOST_ROWS = 1000
_RATES = ("precision", "recall", "f1")


def write_shown_tables(scores: Scores, out: Path) -> list[str]:
    """Write the tables of each split's evaluation.

    Args:
        scores: by split.
        out: folder of the run's files.

    Returns:
        their paths in `out`.
    """
    written = []
    for split, of_split in scores.items():
        folder = REPORT.format(split)
        counts = (
            ("tp", "fp", "fn") if isinstance(of_split, GeneScores) else ("support", "predicted", "correct")
        )
        rows = [
            [kind, *(getattr(of, name) for name in (*_RATES, *counts))]
            for kind, of in of_split.per_type.items()
        ]
        tables = {"scores_by_type": (["type", *_RATES, *counts], rows)}
        if (out / folder / "mistakes.parquet").is_file():
            mistakes = pl.read_parquet(out / folder / "mistakes.parquet", n_rows=MOST_ROWS, glob=False)
            tables["mistakes"] = (mistakes.columns, [list(row) for row in mistakes.iter_rows()])
        elif (out / folder / "genes.parquet").is_file():
            genes = _wrong_genes(pl.read_parquet(out / folder / "genes.parquet", glob=False))
            tables["mistakes"] = (genes.columns, [list(row) for row in genes.iter_rows()])
        for name, (columns, values) in tables.items():
            add_shown_table(out, f"{folder}/{name}.json", columns, values)
            written.append(f"{folder}/{name}.json")
    return written


def add_shown_table(out: Path, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a table among a run's files and name it in the list of those that MLflow is to show.

    Args:
        out: folder of the run's files.
        name: path of the table in it, `.json`.
        columns: names.
        rows: of plain values.
    """
    listed: list[str] = json.loads((out / TABLES).read_bytes()) if (out / TABLES).is_file() else []
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    atomic_write(out / name, _json(columns, rows))
    atomic_write(out / TABLES, json.dumps([*(old for old in listed if old != name), name]).encode())


def _wrong_genes(genes: pl.DataFrame) -> pl.DataFrame:
    """Genes that are not exact, the longest first."""
    order = ["length", "contig", "true_start", "predicted_start"]
    wrong = genes.filter(pl.col("outcome") != EXACT).sort(order, descending=[True, False, False, False])
    return wrong.head(MOST_ROWS).with_row_index("rank", offset=1)


def _json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    shown = [[without_controls(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    text = json.dumps({"columns": list(columns), "data": shown}, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")
