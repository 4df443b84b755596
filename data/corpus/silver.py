"""Silver labels: sentences that another tagger, rules or a language model labelled, beside a gold corpus.

A sentence that gold has, too, is never trained on with its silver labels: gold's count, and those of dev and
test must stay unseen. Such sentences show how good silver labels are.
"""

from collections.abc import Iterator
from functools import cached_property

import polars as pl

from elman.data.encoding.encode import COLUMNS, SILVER
from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.data.text.tags import tag_set

TAKEN = "trained on"
UNLABELLED = "without labels"
IN_GOLD = "in the gold corpus, whose labels count"
OTHER_TYPES = "with types that the gold training split lacks"
_LABELLED = pl.col("tags").list.len() > 0
_VISIBLE = pl.col("text").str.replace_all(r"\s+", "").alias("visible")  # equal texts may differ in spaces


class SilverCorpus:
    """A corpus of silver labels beside a gold one.

    Args:
        gold: corpus of text with a training split.
        silver: corpus of text; all its splits are used.

    Raises:
        BadInput: their tokens are of different units.
    """

    def __init__(self, gold: Dataset, silver: Dataset) -> None:
        self.gold, self.silver = gold, silver
        units = [dataset.meta.get("unit") for dataset in (gold, silver)]
        if units[0] != units[1]:
            raise BadInput(
                f"a silver corpus of text tokenized by {units[0]}, as the gold one",
                got=f"one tokenized by {units[1]}" if units[1] else "no text",
                todo=f"Ingest it again with --unit {units[0]}.",
                source=silver.folder,
            )

    @cached_property
    def _gold(self) -> pl.DataFrame:
        """Labelled sentences of the gold corpus, with `visible`; equal ones once, of training if one is."""
        parts = [
            pl.read_parquet(path, columns=list(COLUMNS), glob=False).filter(_LABELLED)
            for path in self.gold.files("data")
        ]
        order = pl.col("split").replace_strict({"train": 0, "dev": 1, "test": 2}, return_dtype=pl.Int8)
        rows = pl.concat(parts).with_columns(_VISIBLE).sort(order, maintain_order=True)
        return rows.unique("visible", keep="first", maintain_order=True)

    @cached_property
    def _types(self) -> list[str]:
        tags = self._gold.filter(pl.col("split") == "train")["tags"].list.explode().unique()
        return sorted({tag[2:] for tag in tags if tag != "O"})

    def count(self) -> dict[str, int]:
        """Count sentences by what becomes of them: TAKEN, or the reason why they are left out.

        Raises:
            BadInput: no sentence can be trained on.
        """
        counts = dict.fromkeys((TAKEN, UNLABELLED, IN_GOLD, OTHER_TYPES), 0)
        for frame in self._judged():
            for use, number in frame["use"].value_counts().iter_rows():
                counts[use] += number
        counts = {use: number for use, number in counts.items() if number}
        if TAKEN not in counts:
            raise BadInput(
                "silver sentences to train on",
                got=", ".join(f"{number:,} {reason}" for reason, number in counts.items()) or "none",
                todo="Ingest text that is not in the gold corpus, labelled with its types.",
                source=self.silver.folder,
            )
        return counts

    def in_both(self) -> pl.DataFrame:
        """Gold sentences of training and dev that silver labels, too; of schema.TEXT.

        Their columns of the silver corpus and `score` have the suffix `_silver`.
        """
        gold = self._gold.filter(pl.col("split") != "test")
        known = pl.concat([frame.filter(pl.col("use") == IN_GOLD) for frame in self._judged()])
        silver = known.unique("visible", keep="first", maintain_order=True).rename({"score": "score_silver"})
        return gold.join(silver, on="visible", how="inner", suffix="_silver", maintain_order="left")

    def frames(self) -> Iterator[pl.DataFrame]:
        """Sentences to train on, with the split SILVER and their score, 1 where labels have none."""
        for frame in self._judged():
            yield frame.filter(pl.col("use") == TAKEN).select(
                *(name for name in COLUMNS if name not in ("document", "split")),
                "score",
                document=pl.lit(f"{SILVER}\0") + pl.col("document"),
                split=pl.lit(SILVER),
            )

    def _judged(self) -> Iterator[pl.DataFrame]:
        """The silver corpus, a file at a time, with `visible`, `score` and `use`, a key of `count`."""
        legal, known = tag_set(self._types), self._gold.select("visible", known=True)
        scored = any("scores" in shard.files for shard in self.silver.shards)
        scores = (
            self.silver.scan("scores").select("document", "sentence", "score").collect() if scored else None
        )
        for path in self.silver.files("data"):
            frame = pl.read_parquet(path, columns=list(COLUMNS), glob=False).with_columns(_VISIBLE)
            frame = frame.join(known, on="visible", how="left", maintain_order="left")
            if scores is None:
                frame = frame.with_columns(score=pl.lit(1.0))
            else:
                frame = frame.join(scores, on=["document", "sentence"], how="left", maintain_order="left")
            understood = pl.col("tags").list.eval(pl.element().is_in(legal)).list.all()
            use = (
                pl.when(_LABELLED.fill_null(value=False).not_())
                .then(pl.lit(UNLABELLED))
                .when(pl.col("known").fill_null(value=False))
                .then(pl.lit(IN_GOLD))
                .when(understood)
                .then(pl.lit(TAKEN))
                .otherwise(pl.lit(OTHER_TYPES))
            )
            yield frame.with_columns(pl.col("score").fill_null(1.0), use=use)
