"""Metrics of runs: every type has its own, under names that MLflow takes."""

import json
from posixpath import normpath

from elman.data.metrics.entities import entity_scores
from elman.tasks.evaluation.run_metrics import metric_names, score_metrics


def test_each_type_has_precision_recall_and_f1(tmp_path):
    scores = {"test": entity_scores([["B-PER", "B-LOC"]], [["B-PER", "O"]])}
    assert score_metrics(scores, tmp_path) == {
        **{"test_precision": 1.0, "test_recall": 0.5, "test_f1": 2 / 3},
        **{"test_precision/LOC": 0.0, "test_recall/LOC": 0.0, "test_f1/LOC": 0.0},
        **{"test_precision/PER": 1.0, "test_recall/PER": 1.0, "test_f1/PER": 1.0},
    }


def test_intervals_and_calibration_come_from_the_report(tmp_path):
    scores = {"dev": entity_scores([["O"]], [["O"]])}
    report = {
        "intervals": {"all types": {"f1": {"low": 0.1, "high": 0.3}}},
        "calibration": {"all types": {"after": {"error": 0.02, "count": 5}}},
    }
    (tmp_path / "evaluation_dev").mkdir()
    (tmp_path / "evaluation_dev" / "report.json").write_text(json.dumps(report))
    metrics = score_metrics(scores, tmp_path)
    assert (metrics["dev_f1_low"], metrics["dev_f1_high"], metrics["dev_calibration_error"]) == (
        0.1,
        0.3,
        0.02,
    )


def test_names_of_types_are_such_as_mlflow_takes_and_differ():
    from mlflow.utils.validation import _validate_metric_name

    types = ["B/C", "B?C", "..", ".", "", " x ", "疾病", "a//b", "x" * 400, "<script>", "CDS +", "CDS -"]
    names = [*metric_names(types)]
    assert len(set(names)) == len(types)
    for name in names:
        _validate_metric_name(f"test_f1/{name}")
        assert normpath(f"test_f1/{name}") == f"test_f1/{name}"
    assert names[-2:] == ["CDS forward", "CDS reverse"]
