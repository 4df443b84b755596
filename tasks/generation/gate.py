"""Gate of next-symbol models: nats a step, over pieces."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.rnn.training.next_symbol import score
from elman.tasks.generation.generator import Generator
from elman.tasks.generation.pieces import CorpusPieces, encode, read_pieces
from elman.tasks.generation.vocabulary import UNKNOWN
from elman.tasks.retraining.score_gate import Compared, Measure, Outcomes, ScoreGate

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
        encoded = encode(generator.vocabulary, {"test": pieces})
        of_test = encoded.splits["test"]
        losses.append(score(generator.config, generator.params, encoded.symbols, of_test))
        known.append(generator.vocabulary.of_keys | (of_test.symbols != UNKNOWN))
    counted = (known[0] & known[1]).astype(np.float64)
    name, unit = _units(pieces, len(counted))
    sides = [
        np.stack([np.bincount(unit, values * counted), np.bincount(unit, counted)], axis=1, dtype=np.float64)
        for values in losses
    ]
    return Compared(units=name, champion=Outcomes(counts=sides[0]), challenger=Outcomes(counts=sides[1]))


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
)
