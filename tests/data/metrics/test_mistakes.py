"""Mistakes stand with both answers, offsets and context, the surest first."""

import polars as pl

from elman.data.metrics.alignment import align
from elman.data.metrics.mistakes import CONTEXT, mistakes

TEXT = "é" * 70 + " Ann Lee saw Bo " + "x" * 70  # Ann Lee is characters 71 to 78


def side(*rows: tuple[int, int, int, str, int, int, float]) -> pl.DataFrame:
    names = ("sequence", "start", "end", "type", "char_start", "char_end", "surety")
    frame = pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"type": pl.String})
    text = [TEXT[a - 1000 : b - 1000] for a, b in frame.select("char_start", "char_end").rows()]
    return frame.with_columns(document=pl.lit("d"), sentence=pl.lit(7), text=pl.Series(text, dtype=pl.String))


TEXTS = pl.DataFrame({"sequence": [0], "sentence_text": [TEXT], "sentence_start": [1000]})


def test_both_answers_stand_side_by_side_with_the_text_around_them():
    gold = side((0, 1, 3, "PER", 1071, 1078, 0.2), (0, 4, 5, "PER", 1083, 1085, 0.9))
    predicted = side((0, 1, 2, "LOC", 1071, 1074, 0.6))
    table = mistakes(gold, predicted, align(gold, predicted), TEXTS)
    missed, wrong = table.rows(named=True)
    assert (missed["rank"], missed["outcome"], missed["probability"]) == (1, "missed", 0.9)
    assert (missed["gold_text"], missed["predicted_text"], missed["predicted_start"]) == ("Bo", None, None)
    assert (wrong["outcome"], wrong["probability"]) == ("type and boundary", 0.6)
    assert (wrong["gold_text"], wrong["gold_type"], wrong["gold_start"], wrong["gold_end"]) == (
        "Ann Lee",
        "PER",
        1071,
        1078,
    )
    assert (wrong["predicted_text"], wrong["predicted_type"]) == ("Ann", "LOC")
    assert wrong["before"] == ("é" * 70 + " ")[-CONTEXT:]
    assert wrong["after"] == (" saw Bo " + "x" * 70)[:CONTEXT]
    assert (wrong["document"], wrong["sentence"]) == ("d", 7)


def test_right_answers_are_no_mistakes():
    gold = side((0, 1, 3, "PER", 1071, 1078, 0.2))
    assert mistakes(gold, gold, align(gold, gold), TEXTS).is_empty()
