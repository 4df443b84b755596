"""Entities are grouped, and each group is scored on its own entities."""

import polars as pl
import pytest

from elman.data.metrics.slices import ORDER, OTHER_TYPE, SEEN, UNSEEN, scores_by, with_groups


def entities(*rows: tuple[int, int, str, str, float, bool]) -> pl.DataFrame:
    names = ("start", "end", "text", "type", "unknown", "correct")
    return pl.DataFrame(rows, schema=names, orient="row")


def test_recall_is_of_gold_and_precision_of_predicted_entities_of_a_group():
    gold = pl.DataFrame({"group": ["a", "a", "b"], "correct": [True, False, False]})
    predicted = pl.DataFrame({"group": ["a", "c"], "correct": [True, False]})
    table = scores_by(gold, predicted, "group", order=("c", "a"))
    assert table.select("group", "support", "predicted", "correct", "precision", "recall").rows() == [
        ("c", 0, 1, 0, 0.0, 0.0),
        ("a", 2, 1, 1, 1.0, 0.5),
        ("b", 1, 0, 0, 0.0, 0.0),
    ]
    assert table["f1"].to_list() == [0.0, pytest.approx(2 / 3), 0.0]


def test_entities_are_grouped_by_length_position_unknown_words_and_training():
    training = pl.DataFrame({"text": ["Ann", "Rome"], "type": ["PER", "LOC"]})
    grouped = with_groups(
        entities(
            (0, 1, "Ann", "PER", 0.0, True),
            (4, 6, "Rome", "PER", 0.5, True),
            (5, 9, "x", "PER", 0.75, True),
            (39, 45, "x", "PER", 1.0, True),
            (40, 43, "x", "PER", 1.0, True),
        ),
        training,
    )
    assert grouped["by_length"].to_list() == ["1", "2", "4", "5 and more", "3"]
    assert grouped["by_position"].to_list() == [
        "1 to 4",
        "5 to 9",
        "5 to 9",
        "40 and more",
        "40 and more",
    ]
    assert grouped["by_training"].to_list() == [SEEN, OTHER_TYPE, UNSEEN, UNSEEN, UNSEEN]
    assert grouped["by_unknown"].to_list()[:3] == list(ORDER["by_unknown"][:3])
    for column, order in ORDER.items():
        assert set(grouped[column]) <= set(order)


def test_without_a_training_corpus_there_is_no_group_of_it():
    grouped = with_groups(entities((0, 1, "Ann", "PER", 0.0, True)), None)
    assert "by_training" not in grouped.columns
    empty = entities((0, 1, "Ann", "PER", 0.0, True)).clear()
    assert scores_by(with_groups(empty, None), with_groups(empty, None), "by_length").is_empty()
