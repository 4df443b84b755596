"""Silver labels: sentences that another tagger, rules or a language model labelled, beside a gold corpus.

A sentence that gold has, too, is never trained on with its silver labels: gold's count, and those of dev and
test must stay unseen. Such sentences show how good silver labels are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from elman.data.encoding.encode import COLUMNS, SILVER
from elman.data.errors import BadInput
from elman.data.metrics.alignment import CORRECT, align
from elman.data.metrics.entities import TypeScores
from elman.data.metrics.mistakes import mistakes
from elman.data.store.dataset import Dataset
from elman.data.text.tags import spans, tag_set

TAKEN = "trained on"
UNLABELLED = "without labels"
IN_GOLD = "in the gold corpus, whose labels count"
OTHER_TYPES = "with types that the gold training split lacks"
_LABELLED = pl.col("tags").list.len() > 0
_VISIBLE = pl.col("text").str.replace_all(r"\s+", "").alias("visible")  # equal texts may differ in spaces


@dataclass(frozen=True)
class SilverAgreement:
    """Silver labels of gold training and dev sentences, scored as if a tagger had given them.

    Attributes:
        sentences: that both corpora label.
        overall: scores of all entities.
        per_type: of each type.
        disagreements: see `data.metrics.mistakes.mistakes`; silver is what was predicted.
    """

    sentences: int
    overall: TypeScores
    per_type: dict[str, TypeScores]
    disagreements: pl.DataFrame


class SilverCorpus:
    """A corpus of silver labels beside a gold one.

    Args:
        gold: corpus of text with a training split.
        silver: corpus of text; all its splits are used.

    Raises:
        BadInput: their tokens are of different units, or no silver sentence can be trained on.
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
        counts = self.counts
        if not counts[TAKEN]:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in counts.items() if reason != TAKEN and n)
            raise BadInput(
                "silver sentences to train on",
                got=reasons or "none",
                todo="Ingest text that is not in the gold corpus, labelled with its types.",
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

    @cached_property
    def counts(self) -> dict[str, int]:
        """Sentences by what becomes of them: TAKEN, or the reason why they are left out."""
        counts = dict.fromkeys((TAKEN, UNLABELLED, IN_GOLD, OTHER_TYPES), 0)
        for frame in self._judged():
            for fate, number in frame["fate"].value_counts().iter_rows():
                counts[fate] += number
        return counts

    def notes(self) -> list[str]:
        """Lines for the user: sentences that are trained on, and those left out by reason."""
        lines = [f"silver: {self.counts[TAKEN]:,} sentences of {self.silver.folder.name} are {TAKEN}."]
        out = [f"{n:,} {reason}" for reason, n in self.counts.items() if reason != TAKEN and n]
        return [*lines, f"silver, left out: {'; '.join(out)}."] if out else lines

    def frames(self) -> Iterator[pl.DataFrame]:
        """Sentences to train on, with the split SILVER and their score, 1 where labels have none."""
        for frame in self._judged():
            yield frame.filter(pl.col("fate") == TAKEN).select(
                *(name for name in COLUMNS if name not in ("document", "split")),
                "score",
                document=pl.lit(f"{SILVER}\0") + pl.col("document"),
                split=pl.lit(SILVER),
            )

    def _judged(self) -> Iterator[pl.DataFrame]:
        """The silver corpus, a file at a time, with `visible`, `score` and `fate`, a key of `counts`."""
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
            fate = (
                pl.when(_LABELLED.fill_null(value=False).not_())
                .then(pl.lit(UNLABELLED))
                .when(pl.col("known").fill_null(value=False))
                .then(pl.lit(IN_GOLD))
                .when(understood)
                .then(pl.lit(TAKEN))
                .otherwise(pl.lit(OTHER_TYPES))
            )
            yield frame.with_columns(pl.col("score").fill_null(1.0), fate=fate)

    def agreement(self) -> SilverAgreement | None:
        """Compare labels on the sentences of training and dev that both have; None if there are none."""
        gold = self._gold.filter(pl.col("split") != "test")
        found = [
            frame.filter(pl.col("fate") == IN_GOLD).select(
                "visible", "text", "start", "token_start", "token_end", "tags", "score"
            )
            for frame in self._judged()
        ]
        silver = pl.concat(found).unique("visible", keep="first", maintain_order=True)
        both = gold.join(silver, on="visible", how="inner", suffix="_silver", maintain_order="left")
        if both.is_empty():
            return None
        true, given = _entities(both, ""), _entities(both, "_silver")
        aligned = align(true, given)
        texts = both.select(
            sequence=pl.int_range(pl.len(), dtype=pl.Int64), sentence_text="text", sentence_start="start"
        )
        right = given["type"].gather(aligned.filter(pl.col("outcome") == CORRECT)["predicted"])
        tables = [dict(kinds.value_counts().iter_rows()) for kinds in (right, given["type"], true["type"])]
        per_type = {
            kind: TypeScores.of(*(table.get(kind, 0) for table in tables))
            for kind in sorted(tables[1].keys() | tables[2].keys())
        }
        overall = TypeScores.of(*(sum(table.values()) for table in tables))
        return SilverAgreement(both.height, overall, per_type, mistakes(true, given, aligned, texts))


def _entities(both: pl.DataFrame, side: str) -> pl.DataFrame:
    """Entities of one side, as `data.metrics.alignment` takes them; start and end count visible characters.

    Args:
        both: gold sentences, and silver ones of the same visible text with the suffix `_silver`.
        side: suffix of the columns.
    """
    rows: list[dict[str, Any]] = []
    names = ("text", "start", "token_start", "token_end", "tags")
    sure = both["score"].to_list()
    places = both.select("document", "sentence", "text", "start").rows()
    for number, (text, start, begins, ends, tags) in enumerate(
        both.select(f"{name}{side}" for name in names).rows()
    ):
        document, sentence, shown, first = places[number]
        at, into = _visible_before(text), np.flatnonzero(np.diff(_visible_before(shown)))
        for a, b, kind in spans(tags):
            begin, end = (int(at[edge - start]) for edge in (begins[a], ends[b - 1]))
            low, high = int(into[begin]), int(into[end - 1]) + 1
            rows.append(
                {
                    "sequence": number,
                    "start": begin,
                    "end": end,
                    "type": kind,
                    "document": document,
                    "sentence": sentence,
                    "char_start": first + low,
                    "char_end": first + high,
                    "text": shown[low:high],
                    "surety": sure[number] if side else None,
                }
            )
    return pl.DataFrame(rows, schema=_ENTITIES, orient="row")


_ENTITIES = pl.Schema(
    {
        "sequence": pl.Int64,
        "start": pl.Int64,
        "end": pl.Int64,
        "type": pl.String,
        "document": pl.String,
        "sentence": pl.Int32,
        "char_start": pl.Int64,
        "char_end": pl.Int64,
        "text": pl.String,
        "surety": pl.Float64,
    }
)


def _visible_before(text: str) -> np.ndarray:
    """(n + 1,) visible characters before each character of a text, and in all of it."""
    return np.concatenate([[0], np.cumsum([not c.isspace() for c in text])])
