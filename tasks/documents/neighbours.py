"""Whether neighbouring sentences of files without documents belong together, told by their labels.

Readers of such files (CoNLL without `-DOCSTART-` lines) make documents of `BLOCK` sentences, which may come
from one text, or be as many unrelated ones. If they belong together, two occurrences of a word have the same
label more often within a window of consecutive sentences than in different windows.
"""

import numpy as np
import polars as pl

from elman.data.formats.text.conll import BLOCK

LEAST_PAIRS = 30  # pairs of occurrences within windows, of fewer nothing can be told
FEWER_DISAGREE = 0.8  # of the disagreeing pairs that would be there by chance, at most so many


def marks_documents(keys: pl.DataFrame) -> bool:
    """Return True if the documents of a corpus are those that its files mark.

    Args:
        keys: `document` and `sentence` of all sentences.
    """
    sizes = keys.group_by("document").agg(size=pl.col("sentence").max() + 1)
    numbered = sizes.with_columns(file=pl.col("document").str.extract(r"^(.*)#\d+$", 1))
    if numbered["file"].has_nulls() or sizes["size"].max() != BLOCK:
        return True
    partial = numbered.filter(pl.col("size") < BLOCK)  # of each file the last, or where records were refused
    return partial.height > 0.2 * sizes.height + numbered["file"].n_unique()


def disagreement(
    word: np.ndarray, kind: np.ndarray, sentence: np.ndarray, window: np.ndarray
) -> tuple[int, float, float]:
    """Pairs of occurrences of a word, in different sentences of a window, that differ in their labels.

    Args:
        word: (N,) number of each word.
        kind: (N,) number of its entity type, -1 for none.
        sentence: (N,) number of its sentence.
        window: (N,) number of its window, which has whole sentences.

    Returns:
        such pairs, those of them that disagree, and how many would if the labels of each word disagreed
        within windows as often as across them.
    """
    frame = pl.DataFrame({"word": word, "kind": kind, "sentence": sentence, "window": window})
    parts = [_pairs(frame, group) for group in (["word"], ["word", "window"], ["word", "sentence"])]
    whole, near, same = (part.sort("word").drop("word").to_numpy().T for part in parts)
    within, apart = near - same, whole - near
    some = apart[0] > 0
    by_chance = within[0, some] * apart[1, some] / apart[0, some]
    return int(within[0, some].sum()), float(within[1, some].sum()), float(by_chance.sum())


def _pairs(frame: pl.DataFrame, group: list[str]) -> pl.DataFrame:
    """Pairs of occurrences of each word in the same group, and those of unequal kind."""
    of_kind = frame.group_by(*group, "kind").agg(n=pl.len().cast(pl.Float64))
    n, equal = pl.col("n").sum(), (pl.col("n") * (pl.col("n") - 1) / 2).sum()
    pairs = of_kind.group_by(group).agg(pairs=n * (n - 1) / 2, unequal=n * (n - 1) / 2 - equal)
    return pairs.group_by("word").agg(pl.col("pairs", "unequal").sum())


def belong_together(word: np.ndarray, kind: np.ndarray, sentence: np.ndarray, window: np.ndarray) -> bool:
    """Return True if labels agree better within windows than across them; arguments of `disagreement`."""
    pairs, unequal, by_chance = disagreement(word, kind, sentence, window)
    return pairs >= LEAST_PAIRS and unequal < FEWER_DISAGREE * by_chance
