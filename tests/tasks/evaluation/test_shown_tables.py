"""Tables among a run's artifacts: the format of `mlflow.log_table`, ranked, at most 1,000 rows."""

import json

import polars as pl

from elman.data.metrics.entities import entity_scores
from elman.tasks.evaluation.shown_tables import MOST_ROWS, add_shown_table, write_shown_tables

SCORES = {"test": entity_scores([["B-PER", "B-LOC"]], [["B-PER", "O"]])}


def test_mistakes_and_scores_by_type_are_tables_with_corpus_text_as_text(tmp_path):
    folder = tmp_path / "evaluation_test"
    folder.mkdir()
    ranks = range(1, MOST_ROWS + 5)
    frame = pl.DataFrame({"rank": ranks, "outcome": "missed", "gold_text": "<script>\x1b[0m ![x](y)"})
    frame.write_parquet(folder / "mistakes.parquet")
    written = write_shown_tables(SCORES, tmp_path)
    assert written == ["evaluation_test/scores_by_type.json", "evaluation_test/mistakes.json"]
    assert json.loads((tmp_path / "tables.json").read_bytes()) == written
    mistakes = json.loads((folder / "mistakes.json").read_bytes())
    assert mistakes["columns"] == ["rank", "outcome", "gold_text"]
    assert len(mistakes["data"]) == MOST_ROWS
    assert mistakes["data"][0] == [1, "missed", "<script>\\x1b[0m ![x](y)"]
    types = json.loads((folder / "scores_by_type.json").read_bytes())
    assert types["columns"] == ["type", "precision", "recall", "f1", "support", "predicted", "correct"]
    assert types["data"] == [["LOC", 0.0, 0.0, 0.0, 1, 0, 0], ["PER", 1.0, 1.0, 1.0, 1, 1, 1]]


def test_wrong_genes_are_ranked_by_length(tmp_path):
    folder = tmp_path / "evaluation_test"
    folder.mkdir()
    rows = {"contig": "c", "outcome": ["exact", "missed", "spurious"], "length": [900, 300, 600]}
    starts = {"true_start": [0, 10, None], "predicted_start": [0, None, 20]}
    pl.DataFrame({**rows, **starts}).write_parquet(folder / "genes.parquet")
    write_shown_tables(SCORES, tmp_path)
    table = json.loads((folder / "mistakes.json").read_bytes())
    assert [(row[0], row[2]) for row in table["data"]] == [(1, "spurious"), (2, "missed")]


def test_a_table_is_added_to_those_that_are_there_once(tmp_path):
    written = write_shown_tables(SCORES, tmp_path)
    for row in (["a", 1], ["b\x1b", 2]):
        add_shown_table(tmp_path, "confused.json", ["said", "count"], [row])
    assert json.loads((tmp_path / "tables.json").read_bytes()) == [*written, "confused.json"]
    table = json.loads((tmp_path / "confused.json").read_bytes())
    assert table == {"columns": ["said", "count"], "data": [["b\\x1b", 2]]}
