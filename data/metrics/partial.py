"""Scores with partial overlap: the four schemas of SemEval 2013 task 9.1, counted as nervaluate 1.2 counts.

Strict wants span and type; exact the span, whatever the type; partial gives half a point for an overlap,
whatever the type; type wants an overlap and the type. Each predicted entity in turn takes an entity of gold
that none before it took: a match if there is one, else the first of which it overlaps 1 %.
See Segura-Bedmar et al. (2013) and https://github.com/MantisAI/nervaluate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from elman.data.metrics.alignment import Overlaps, overlaps

STRICT, EXACT, PARTIAL, ENTITY_TYPE = SCHEMAS = ("strict", "exact", "partial", "type")
_LEAST_SHARE = 0.01  # of an entity of gold, for an overlap to count
_Pair = tuple[int, bool, bool, int]  # gold, same span, same type, distance of the boundaries
_Choice = tuple[int, str]  # index of the pair that is taken, and what it counts as


@dataclass(frozen=True, kw_only=True)
class SchemaScores:
    """Counts of one schema, and its rates from 0 to 1; a rate without a denominator is 0."""

    correct: int
    incorrect: int
    partial: int
    missed: int
    spurious: int

    @property
    def predicted(self) -> int:
        """Entities predicted."""
        return self.correct + self.incorrect + self.partial + self.spurious

    @property
    def support(self) -> int:
        """Entities in gold."""
        return self.correct + self.incorrect + self.partial + self.missed

    @property
    def precision(self) -> float:
        """Points for each predicted entity, half a point for a partial match."""
        return (self.correct + 0.5 * self.partial) / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Points for each entity of gold."""
        return (self.correct + 0.5 * self.partial) / self.support if self.support else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def to_json(self) -> dict[str, float]:
        """Plain values for JSON."""
        names = ("correct", "incorrect", "partial", "missed", "spurious", "precision", "recall", "f1")
        return {name: getattr(self, name) for name in names}


def partial_scores(gold: pl.DataFrame, predicted: pl.DataFrame) -> dict[str, SchemaScores]:
    """Scores of each schema over all types.

    Args:
        gold, predicted: sequence, start, end, type, as `data.metrics.alignment.overlaps` takes them.
    """
    pairs = overlaps(gold, predicted)
    span = [gold[name].cast(pl.Int64).to_numpy() for name in ("start", "end")]
    pairs = pairs.take(pairs.tokens >= _LEAST_SHARE * (span[1] - span[0])[pairs.gold])
    groups = _groups(gold, predicted, pairs)
    return {schema: _count(groups, rule, predicted.height, gold.height) for schema, rule in _RULES.items()}


def partial_scores_by_type(gold: pl.DataFrame, predicted: pl.DataFrame) -> dict[str, dict[str, SchemaScores]]:
    """Scores of each schema by type, in which entities of other types are left out."""
    kinds = sorted({*gold["type"].unique(), *predicted["type"].unique()})
    return {kind: partial_scores(gold.filter(type=kind), predicted.filter(type=kind)) for kind in kinds}


def _groups(gold: pl.DataFrame, predicted: pl.DataFrame, pairs: Overlaps) -> list[list[_Pair]]:
    """Pairs of each predicted entity that overlaps any, in order."""
    columns = {
        name: [frame[name].gather(rows) for frame, rows in ((gold, pairs.gold), (predicted, pairs.predicted))]
        for name in ("start", "end", "type")
    }
    distance: Any = sum((columns[name][0] - columns[name][1]).abs() for name in ("start", "end"))
    same_type = columns["type"][0] == columns["type"][1]
    rows = zip(
        pairs.gold.tolist(), (distance == 0).to_list(), same_type.to_list(), distance.to_list(), strict=True
    )
    flat = list(rows)
    edges = np.flatnonzero(np.diff(pairs.predicted, prepend=-1, append=-1)).tolist() if flat else [0]
    return [flat[a:b] for a, b in pairwise(edges)]


def _count(
    groups: list[list[_Pair]], rule: Callable[[Sequence[_Pair]], _Choice], predicted: int, gold: int
) -> SchemaScores:
    taken: set[int] = set()
    counts = {"correct": 0, "incorrect": 0, "partial": 0}
    for group in groups:
        free = [pair for pair in group if pair[0] not in taken]
        if free:
            chosen, outcome = rule(free)
            counts[outcome] += 1
            taken.add(free[chosen][0])
    matched = sum(counts.values())
    return SchemaScores(**counts, missed=gold - matched, spurious=predicted - matched)


def _strict(pairs: Sequence[_Pair]) -> _Choice:
    return next(((n, "correct") for n, pair in enumerate(pairs) if pair[1] and pair[2]), (0, "incorrect"))


def _exact(pairs: Sequence[_Pair]) -> _Choice:
    return next(((n, "correct") for n, pair in enumerate(pairs) if pair[1]), (0, "incorrect"))


def _partial(pairs: Sequence[_Pair]) -> _Choice:
    return next(((n, "correct") for n, pair in enumerate(pairs) if pair[1]), (0, "partial"))


def _type(pairs: Sequence[_Pair]) -> _Choice:
    alike = [(pair[3], n) for n, pair in enumerate(pairs) if pair[2]]
    return (min(alike)[1], "correct") if alike else (0, "incorrect")


_RULES = {STRICT: _strict, EXACT: _exact, PARTIAL: _partial, ENTITY_TYPE: _type}
