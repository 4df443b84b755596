"""Padded one-hot batches, time first, made with Polars: symbols (T, B), mask (T, B), one-hot rows (T, B, V).

The textbook's and the article's form of a batch, shown by `elman show`. Training and tagging never compute on
padding: `rnn` reads flat ids with their offsets. T time steps, B sequences, V symbols.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from elman.data.encoding.vocabulary import PAD_ID

NO_TAG = -1


@dataclass(frozen=True)
class PaddedBatch:
    """Sequences side by side, padded to the longest.

    frame: one row per time step and sequence, time first: `step`, `sequence`, `id` (Int32), `tag` (Int32, -1
    for none), `real` (Boolean, False on padding); lengths: (B,) int64.
    """

    frame: pl.DataFrame
    lengths: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """T and B."""
        return int(self.lengths.max(initial=0)), len(self.lengths)

    @property
    def ids(self) -> np.ndarray:
        """(T, B) int32, the padding id beyond the end of a sequence."""
        return self._column("id")

    @property
    def mask(self) -> np.ndarray:
        """(T, B) bool, True on real symbols."""
        return self._column("real")

    @property
    def tags(self) -> np.ndarray:
        """(T, B) int32, -1 on padding and where a symbol has no tag."""
        return self._column("tag")

    def one_hot(self, size: int) -> np.ndarray:
        """One-hot rows, so that `batch.one_hot(V) @ W` equals `W[batch.ids]`.

        Args:
            size: V.

        Returns:
            (T, B, V) float32; all zero where the id is null.
        """
        rows = self.frame.select(one_hot("id", size)).to_series().to_numpy()
        return rows.reshape(*self.shape, size)

    def _column(self, name: str) -> np.ndarray:
        return self.frame[name].to_numpy().reshape(self.shape)


def pad_batch(sequences: pl.Series, tags: pl.Series | None = None, pad: int | None = PAD_ID) -> PaddedBatch:
    """Pad sequences to the longest of them.

    Args:
        sequences: (B,) List(Int32), the ids of each sequence.
        tags: (B,) List(Int32), a tag id per symbol, or None.
        pad: the id beyond the end of a sequence; None leaves it null, an all-zero one-hot row.
    """
    none = pl.lit(None, pl.List(pl.Int32))
    frame = (
        pl.LazyFrame({"id": sequences.cast(pl.List(pl.Int32))})
        .with_columns(tags.cast(pl.List(pl.Int32)).alias("tag") if tags is not None else none.alias("tag"))
        .with_row_index("sequence")
        .with_columns(step=pl.int_ranges(pl.col("id").list.len().max()))
        .explode("step")
        .select(
            "step",
            "sequence",
            pl.col("id", "tag").list.get("step", null_on_oob=True),
            real=pl.col("step") < pl.col("id").list.len(),
        )
        .with_columns(id=pl.when("real").then("id").otherwise(pl.lit(pad, pl.Int32)))
        .with_columns(pl.col("tag").fill_null(NO_TAG))
        .sort("step", "sequence")
    )
    return PaddedBatch(frame.collect(), sequences.list.len().to_numpy().astype(np.int64))


def one_hot(column: str, size: int) -> pl.Expr:
    """One-hot rows of an id column, `one_hot` Array(Float32, size): zeros, a 1, zeros; all zero for null."""
    id, zero = pl.col(column), pl.lit(0, pl.Float32)
    before, after = zero.repeat_by(id), zero.repeat_by(size - 1 - id)
    row = pl.concat_list(before, pl.lit(1, pl.Float32), after)
    return (
        pl.when(id.is_null()).then(zero.repeat_by(size)).otherwise(row).list.to_array(size).alias("one_hot")
    )
