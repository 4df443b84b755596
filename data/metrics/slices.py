"""Scores of groups of entities: by length, position, document, and by what training had of them."""

from collections.abc import Sequence

import polars as pl

from elman.data.metrics.rates import rates

SEEN, OTHER_TYPE, UNSEEN = "in training", "in training with another type", "not in training"
_LENGTHS, _POSITIONS = (2, 3, 4, 5), (5, 10, 20, 40)
_SHARES = ("no unknown word", "up to half unknown", "more than half unknown", "all unknown")


def scores_by(
    gold: pl.DataFrame, predicted: pl.DataFrame, by: str, order: Sequence[str] = ()
) -> pl.DataFrame:
    """Scores of the entities of each group.

    Recall is of the group's entities in gold, precision of those predicted that are in the group themselves.

    Args:
        gold, predicted: columns `by` (String), and `correct`, bool.
        by: name of the group's column.
        order: of the groups; others follow by code point.

    Returns:
        group, support, predicted, correct, precision, recall, f1.
    """
    count = pl.len().cast(pl.Int64)
    sides = [
        gold.group_by(group=by).agg(support=count, correct=pl.col("correct").sum().cast(pl.Int64)),
        predicted.group_by(group=by).agg(predicted=count, correct_p=pl.col("correct").sum().cast(pl.Int64)),
    ]
    table = (
        sides[0]
        .join(sides[1], on="group", how="full", coalesce=True)
        .with_columns(
            pl.col("support", "predicted").fill_null(0), correct=pl.coalesce("correct", "correct_p")
        )
    )
    place = {group: number for number, group in enumerate(order)}
    table = table.sort(
        pl.col("group").replace_strict(place, default=len(place), return_dtype=pl.Int64), "group"
    )
    figures = rates(table.select("correct", "predicted", "support").to_numpy())
    return table.select(
        "group",
        "support",
        "predicted",
        "correct",
        *(pl.Series(name, figures[:, n]) for n, name in enumerate(("precision", "recall", "f1"))),
    )


def with_groups(entities: pl.DataFrame, training: pl.DataFrame | None) -> pl.DataFrame:
    """Add the groups of entities as columns: `by_length`, `by_position`, `by_unknown` and `by_training`.

    Args:
        entities: start, end (tokens), text, type, unknown (share of the tokens that the vocabulary lacks).
        training: text and type of the entities trained on; None leaves `by_training` out.
    """
    length, share = pl.col("end") - pl.col("start"), pl.col("unknown")
    out = entities.with_columns(
        by_length=_binned(length, 1, _LENGTHS),
        by_position=_binned(pl.col("start") + 1, 1, _POSITIONS),
        by_unknown=pl.when(share == 0)
        .then(pl.lit(_SHARES[0]))
        .when(share <= 0.5)
        .then(pl.lit(_SHARES[1]))
        .when(share < 1)
        .then(pl.lit(_SHARES[2]))
        .otherwise(pl.lit(_SHARES[3])),
    )
    if training is None:
        return out
    known = training.select("text", "type").unique()
    texts = known.select("text").unique().with_columns(some=pl.lit(True))
    out = out.join(
        known.with_columns(same=pl.lit(True)), on=["text", "type"], how="left", maintain_order="left"
    )
    out = out.join(texts, on="text", how="left", maintain_order="left")
    of = pl.when("same").then(pl.lit(SEEN)).when("some").then(pl.lit(OTHER_TYPE)).otherwise(pl.lit(UNSEEN))
    return out.with_columns(by_training=of).drop("same", "some")


def _binned(value: pl.Expr, least: int, edges: Sequence[int]) -> pl.Expr:
    names = _names(least, edges)
    out = pl.lit(names[-1])
    for edge, name in reversed(list(zip(edges, names, strict=False))):
        out = pl.when(value < edge).then(pl.lit(name)).otherwise(out)
    return out


def _names(least: int, edges: Sequence[int]) -> list[str]:
    lows = [least, *edges[:-1]]
    names = [
        str(low) if edge == low + 1 else f"{low} to {edge - 1}" for low, edge in zip(lows, edges, strict=True)
    ]
    return [*names, f"{edges[-1]} and more"]


ORDER = {
    "by_training": (SEEN, OTHER_TYPE, UNSEEN),
    "by_length": tuple(_names(1, _LENGTHS)),
    "by_position": tuple(_names(1, _POSITIONS)),
    "by_unknown": _SHARES,
}
