"""Training of the two-strand network: loss, Adam with a cosine schedule, running mean of the weights."""

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

_SOFTMAX = np.array([0, 1, 2, 3, 5, 6, 7])


_STARTS = np.array([4, 8])


class TrainingBatch(NamedTuple):
    """Sequences of one length to learn from.

    Attributes:
        rows, mirrored: (T, B, S), as for `forward`.
        classes: (T, B, S) int8, 0 to 6, -1 where there is nothing to learn.
        starts: (T, B, S, 2) int8: whether a gene begins here, forward and reverse; -1 where it is not asked.
    """

    rows: Rows
    mirrored: Rows
    classes: npt.NDArray[np.int8]
    starts: npt.NDArray[np.int8]


def loss(logits: Floats, crops: TrainingBatch, begins: float = 1.0) -> tuple[float, Floats]:
    """Mean cross entropy of the classes, plus `begins` times that of the starts; with its gradient.

    Args:
        logits: (T, B, S, LOGITS)
        crops: the truth.
        begins: weight of a start against a class; both are divided by the number of classes.

    Returns:
        the loss and dlogits (T, B, S, LOGITS).
    """
    flat = logits.reshape(-1, LOGITS)
    d = np.zeros_like(flat)
    y = crops.classes.reshape(-1)
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
    s = crops.starts.reshape(-1, 2)
    row, side = np.nonzero(s >= 0)
    logit = flat[row, _STARTS[side]]
    truth = s[row, side].astype(flat.dtype)
    total += begins * float((np.logaddexp(0, logit) - truth * logit).sum(dtype=np.float64))
    d[row, _STARTS[side]] = flat.dtype.type(begins) * (1 / (1 + np.exp(-logit)) - truth)
    d /= count
    return total / count, d.reshape(logits.shape)


@dataclass(frozen=True, kw_only=True)
class StrandFit:
    """How it is trained.

    Attributes:
        steps: updates.
        learning_rate: of Adam at its height; it rises over the first `warm` updates, then falls as a cosine.
        warm: updates.
        clip: largest common norm of the gradients.
        begins: weight of a start in the loss.
        average: the weights returned are a running mean over about so many updates.
    """

    steps: int
    learning_rate: float = 0.004
    warm: int = 50
    clip: float = 1.0
    begins: float = 1.0
    average: int = 100


def fit(
    config: StrandConfig,
    how: StrandFit,
    batches: Iterator[TrainingBatch],
    *,
    seed: int = 0,
    params: Params | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> Params:
    """Train.

    Args:
        config: which network.
        how: settings.
        batches: at least `how.steps` batches.
        seed: of the first weights.
        params: weights to go on from instead; not changed.
        on_step: is given the number of updates done and the loss of the last.

    Raises:
        TrainingError: a loss or gradient is NaN or infinite.
    """
    from elman.rnn.networks import both_strands_kernels as kernels

    params = init(config, seed) if params is None else {name: value.copy() for name, value in params.items()}
    mean = {name: value.copy() for name, value in params.items()}
    moments = {
        name: (np.zeros(value.size, np.float32), np.zeros(value.size, np.float32))
        for name, value in params.items()
    }
    f = np.float32
    load_blas()
    with single_threaded(), np.errstate(over="ignore", invalid="ignore"):  # the loss is looked at
        for step in range(1, how.steps + 1):
            crops = next(batches)
            logits, backprop = forward(params, crops.rows, crops.mirrored)
            cost, dlogits = loss(logits, crops, how.begins)
            if not np.isfinite(cost):
                raise TrainingError(
                    f"the loss is {cost}. Lower the learning rate.", step=step, layer="loss", norm=cost
                )
            gradients = backprop(dlogits)
            clip(gradients, how.clip, step)
            rate = (
                how.learning_rate
                * min(1.0, step / how.warm)
                * 0.5
                * (1 + math.cos(math.pi * step / how.steps))
            )
            rate *= math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
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
