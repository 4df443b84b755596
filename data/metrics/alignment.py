"""Alignment of gold and predicted entities: what became of each, and what kind of mistake it was.

An entity of gold and one predicted are aligned if they overlap, each with one other at most: equal spans
first, then equal types, then the largest overlap. Entities of one side do not overlap each other.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

CORRECT, TYPE, BOUNDARY, BOTH = "correct", "type", "boundary", "type and boundary"
MISSED, SPURIOUS = "missed", "spurious"
OUTCOMES = (CORRECT, TYPE, BOUNDARY, BOTH, MISSED, SPURIOUS)
SPAN = ("sequence", "start", "end", "type")

_Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Overlaps:
    """Pairs of a predicted and a gold entity that share tokens, by predicted entity, then by gold.

    Attributes:
        predicted, gold: (P,) row of each.
        tokens: (P,) tokens shared.
    """

    predicted: _Int
    gold: _Int
    tokens: _Int

    def __len__(self) -> int:
        return len(self.predicted)

    def take(self, chosen: npt.NDArray[np.bool_]) -> "Overlaps":
        """The chosen pairs, (P,) bool."""
        return Overlaps(self.predicted[chosen], self.gold[chosen], self.tokens[chosen])


def overlaps(gold: pl.DataFrame, predicted: pl.DataFrame) -> Overlaps:
    """All overlapping pairs.

    Args:
        gold, predicted: sequence (number of the sentence), start, end (tokens, 0-based half-open);
            ascending, and without overlap within a frame.
    """
    (g_sequence, g_start, g_end), (p_sequence, p_start, p_end) = (
        [frame[name].cast(pl.Int64).to_numpy() for name in SPAN[:3]] for frame in (gold, predicted)
    )
    width = int(max(g_end.max(initial=0), p_end.max(initial=0))) + 1
    first = np.searchsorted(g_sequence * width + g_end, p_sequence * width + p_start, side="right")
    last = np.searchsorted(g_sequence * width + g_start, p_sequence * width + p_end, side="left")
    counts = np.maximum(last - first, 0)
    p = np.repeat(np.arange(len(counts)), counts)
    begins = np.cumsum(counts) - counts
    g = np.arange(counts.sum()) - np.repeat(begins, counts) + np.repeat(first, counts)
    shared = np.minimum(g_end[g], p_end[p]) - np.maximum(g_start[g], p_start[p])
    return Overlaps(p, g, shared)


def align(gold: pl.DataFrame, predicted: pl.DataFrame) -> pl.DataFrame:
    """Align the entities of both sides.

    Args:
        gold, predicted: sequence, start, end, type, as `overlaps` takes them.

    Returns:
        one row an aligned pair or an entity alone: `gold` and `predicted`, rows of the two frames or null;
        `outcome`, one of OUTCOMES. Predicted entities come in their order, then missed ones.
    """
    pairs = overlaps(gold, predicted)
    same_type = (gold["type"].gather(pairs.gold) == predicted["type"].gather(pairs.predicted)).to_numpy()
    same_span = np.ones(len(pairs), bool)
    for name in ("start", "end"):
        same_span &= (gold[name].gather(pairs.gold) == predicted[name].gather(pairs.predicted)).to_numpy()
    chosen = _one_to_one(pairs, np.lexsort((-pairs.tokens, ~same_type, ~same_span)))
    kind = np.select([same_span & same_type, same_span, same_type], [CORRECT, TYPE, BOUNDARY], BOTH)[chosen]
    p, g = pairs.predicted[chosen], pairs.gold[chosen]
    spurious = np.setdiff1d(np.arange(predicted.height), p)
    missed = np.setdiff1d(np.arange(gold.height), g)
    none: list[pl.Series] = [
        pl.repeat(None, len(alone), dtype=pl.Int64, eager=True) for alone in (spurious, missed)
    ]
    rows = pl.DataFrame(
        {
            "gold": pl.concat([pl.Series(g, dtype=pl.Int64), none[0], pl.Series(missed, dtype=pl.Int64)]),
            "predicted": pl.concat(
                [pl.Series(p, dtype=pl.Int64), pl.Series(spurious, dtype=pl.Int64), none[1]]
            ),
            "outcome": [*kind.tolist(), *[SPURIOUS] * len(spurious), *[MISSED] * len(missed)],
        },
        schema_overrides={"outcome": pl.String},
    )
    return rows.sort("predicted", "gold", nulls_last=True)


def _one_to_one(pairs: Overlaps, order: _Int) -> _Int:
    """Pairs in which no entity stands twice, the first in `order` before others."""
    rank = np.empty(len(pairs), np.int64)
    rank[order] = np.arange(len(pairs))
    rows, kept = np.arange(len(pairs)), [np.empty(0, np.int64)]
    while len(rows):
        p, g, ranks = pairs.predicted[rows], pairs.gold[rows], rank[rows]
        best_p, best_g = np.full(p.max() + 1, len(rank)), np.full(g.max() + 1, len(rank))
        np.minimum.at(best_p, p, ranks)
        np.minimum.at(best_g, g, ranks)
        best = (ranks == best_p[p]) & (ranks == best_g[g])
        kept.append(rows[best])
        rows = rows[~np.isin(p, p[best]) & ~np.isin(g, g[best])]
    return np.sort(np.concatenate(kept))


def confusion(gold: pl.DataFrame, predicted: pl.DataFrame, aligned: pl.DataFrame) -> pl.DataFrame:
    """Confusion between types.

    Args:
        gold, predicted: frames with `type`.
        aligned: of `align`.

    Returns:
        gold, predicted (types, "" for none), outcome, count; the most frequent first.
    """
    kinds = {
        side: aligned.select(side)
        .join(
            frame.select(**{side: pl.int_range(pl.len(), dtype=pl.Int64)}, type="type"),
            on=side,
            how="left",
            maintain_order="left",
        )["type"]
        .fill_null("")
        for side, frame in (("gold", gold), ("predicted", predicted))
    }
    counted = aligned.select("outcome", **kinds).group_by("gold", "predicted", "outcome").agg(count=pl.len())
    counted = counted.with_columns(pl.col("count").cast(pl.Int64))
    return counted.sort("count", "gold", "predicted", "outcome", descending=[True, False, False, False])
