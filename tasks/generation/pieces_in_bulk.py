"""Generation in bulk: pieces drawn in shards, staged, and committed at once; a killed run goes on."""

import hashlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.errors import BadInput, IntegrityError, UsageError
from elman.data.music.pieces import LOWEST
from elman.data.store.dataset import Dataset, Shard
from elman.data.store.disk import key_of, write_whole
from elman.data.store.schema import GENERATED
from elman.data.store.writer import DatasetWriter
from elman.rnn.inference.sampling import Sample, SampleConfig, sample
from elman.tasks.generation.copying import LARGEST, TrainingRuns
from elman.tasks.generation.generator import Generator
from elman.tasks.generation.pieces import read_pieces
from elman.tasks.generation.vocabulary import END, UNKNOWN
from elman.tasks.generation.writing import collection, piece_files
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.runtime.console import print_status

KIND = "generated"
SHARD_PIECES = 64  # drawn side by side
MOST_ATTEMPTS = 20  # at a piece that comes out like an earlier one
MOST_STEPS = 2_000  # of a piece that does not end, if no length is given
_NEXT = 1 << 32  # between the numbers of a piece's attempts


@dataclass(frozen=True, kw_only=True)
class Request:
    """Pieces that are to be generated.

    Attributes:
        count: pieces.
        start: symbol to begin from; None for nothing.
        length: most steps; None for the model's own end, or of rolls the median of training.
        temperature: of sampling.
        seed: of all random draws.
        wav: pieces that are rendered as sound, too, the first ones.
    """

    count: int
    start: str | None = None
    length: int | None = None
    temperature: float = 1.0
    seed: int = 0
    wav: int = 10

    def sampling(self, generator: Generator) -> SampleConfig:
        """Settings of the sampler.

        Raises:
            UsageError: the model does not know the symbol to begin from.
        """
        vocabulary = generator.vocabulary
        start: tuple[int, ...] = ()
        if self.start is not None:
            number = vocabulary.number(self.start)
            if number is None:
                known = (
                    "a MIDI number from 21 to 108" if vocabulary.of_keys else f"such as {_some(generator)}"
                )
                raise UsageError(
                    f"expected --start of a symbol the model knows, {known}. Got {self.start!r}."
                )
            start = (number,)
        own_length = generator.passport.length if vocabulary.of_keys else MOST_STEPS
        return SampleConfig(
            seed=self.seed,
            temperature=self.temperature,
            steps=self.length or own_length,
            start=start,
            end=None if vocabulary.of_keys else END,
            forbidden=() if vocabulary.of_keys else (UNKNOWN,),
        )

    def config(self, generator: Generator, passport: str) -> dict[str, Any]:
        """Settings that decide the content, for the manifest and every key."""
        return {
            "model": generator.version,
            "passport": passport,
            "count": self.count,
            "seed": self.seed,
            "start": self.start,
            "temperature": self.temperature,
            "length": self.length,
            "wav": self.wav,
        }


def _some(generator: Generator) -> str:
    return ", ".join(repr(symbol) for symbol in generator.vocabulary.symbols[:5])


def training_runs(generator: Generator) -> TrainingRuns | None:
    """The runs of the training pieces; None where the corpus is gone, changed or too large."""
    origin = generator.passport.corpus
    folder = corpus_folder(origin.name)
    try:
        dataset = Dataset.open(folder)
    except (BadInput, IntegrityError):
        dataset = None
    if dataset is None or dataset.digest != origin.digest:
        print_status(f"{folder}: no longer the corpus of the training, so what is copied is not looked for.")
        return None
    pieces = read_pieces(dataset, "train")
    if sum(pieces.lengths) > LARGEST:
        print_status(f"The training has more than {LARGEST:,} symbols, so what is copied is not looked for.")
        return None
    return TrainingRuns(pieces.ids, pieces.steps or pieces.symbols)


class Drawing:
    """Draws pieces of one request."""

    def __init__(
        self, generator: Generator, request: Request, runs: Callable[[], TrainingRuns | None]
    ) -> None:
        self.generator, self.request = generator, request
        self.how = request.sampling(generator)
        self._runs = runs

    def draw(self, numbers: Sequence[int], attempt: int = 0) -> list[tuple[Any, ...]]:
        """Rows of schema.GENERATED of these pieces."""
        drawn = [number + attempt * _NEXT for number in numbers]
        samples = sample(self.generator.config, self.generator.params, drawn, self.how)
        return [self._row(number, piece, attempt) for number, piece in zip(numbers, samples, strict=True)]

    def _row(self, number: int, piece: Sample, attempt: int) -> tuple[Any, ...]:
        symbols: list[str]
        looked_for: Sequence[Hashable]
        runs, of_keys = self._runs(), self.generator.vocabulary.of_keys
        if of_keys:
            steps = [tuple(key + LOWEST for key in step) for step in piece.symbols]
            symbols, looked_for = [" ".join(map(str, step)) for step in steps], steps
        else:
            symbols = [self.generator.vocabulary.symbol(row) for (row,) in piece.symbols]
            looked_for = symbols
        run, source = (None, None) if runs is None else runs.longest(looked_for)
        request, version = self.request, self.generator.version
        end = (piece.nll, run, source, version, piece.ended, attempt)
        return (str(number), request.seed, request.start, symbols, *end)


def stage_pieces(writer: DatasetWriter, drawing: Drawing, on_piece: Callable[[float], None]) -> list[Shard]:
    """Draw all pieces and stage them, but for the shards that an interrupted run has staged."""
    count, shards = drawing.request.count, []
    for first in range(0, count, SHARD_PIECES):
        numbers = range(first, min(first + SHARD_PIECES, count))
        key = key_of(first=first, last=numbers.stop)
        shard = writer.staged(key)
        if shard is None:
            frame = pl.DataFrame(drawing.draw(numbers), schema=GENERATED, orient="row")
            shard = _stage(writer, key, first, frame)
        shards.append(shard)
        on_piece(len(numbers))
    return shards


def _stage(writer: DatasetWriter, key: str, first: int, frame: pl.DataFrame) -> Shard:
    counts = {"pieces": frame.height, "steps": int(frame["symbols"].list.len().sum())}
    return writer.stage(f"pieces-{first:09}", key, {"data": frame}, counts=counts, source={"first": first})


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
            frame = pl.DataFrame(rows, schema=GENERATED, orient="row")
            shard = writer.staged(key) or _stage(writer, key, shard.source["first"], frame)  # noqa: PLW2901
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
