"""Gate of next-symbol models: nats a step, over pieces; what batches of pieces are held apart for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.rnn.compute.arrays import Bools, Floats
from elman.rnn.training.next_symbol import score
from elman.tasks.generation.generator import Generator
from elman.tasks.generation.pieces import CorpusPieces, encode, read_pieces
from elman.tasks.generation.vocabulary import UNKNOWN
from elman.tasks.retraining.score_gate import (
    AGREEMENT,
    UNKNOWN_RISE,
    Compared,
    Measure,
    Outcomes,
    ScoreGate,
    draws_of,
)

FEWEST_PIECES = 30  # else units are stretches of pieces
SHORTEST = 100  # steps of a stretch


def _nats(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Nats a step of counts (..., 2): nats, steps."""
    found: npt.NDArray[np.float64] = counts[..., 0] / np.maximum(counts[..., 1], 1)
    return found


def compare(champion: Path, challenger: Path, parts: Sequence[Dataset]) -> list[Compared | None]:
    """Outcomes on the test pieces of each part; of few pieces, on stretches of them.

    A step whose symbol one of the two vocabularies lacks counts for neither: to guess that a symbol is an
    unknown one is cheaper than to name it.

    Raises:
        BadInput: their symbols are of different units.
    """
    generators = Generator.read(champion), Generator.read(challenger)
    units = [generator.vocabulary.unit for generator in generators]
    if units[0] != units[1]:
        raise BadInput(
            f"a challenger whose symbols are of unit {units[0]}, as the champion's",
            got=f"one of {units[1]}",
            todo="Retrain under another --model.",
            source=challenger,
        )
    return [_of_part(generators, part) for part in parts]


def _of_part(generators: tuple[Generator, Generator], part: Dataset) -> Compared | None:
    if not part.shards:
        return None
    try:
        pieces = read_pieces(part, "test")
    except BadInput:  # none of the pieces is for testing
        return None
    losses, known = [], []
    for generator in generators:
        nats, named = _scored(generator, pieces)
        losses.append(nats)
        known.append(named)
    counted = (known[0] & known[1]).astype(np.float64)
    name, unit = _units(pieces, len(counted))
    sides = [
        np.stack([np.bincount(unit, values * counted), np.bincount(unit, counted)], axis=1, dtype=np.float64)
        for values in losses
    ]
    return Compared(units=name, champion=Outcomes(counts=sides[0]), challenger=Outcomes(counts=sides[1]))


def _scored(generator: Generator, pieces: CorpusPieces) -> tuple[Floats, Bools]:
    """Nats of every step, and whether the vocabulary has its symbol, (N,)."""
    encoded = encode(generator.vocabulary, {"test": pieces})
    of_test = encoded.splits["test"]
    known: Bools = generator.vocabulary.of_keys | (of_test.symbols != UNKNOWN)
    return score(generator.config, generator.params, encoded.symbols, of_test), known


def why_hold(champion: Path, batch: Dataset, usual: Dataset) -> str:
    """The reason to hold a batch apart: pieces of another kind, other symbols, or no such music or text.

    Arguments as of `ScoreGate.why_hold`. DNA is let in: one base follows another nearly at random.
    """
    generator = Generator.read(champion)
    unit = generator.vocabulary.unit
    if unit == "base" or not batch.shards or not usual.shards:
        return ""
    try:
        new = read_pieces(batch, "all")
    except BadInput as error:  # tunes and rolls, or steps of several lengths
        return f"pieces of another kind: expected {error.expected}, got {error.got}"
    try:
        known = read_pieces(usual, "test")
    except BadInput:  # none of the pieces is for testing
        return ""
    if new.unit != unit:
        return f"pieces of another kind: {_KINDS[new.unit]}; those of the corpus are {_KINDS[unit]}"
    if new.steps_per_quarter != known.steps_per_quarter:
        return (
            f"pieces of another kind: {new.steps_per_quarter} steps a quarter note, of the corpus "
            f"{known.steps_per_quarter}"
        )
    found = _counted(generator, new).sum(axis=0)
    draws = draws_of(_counted(generator, known), found[0])
    share, most = found[1] / found[0], float((draws[:, 1] / draws[:, 0]).max())
    if share > most + UNKNOWN_RISE:
        return (
            f"other symbols: {100 * share:.0f} % of them are unknown to the champion, of its test pieces "
            f"{100 * most:.0f} % at most"
        )
    nats, highest = float(_nats(found[2:])), float(_nats(draws[:, 2:]).max())
    if nats <= highest / AGREEMENT:
        return ""
    return (
        f"pieces unlike those of the corpus: {nats:.2f} nats a step, of its test pieces {highest:.2f} at most"
    )


_KINDS = {"abc": "tunes", "keys": "rolls of notes", "character": "texts", "base": "sequences of DNA"}


def _counted(generator: Generator, pieces: CorpusPieces) -> npt.NDArray[np.float64]:
    """Of each unit: steps, unknown ones, and nats and number of the known ones, (U, 4)."""
    nats, known = _scored(generator, pieces)
    _, unit = _units(pieces, len(nats))
    columns = np.ones(len(nats)), ~known, nats * known, known
    return np.stack([np.bincount(unit, column) for column in columns], axis=1)


def _units(pieces: CorpusPieces, steps: int) -> tuple[str, npt.NDArray[np.int64]]:
    """Name of the units of the bootstrap, and the unit of every step."""
    ends = steps - sum(pieces.lengths)  # a step each, of symbols
    if len(pieces) >= FEWEST_PIECES:
        lengths = np.array(pieces.lengths) + bool(ends)
        return "pieces", np.repeat(np.arange(len(lengths)), lengths)
    size = max(-(-steps // FEWEST_PIECES), SHORTEST)
    return f"stretches of {size:,} steps", np.arange(steps) // size


GATE = ScoreGate(
    measure=Measure(
        name="nats a step", metric="nats_per_step", rate=_nats, part=_nats, less=True, relative=True
    ),
    compare=compare,
    why_hold=why_hold,
)
