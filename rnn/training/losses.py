"""The loss of a batch of logits, and its gradient: softmax, sigmoid or conditional random field."""

from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Params
from elman.rnn.compute.batches import Batch
from elman.rnn.layers import crf, dense
from elman.rnn.networks.tagger import Architecture


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
