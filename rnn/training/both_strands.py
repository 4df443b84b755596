"""Training of the two-strand network: Adam with warm-up and cosine decay, running mean of the weights."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from elman.rnn.compute.arrays import Floats, Params
from elman.rnn.compute.threads import single_threaded
from elman.rnn.errors import TrainingError
from elman.rnn.networks.both_strands import LOGITS, Rows, StrandConfig, forward, init, load_blas
from elman.rnn.training.optimiser import clip

_SOFTMAX = np.array([0, 1, 2, 3, 5, 6, 7])  # logits of the seven classes
_STARTS = np.array([4, 8])  # logits of a start, forward and reverse


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


def loss(logits: Floats, batch: TrainingBatch, start_weight: float = 1.0) -> tuple[float, Floats]:
    """Mean cross entropy of the classes, plus `start_weight` times that of the starts; with its gradient.

    Args:
        logits: (T, B, S, LOGITS)
        batch: the targets.
        start_weight: of a start against a class; both are divided by the number of classes.

    Returns:
        the loss and dlogits (T, B, S, LOGITS).
    """
    flat = logits.reshape(-1, LOGITS)
    d = np.zeros_like(flat)
    y = batch.classes.reshape(-1)
    known = y >= 0
    count = max(int(known.sum()), 1)
    z = flat[:, _SOFTMAX]
    z -= z.max(axis=1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    every = np.arange(len(y))
    safe = np.where(known, y, 0)
    total = -float(np.log(np.maximum(p[every, safe][known], 1e-30)).sum(dtype=np.float64))
    p[every, safe] -= 1
    p *= known[:, None]
    d[:, _SOFTMAX] = p
    s = batch.starts.reshape(-1, 2)
    row, side = np.nonzero(s >= 0)
    logit = flat[row, _STARTS[side]]
    truth = s[row, side].astype(flat.dtype)
    total += start_weight * float((np.logaddexp(0, logit) - truth * logit).sum(dtype=np.float64))
    d[row, _STARTS[side]] = flat.dtype.type(start_weight) * (1 / (1 + np.exp(-logit)) - truth)
    d /= count
    return total / count, d.reshape(logits.shape)


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
    on_step: Callable[[int, float], None] | None = None,
) -> Params:
    """Train a two-strand network from its initial weights.

    Args:
        config: of the network.
        how: training settings.
        batches: at least `how.steps` batches.
        seed: of the initial weights.
        on_step: receives the number of updates done and the loss of the last.

    Returns:
        weights, the running mean over the last updates.

    Raises:
        TrainingError: a loss or gradient is NaN or infinite.
    """
    from elman.rnn.networks import both_strands_kernels as kernels

    params = init(config, seed)
    mean = {name: value.copy() for name, value in params.items()}
    moments = {
        name: (np.zeros(value.size, np.float32), np.zeros(value.size, np.float32))
        for name, value in params.items()
    }
    f = np.float32
    load_blas()
    with single_threaded(), np.errstate(over="ignore", invalid="ignore"):  # the loss is checked
        for step in range(1, how.steps + 1):
            batch = next(batches)
            logits, backprop = forward(params, batch.rows, batch.mirrored)
            cost, dlogits = loss(logits, batch, how.start_weight)
            if not np.isfinite(cost):
                raise TrainingError(
                    f"the loss is {cost}. Lower the learning rate.", step=step, layer="loss", norm=cost
                )
            gradients = backprop(dlogits)
            clip(gradients, how.clip, step)
            rate = how.rate(step) * (math.sqrt(1 - 0.999**step) / (1 - 0.9**step))
            keep = f(1 - 1 / min(step, how.average))
            for name, value in params.items():
                m, v = moments[name]
                g = np.ascontiguousarray(gradients[name], np.float32).reshape(-1)
                kernels.adam(value.reshape(-1), g, m, v, f(rate), f(0.9), f(0.999), f(1e-8))
                mean[name] *= keep
                mean[name] += (f(1) - keep) * value
            if on_step is not None:
                on_step(step, cost)
    return mean
