"""The loss of a batch of logits, and its gradient: softmax, sigmoid or conditional random field."""

from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Params
from elman.rnn.compute.batches import Bags, Batch, Sequences
from elman.rnn.layers import crf, dense
from elman.rnn.networks.architecture import Architecture, Noise
from elman.rnn.training.optimiser import summed


class Loss(NamedTuple):
    """A summed loss.

    Attributes:
        total: the sum.
        seen: how many symbols with a target it is the sum of.
        dlogits: (N, S*G) gradient of the sum.
        gradients: of the parameters of the chain, where it has any.
    """

    total: float
    seen: float
    dlogits: Floats
    gradients: Params


def loss_of(
    config: Architecture,
    params: Params,
    logits: Floats,
    batch: Batch,
    targets: Int32,
    *,
    legal: crf.Weights,
    class_weights: Floats | None = None,
) -> Loss:
    """How far the logits are from the targets.

    Args:
        config: says S, G and the kind of output.
        params: for the transitions of a chain.
        logits: (N, S*G), packed.
        batch: N rows.
        targets: (N, S) of the packed rows; -1 where there is nothing to learn.
        legal: which tags may follow which, for a chain.
        class_weights: (G,) or None.
    """
    table, y = logits.reshape(targets.size, -1), targets.reshape(-1)
    if config.output == "crf":
        starts, fine = batch.split(config.outputs_per_step)
        order = np.empty(fine.size, np.int64)
        order[fine.reshape(-1)] = np.arange(fine.size)
        weights = crf.Weights.of(params, legal)
        total, d, dchain = crf.negative_log_likelihood(table[order], starts, y[order], weights, class_weights)
        dtable = np.empty_like(table)
        dtable[order] = d
        gradients = {f"chain.{k}": v.astype(logits.dtype) for k, v in dchain._asdict().items()}
        return Loss(total, float((y >= 0).sum()), dtable.reshape(logits.shape), gradients)
    criterion = dense.sigmoid_cross_entropy if config.output == "sigmoid" else dense.softmax_cross_entropy
    total, seen, dtable = criterion(table, y, class_weights)
    return Loss(total, seen, dtable.reshape(logits.shape), {})


@np.errstate(over="ignore", invalid="ignore")  # what comes of it is refused by its loss or its norm
def loss_and_gradients(
    config: Architecture,
    params: Params,
    bags: Bags,
    batch: Batch,
    train: Sequences,
    *,
    legal: crf.Weights | None = None,
    noise: Noise | None = None,
    class_weights: Floats | None = None,
) -> tuple[float, float, Gradients]:
    """One batch forward and back.

    Returns:
        the summed loss, the number of symbols it is the sum of, and the gradients of their mean.
    """
    assert train.targets is not None
    S = config.outputs_per_step
    legal = legal or crf.Weights.legal(config.classes, None, None)
    logits, backprop = config.forward(params, bags, batch, noise)
    targets = train.targets.reshape(-1, S)[batch.places]
    loss = loss_of(config, params, logits, batch, targets, legal=legal, class_weights=class_weights)
    share = logits.dtype.type(1 / max(loss.seen, 1.0))
    gradients = backprop(loss.dlogits * share)
    for name, value in loss.gradients.items():
        gradients[name] = value * share
    return loss.total, loss.seen, gradients


def combined(parts: list[tuple[float, float, Gradients]]) -> tuple[float, float, Gradients]:
    """What `loss_and_gradients` gives for a whole batch, from that of its parts, in their order."""
    if len(parts) == 1:
        return parts[0]
    total, seen = (sum(part[i] for part in parts) for i in (0, 1))  # type: ignore[misc]
    return total, seen, summed([g for _, _, g in parts], [n / max(seen, 1.0) for _, n, _ in parts])
