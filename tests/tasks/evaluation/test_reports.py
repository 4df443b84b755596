"""Reports of scores: files, table and metric names."""

import json

from elman.data.metrics.entities import entity_scores
from elman.tasks.evaluation.reports import flat_scores, scores_table, write_scores

SCORES = {"test": entity_scores([["B-A", "O"], ["B-B", "I-B"]], [["B-A", "O"], ["B-B", "O"]])}


def test_the_table_has_a_line_per_split_and_type():
    assert scores_table(SCORES).splitlines()[2:] == [
        "| test: all | 50.00 | 50.00 | 50.00 | 2 |",
        "| test: A | 100.00 | 100.00 | 100.00 | 1 |",
        "| test: B | 0.00 | 0.00 | 0.00 | 1 |",
    ]
    assert scores_table({}) == "No split to score on.\n"


def test_metrics_are_named_by_split():
    assert flat_scores(SCORES) == {"test_precision": 0.5, "test_recall": 0.5, "test_f1": 0.5}


def test_scores_are_written_as_json_and_markdown(tmp_path):
    write_scores(SCORES, tmp_path)
    assert json.loads((tmp_path / "scores.json").read_text())["test"] == SCORES["test"].to_json()
    assert (tmp_path / "scores.md").read_text() == scores_table(SCORES)
