"""Training of the two-strand network: Adam with warm-up and cosine decay, running mean of the weights."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from elman.rnn.compute.arrays import Floats, Params
from elman.rnn.compute.threads import single_threaded
from elman.rnn.errors import TrainingError
from elman.rnn.networks.both_strands import LOGITS, Rows, StrandConfig, forward, init
from elman.rnn.training.optimiser import clip, values

PARTS = 2  # of a batch: fixed, so that the weights do not depend on the number of threads


class TrainingBatch(NamedTuple):
    """Sequences of one length with their targets.

    Attributes:
        rows, mirrored: (T, B, S), as for `forward`.
        classes: (T, B, S) int8, 0 to 6, or -1 to ignore.
        starts: (T, B, S, 2) int8: 1 if a gene starts at the symbol, forward and reverse, 0 if not, -1 to
            ignore.
    """

    rows: Rows
    mirrored: Rows
    classes: npt.NDArray[np.int8]
    starts: npt.NDArray[np.int8]

    def part(self, k: int, parts: int) -> "TrainingBatch":
        """Part k of so many of about as many sequences."""
        B = self.classes.shape[1]
        mine = slice(B * k // parts, B * (k + 1) // parts)
        return TrainingBatch(
            self.rows[:, mine], self.mirrored[:, mine], self.classes[:, mine], self.starts[:, mine]
        )

    @property
    def symbols(self) -> int:
        """Number of symbols whose class is known; at least 1."""
        return max(int((self.classes >= 0).sum()), 1)


def loss(logits: Floats, batch: TrainingBatch, start_weight: float = 1.0) -> tuple[float, Floats]:
    """Sum of the cross entropies of the classes, plus `start_weight` times that of the starts.

    Args:
        logits: (T, B, S, LOGITS)
        batch: the targets.
        start_weight: of a start against a class.

    Returns:
        the sum and its gradient (T, B, S, LOGITS).
    """
    from elman.rnn.training import both_strands_kernels as kernels

    flat, weight = logits.reshape(-1, LOGITS), logits.dtype.type(start_weight)
    d = np.empty_like(flat)
    classes, starts = batch.classes.reshape(-1), batch.starts.reshape(-1, 2)
    return kernels.loss(flat, classes, starts, weight, d), d.reshape(logits.shape)


@dataclass(frozen=True, kw_only=True)
class StrandFit:
    """Training settings of the two-strand network.

    Attributes:
        steps: updates.
        learning_rate: peak of Adam's; it rises over the first `warmup` updates, then decays as a cosine.
        warmup: updates.
        clip: largest global norm of the gradients.
        start_weight: of a start in the loss.
        average: updates in the running mean of the weights that is returned.
    """

    steps: int
    learning_rate: float = 0.004
    warmup: int = 50
    clip: float = 1.0
    start_weight: float = 1.0
    average: int = 100

    def rate(self, step: int) -> float:
        """Learning rate of an update; the first is step 1."""
        warm = self.learning_rate * min(1.0, step / self.warmup)
        return warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


def fit(
    config: StrandConfig,
    how: StrandFit,
    batches: Iterator[TrainingBatch],
    *,
    seed: int = 0,
    workers: int = 1,
    on_step: Callable[[int, float], None] | None = None,
) -> Params:
    """Train a two-strand network from its initial weights.

    Every batch is cut into PARTS parts, whose gradients are summed in order; while they are computed the next
    batch is made.

    Args:
        config: of the network.
        how: training settings.
        batches: at least `how.steps` batches.
        seed: of the initial weights.
        workers: threads that share the work; the weights do not depend on how many.
        on_step: receives the number of updates done and the mean loss of a symbol in the last.

    Returns:
        weights, the running mean over the last updates.

    Raises:
        TrainingError: a loss or gradient is NaN or infinite.
    """
    with single_threaded(), ThreadPoolExecutor(workers) as pool:
        training = _Training(config, how, seed, pool)
        coming = pool.submit(next, batches)
        for step in range(1, how.steps + 1):
            batch = coming.result()
            computed = [pool.submit(training.compute, batch, k) for k in range(PARTS)]
            if step < how.steps:
                coming = pool.submit(next, batches)
            cost = training.update(step, batch.symbols, [part.result() for part in computed])
            if on_step is not None:
                on_step(step, cost)
    return training.mean


class _Training:
    """Weights, gradients of the parts, moments and running mean, each one flat array seen by name."""

    def __init__(self, config: StrandConfig, how: StrandFit, seed: int, pool: ThreadPoolExecutor) -> None:
        self.how, self.pool, first, size = how, pool, init(config, seed), config.size()
        self.shapes = config.parameters()
        self._flat = np.concatenate([first[name].reshape(-1) for name in self.shapes])
        self._mean, self._gradients = self._flat.copy(), np.empty((PARTS, size), np.float32)
        self._m, self._v = np.zeros((2, size), np.float32)
        self.params, self.mean = self._named(self._flat), self._named(self._mean)

    def _named(self, flat: Floats) -> Params:
        ends = np.cumsum([math.prod(shape) for shape in self.shapes.values()])
        pieces = np.split(flat, ends[:-1])
        return {
            name: piece.reshape(shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    def compute(self, batch: TrainingBatch, k: int) -> float:
        """Loss of part k of a batch, summed, and its gradients."""
        gradients, part = self._named(self._gradients[k]), batch.part(k, PARTS)
        if not part.classes.size:
            self._gradients[k] = 0
            return 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # the loss is checked
            logits, backprop = forward(self.params, part.rows, part.mirrored)
            cost, dlogits = loss(logits, part, self.how.start_weight)
            for name, value in backprop(dlogits).items():
                gradients[name][...] = values(value)
        return cost

    def update(self, step: int, symbols: int, costs: Sequence[float]) -> float:
        """Clip the mean gradient and move the weights by Adam; return the mean loss."""
        cost = sum(costs) / symbols
        if not np.isfinite(cost):
            raise TrainingError(
                f"the loss is {cost}. Lower the learning rate.", step=step, layer="loss", norm=cost
            )
        ends = np.linspace(0, self._gradients.shape[1], PARTS + 1).astype(int)
        pieces = [slice(a, b) for a, b in itertools.pairwise(ends)]
        norm = math.sqrt(sum(self.pool.map(self._add, pieces))) / symbols
        if not np.isfinite(norm):
            clip(dict(self._named(self._gradients[0])), self.how.clip, step)  # names the layer
        factor = self.how.clip / max(norm, self.how.clip) / symbols
        rate = self.how.rate(step) * (math.sqrt(1 - 0.999**step) / (1 - 0.9**step))
        keep = 1 - 1 / min(step, self.how.average)
        list(self.pool.map(lambda piece: self._move(piece, factor, rate, keep), pieces))
        return cost

    def _add(self, piece: slice) -> float:
        from elman.rnn.training import both_strands_kernels as kernels

        return float(kernels.add(self._gradients[:, piece]))

    def _move(self, piece: slice, factor: float, rate: float, keep: float) -> None:
        from elman.rnn.training import both_strands_kernels as kernels

        p, g, m, v, mean = (
            flat[piece] for flat in (self._flat, self._gradients[0], self._m, self._v, self._mean)
        )
        kernels.adam(p, g, np.float32(factor), m, v, np.float32(rate), mean, np.float32(keep))
