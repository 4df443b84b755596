"""Sampling of sequences from a next-symbol model, reproducible piece by piece.

Each piece has its own generator of random numbers, seeded by (seed, number of the piece), and a row's numbers
have the same bits whatever rows are beside it. So a piece is the same in any batch and any process.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Params
from elman.rnn.compute.batches import Bags
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.prepared import PreparedTagger
from elman.rnn.layers.embedding_kernels import bag_sums
from elman.rnn.networks.next_symbol import DIRECT, START, NextSymbolConfig


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """Settings of the drawing of pieces.

    Attributes:
        seed: with the number of a piece it decides all its random numbers.
        temperature: divides the logits; below 1 the likely becomes likelier.
        steps: most steps of a piece; keys, which have no end of their own, have exactly so many.
        start: table rows fed in at the first step; empty to begin from nothing.
        end: symbol that ends a piece; it is not part of it. None where there is none.
        forbidden: symbols that are never drawn.
    """

    seed: int = 0
    temperature: float = 1.0
    steps: int = 512
    start: tuple[int, ...] = ()
    end: int | None = None
    forbidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.temperature < np.inf or self.steps < 1 or self.seed < 0:
            raise ValueError(f"temperature and steps must be positive, seed at least 0. Got {self}")


class Context(Protocol):
    """Context of one piece: table rows fed in beside its symbols, by the symbols drawn so far."""

    def after(self, symbol: int) -> tuple[int, ...]:
        """The table rows that are fed in with a symbol, called for each in turn."""
        ...


class Sample(NamedTuple):
    """A piece.

    Attributes:
        symbols: for each step, the table rows of its symbol: one, or the keys that sound.
        nll: negative log-likelihood under the model at temperature 1, in nats, its end included.
        ended: True if the model ended it, False if it came to the most steps.
    """

    symbols: tuple[tuple[int, ...], ...]
    nll: float
    ended: bool


class _Piece:
    """A piece while it is drawn."""

    def __init__(self, number: int, how: SampleConfig, context: Context | None) -> None:
        self.rng = np.random.default_rng([how.seed, number])
        self.symbols: list[tuple[int, ...]] = []
        self.nll, self.ended, self.context = 0.0, False, context

    def draw(self, logits: Floats, config: NextSymbolConfig, how: SampleConfig) -> tuple[int, ...]:
        """Draw the symbol of one step by its logits, float64."""
        if config.output == "sigmoid":
            on = self.rng.random(len(logits)) < 1 / (1 + np.exp(-logits / how.temperature))
            self.nll += float((np.logaddexp(0, logits) - on * logits).sum())
            return tuple(np.flatnonzero(on).tolist())
        top = logits.max()
        mass = np.exp((logits - top) / how.temperature)
        mass[list(how.forbidden)] = 0
        cumulative = np.cumsum(mass)
        drawn = int(np.searchsorted(cumulative, self.rng.random() * cumulative[-1], side="right"))
        drawn = min(drawn, len(logits) - 1)
        self.nll += float(np.log(np.exp(logits - top).sum()) + top - logits[drawn])
        return (drawn,)


def sample(
    config: NextSymbolConfig,
    params: Params,
    numbers: Sequence[int],
    how: SampleConfig,
    context: Callable[[], Context] | None = None,
) -> list[Sample]:
    """Draw pieces side by side.

    Args:
        config: of the model.
        params: its weights, float32.
        numbers: of the pieces; with the seed each decides what comes out.
        how: settings.
        context: makes the context of a piece, of a model that has one.
    """
    network = PreparedTagger(config.network, params)
    pieces = [_Piece(number, how, context() if context else None) for number in numbers]
    alive = np.arange(len(pieces))
    fed = [how.start for _ in pieces]
    states = [np.zeros((len(pieces), config.hidden), np.float32) for _ in range(config.layers)]
    with single_threaded():
        for step in range(how.steps):
            bags, every = _bags(fed)
            logits, states = network.step(network.first_inputs(bags, every), states)
            if config.direct:
                logits += bag_sums(params[DIRECT], bags.rows, bags.offsets, every, config.rows)
            if config.start and not step and not how.start:
                logits += params[START]
            fed, going = list[tuple[int, ...]](), list[int]()
            for row, number in enumerate(alive):
                piece = pieces[number]
                symbol = piece.draw(logits[row].astype(np.float64), config, how)
                if how.end is not None and symbol == (how.end,):
                    piece.ended = True
                    continue
                piece.symbols.append(symbol)
                fed.append(symbol + piece.context.after(symbol[0]) if piece.context else symbol)
                going.append(row)
            if not going:
                break
            alive, states = alive[going], [np.ascontiguousarray(h[going]) for h in states]
    return [Sample(tuple(piece.symbols), piece.nll, piece.ended) for piece in pieces]


def _bags(rows: Sequence[tuple[int, ...]]) -> tuple[Bags, Int32]:
    """A bag for each of the sets of table rows, and their numbers."""
    flat = np.array([row for some in rows for row in some], np.int32)
    every = np.arange(len(rows), dtype=np.int32)
    return Bags(flat, offsets_of([len(some) for some in rows]), every), every
