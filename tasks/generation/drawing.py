"""Drawing of pieces: what a request asks for, and the rows of its pieces, shard by shard."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any, Self

import polars as pl

from elman.data.errors import BadInput, IntegrityError, UsageError
from elman.data.music.pieces import LOWEST
from elman.data.store.dataset import Dataset, Shard
from elman.data.store.schema import GENERATED
from elman.data.store.writer import Staging
from elman.rnn.inference.sampling import Sample, SampleConfig, sample
from elman.tasks.generation.copying import LARGEST, TrainingRuns
from elman.tasks.generation.generator import Generator
from elman.tasks.generation.pieces import count_symbols, read_pieces
from elman.tasks.generation.vocabulary import END, UNKNOWN, TuneContext
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.runtime.console import print_status

SHARD_PIECES, SHARD_STEPS = 64, 1 << 20  # most pieces of a shard, drawn side by side, and most of their steps
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

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Undo `to_json`."""
        return cls(**values)

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


def training_corpus(generator: Generator) -> tuple[Dataset, int] | None:
    """The corpus of the training and its symbols; None where it is gone, changed or too large."""
    origin = generator.passport.corpus
    folder = corpus_folder(origin.name)
    try:
        dataset = Dataset.open(folder)
    except (BadInput, IntegrityError):
        dataset = None
    if dataset is None or dataset.digest != origin.digest:
        print_status(f"{folder}: no longer the corpus of the training, so what is copied is not looked for.")
        return None
    symbols = count_symbols(dataset, "train")
    if symbols > LARGEST:
        print_status(f"The training has more than {LARGEST:,} symbols, so what is copied is not looked for.")
        return None
    return dataset, symbols


def training_runs(found: tuple[Dataset, int] | None) -> TrainingRuns | None:
    """The runs of the training pieces of a corpus as of `training_corpus`."""
    if found is None:
        return None
    pieces = read_pieces(found[0], "train")
    return TrainingRuns(pieces.ids, pieces.steps or pieces.symbols)


class Drawing:
    """Draws pieces of one request.

    Args:
        generator: model.
        request: pieces that are to be generated.
        runs: of the training, asked for with the first piece; by default those of the model's corpus.
    """

    def __init__(
        self, generator: Generator, request: Request, runs: Callable[[], TrainingRuns | None] | None = None
    ) -> None:
        self.generator, self.request = generator, request
        self.how = request.sampling(generator)
        self.corpus = cache(lambda: training_corpus(generator))
        self._runs = runs or cache(lambda: training_runs(self.corpus()))

    @property
    def per_shard(self) -> int:
        """Pieces of a shard."""
        return max(min(SHARD_PIECES, SHARD_STEPS // self.how.steps), 1)

    def draw(self, numbers: Sequence[int], attempt: int = 0) -> list[tuple[Any, ...]]:
        """Rows of schema.GENERATED of these pieces."""
        drawn = [number + attempt * _NEXT for number in numbers]
        generator, vocabulary = self.generator, self.generator.vocabulary
        context = partial(TuneContext, vocabulary) if vocabulary.places else None
        samples = sample(generator.config, generator.params, drawn, self.how, context)
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


def stage_rows(staging: Staging, key: str, first: int, rows: Sequence[tuple[Any, ...]]) -> Shard:
    """Stage rows of schema.GENERATED as the shard that begins with a piece."""
    frame = pl.DataFrame(rows, schema=GENERATED, orient="row")
    counts = {"pieces": frame.height, "steps": int(frame["symbols"].list.len().sum())}
    return staging.stage(f"pieces-{first:09}", key, {"data": frame}, counts=counts, source={"first": first})
