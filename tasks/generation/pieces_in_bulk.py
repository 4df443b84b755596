"""Generation in bulk: pieces drawn in shards, staged, and committed at once; a killed run goes on."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.store.dataset import Dataset, Shard
from elman.data.store.disk import key_of, write_whole
from elman.data.store.writer import DatasetWriter
from elman.tasks.generation.drawing import Drawing, Request, stage_rows
from elman.tasks.generation.writing import collection, piece_files

__all__ = ["Drawing", "Request"]  # model files that were logged import them from here
KIND = "generated"
MOST_ATTEMPTS = 20  # at a piece that comes out like an earlier one


def without_repeats(
    writer: DatasetWriter, shards: Sequence[Shard], drawing: Drawing
) -> tuple[list[Shard], int]:
    """Draw pieces again that are the same as an earlier one; left out if MOST_ATTEMPTS bring nothing new.

    Returns:
        the shards, and how many pieces are left out.
    """
    seen, out, left_out = set[str](), list[Shard](), 0
    for shard in shards:
        frame = _read(writer, shard)
        rows, changed = list[tuple[Any, ...]](), False
        for row in frame.rows():
            new = row if _is_new(row, seen) else _again(drawing, int(row[0]), seen)
            changed |= new is not row
            left_out += new is None
            rows += [] if new is None else [new]
        if changed:
            key = key_of(shard=shard.key, without_repeats=True)
            first = shard.source["first"]
            shard = writer.staged(key) or stage_rows(writer.staging, key, first, rows)  # noqa: PLW2901
        out.append(shard)
    return out, left_out


def _again(drawing: Drawing, number: int, seen: set[str]) -> tuple[Any, ...] | None:
    for attempt in range(1, MOST_ATTEMPTS + 1):
        (row,) = drawing.draw([number], attempt)
        if _is_new(row, seen):
            return row
    return None


def _is_new(row: tuple[Any, ...], seen: set[str]) -> bool:
    """Return True, and remember the piece, if it is none of those seen."""
    digest = hashlib.sha256("\0".join(row[3]).encode("utf-8", "surrogatepass")).hexdigest()
    if digest in seen:
        return False
    seen.add(digest)
    return True


def _read(writer: DatasetWriter, shard: Shard) -> pl.DataFrame:
    frame = writer.staging.scan(shard, "data")
    assert frame is not None
    return frame.collect()


def export(writer: DatasetWriter, shards: Sequence[Shard], drawing: Drawing) -> dict[str, Path]:
    """Write the files of the pieces, to be committed with them, by their names."""
    generator = drawing.generator
    unit, exports = generator.vocabulary.unit, dict[str, Path]()

    def pieces() -> Iterator[tuple[str, list[str]]]:
        for shard in shards:
            yield from _read(writer, shard).select("piece", "symbols").iter_rows()

    whole = collection(unit, pieces())
    if whole is not None:
        name, chunks = whole
        exports[name] = writer.scratch(name)
        write_whole(exports[name], chunks)
    for number, symbols in pieces():
        sound = int(number) < drawing.request.wav
        for name, content in piece_files(
            unit, f"{int(number):06}", symbols, generator.passport.steps_per_quarter, sound=sound
        ):
            exports[name] = writer.scratch(name)
            write_whole(exports[name], content)
    return exports


def summary(dataset: Dataset) -> dict[str, float]:
    """Figures of the pieces: steps, nats a step, share that ended by themselves, what is copied."""
    data = dataset.scan().select("nll", "ended", "copied_run", "attempt", steps=pl.col("symbols").list.len())
    frame = data.collect()
    steps = int(frame["steps"].sum())
    figures = {
        "nats_per_step": float(frame["nll"].sum()) / max(steps, 1),
        "steps_median": float(np.median(frame["steps"].to_numpy())),
        "ended_share": float(frame["ended"].mean() or 0.0),  # type: ignore[arg-type]  # of booleans
        "drawn_again": float((frame["attempt"] > 0).sum()),
    }
    runs = frame["copied_run"].drop_nulls()
    return figures if runs.is_empty() else {**figures, "copied_run_median": float(runs.median() or 0.0)}  # type: ignore[arg-type]  # of integers
