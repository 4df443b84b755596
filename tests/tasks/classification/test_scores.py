"""Scores of classes agree with counting by hand."""

import json

import numpy as np
import pytest

from elman.tasks.classification.scores import macro_f1, score_classes

GOLD = ("a", "a", "b", "c", "z")
P = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]])


def test_rates_by_hand():
    scores = score_classes(("a", "b", "c"), GOLD, P)
    assert scores.labels == ("a", "b", "c", "z")
    assert scores.confusion.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]
    assert scores.values["accuracy"] == pytest.approx(3 / 5)
    np.testing.assert_allclose(scores.rates[:, 0], [1 / 2, 1 / 2, 1, 0])
    np.testing.assert_allclose(scores.rates[:, 1], [1 / 2, 1, 1, 0])
    assert scores.values["macro_f1"] == pytest.approx(np.mean([1 / 2, 2 / 3, 1, 0]))


def test_macro_f1_counts_an_unknown_class_as_wrong():
    gold, best = np.array([0, 0, 1, 2, -1]), np.array([0, 1, 1, 2, 0])
    assert macro_f1(gold, best, 3) == pytest.approx(
        score_classes(("a", "b", "c"), GOLD, P).values["macro_f1"]
    )
    assert macro_f1(np.array([], int), np.array([], int), 3) == 0


def test_its_report_has_the_matrix_as_picture_and_table(tmp_path):
    scores = score_classes(("a", "b", "c"), GOLD, P)
    scores.write_report("test", tmp_path)
    assert (tmp_path / "confusion_test.png").stat().st_size > 1000
    assert (tmp_path / "confusion_test.csv").read_text().splitlines()[1] == "a,1,1,0,0"
    assert "| a |" in (tmp_path / "classes_test.md").read_text()
    plain = json.loads(json.dumps(scores.to_json()))
    assert plain["per_class"]["b"]["recall"] == 1
    assert scores.metrics["f1/b"] == pytest.approx(2 / 3)
