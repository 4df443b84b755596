"""Scores with partial overlap are those of nervaluate, over all types and by type."""

import random

import polars as pl
import pytest
from nervaluate import Evaluator

from elman.data.metrics.partial import partial_scores, partial_scores_by_type
from elman.data.text.tags import from_spans, spans

KINDS = ("A", "B", "C")
THEIRS = {"strict": "strict", "exact": "exact", "partial": "partial", "type": "ent_type"}
SCHEMA = {"sequence": pl.Int64, "start": pl.Int64, "end": pl.Int64, "type": pl.String}


def frame(sentences: list[list[str]]) -> pl.DataFrame:
    rows = [(number, *span) for number, tags in enumerate(sentences) for span in spans(tags)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def some_tags(rng: random.Random, length: int, longest: int) -> list[str]:
    found, at = [], rng.randrange(3)
    while at < length:
        end = min(length, at + rng.randint(1, longest))
        found.append((at, end, rng.choice(KINDS)))
        at = end + rng.randrange(4)
    return from_spans(length, found)


@pytest.mark.parametrize("longest", [3, 8, 250])
def test_counts_and_rates_are_those_of_nervaluate(longest):
    rng = random.Random(longest)
    lengths = [rng.randint(1, 40 if longest < 100 else 500) for _ in range(120)]
    gold, predicted = ([some_tags(rng, length, longest) for length in lengths] for _ in range(2))
    predicted[::3] = gold[::3]
    theirs = Evaluator(gold, predicted, tags=list(KINDS), loader="list").evaluate()
    ours = {"": partial_scores(frame(gold), frame(predicted))}
    ours |= partial_scores_by_type(frame(gold), frame(predicted))
    assert set(ours) == {"", *KINDS}
    for kind, schemas in ours.items():
        for schema, scores in schemas.items():
            of = theirs["entities"][kind] if kind else theirs["overall"]
            expected = of[THEIRS[schema]]
            for name, value in scores.to_json().items():
                assert value == pytest.approx(getattr(expected, name), abs=1e-12), (kind, schema, name)


def test_without_entities_all_is_zero():
    none = frame([["O"]])
    assert {scores.f1 for scores in partial_scores(none, none).values()} == {0.0}
    assert partial_scores(frame([["B-A"]]), none)["strict"].missed == 1
    assert partial_scores(none, frame([["B-A"]]))["type"].spurious == 1
