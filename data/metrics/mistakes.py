"""Mistakes of a tagger with both answers and their context, the surest first."""

import polars as pl

from elman.data.metrics.alignment import CORRECT

CONTEXT = 60  # characters shown on each side
LONGEST = 300  # characters of an entity
_SIDE = ("type", "text", "char_start", "char_end")


def mistakes(
    gold: pl.DataFrame, predicted: pl.DataFrame, aligned: pl.DataFrame, texts: pl.DataFrame
) -> pl.DataFrame:
    """One row a mistake, ranked by how sure the tagger was of its answer.

    Args:
        gold: document, sentence, sequence, type, text, char_start, char_end (into the document), and
            `surety`, the mean probability of the tags that were given to its tokens.
        predicted: the same, whose `surety` is the probability of the entity.
        aligned: of `data.metrics.alignment.align`.
        texts: sequence, sentence_text and sentence_start of every sentence with a mistake.

    Returns:
        rank from 1, outcome, probability, document, sentence, gold_* and predicted_* of type, text, start and
        end (null on the side that has none), before and after: the text around both.
    """
    wrong = aligned.filter(pl.col("outcome") != CORRECT)
    for side, frame in (("gold", gold), ("predicted", predicted)):
        columns = {f"{side}_{name.removeprefix('char_')}": name for name in _SIDE}
        keys = {f"{side}_{name}": name for name in ("document", "sentence", "sequence", "surety")}
        part = frame.select(
            pl.int_range(pl.len(), dtype=pl.Int64).alias(side),
            *(pl.col(name).alias(new) for new, name in {**columns, **keys}.items()),
        )
        wrong = wrong.join(part, on=side, how="left", maintain_order="left")
    both = {
        name: pl.coalesce(f"predicted_{name}", f"gold_{name}")
        for name in ("document", "sentence", "sequence")
    }
    wrong = wrong.with_columns(**both, probability=pl.coalesce("predicted_surety", "gold_surety"))
    wrong = wrong.join(texts, on="sequence", how="left", maintain_order="left")
    first = pl.min_horizontal("gold_start", "predicted_start") - pl.col("sentence_start")
    last = pl.max_horizontal("gold_end", "predicted_end") - pl.col("sentence_start")
    text, begin = pl.col("sentence_text"), pl.max_horizontal(first - CONTEXT, pl.lit(0))
    wrong = wrong.with_columns(
        before=text.str.slice(begin, first - begin), after=text.str.slice(last, pl.lit(CONTEXT))
    ).with_columns(pl.col("gold_text", "predicted_text").str.slice(0, LONGEST))
    order = ["probability", "document", "gold_start", "predicted_start"]
    wrong = wrong.sort(order, descending=[True, False, False, False], nulls_last=True)
    sides = [f"{side}_{name.removeprefix('char_')}" for side in ("gold", "predicted") for name in _SIDE]
    return wrong.with_row_index("rank", offset=1).select(
        "rank", "outcome", "probability", "document", "sentence", *sides, "before", "after"
    )
