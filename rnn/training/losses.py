"""Losses of a batch and their gradients: softmax, sigmoid or CRF."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Params
from elman.rnn.compute.batches import Bags, Batch, Sequences
from elman.rnn.layers import crf, dense
from elman.rnn.networks.architecture import Architecture, Noise
from elman.rnn.networks.ensemble import Member
from elman.rnn.training.optimiser import summed


class Loss(NamedTuple):
    """A summed loss.

    Attributes:
        total: the sum.
        seen: how many symbols with a target it is the sum of.
        dlogits: (N, S*G) gradient of the sum.
        gradients: of the CRF weights, where there are any.
    """

    total: float
    seen: float
    dlogits: Floats
    gradients: Params


class BatchGradients(NamedTuple):
    """Result of a batch, forward and backward.

    Attributes:
        total: the summed loss.
        seen: how many symbols it is the sum of.
        gradients: of their mean loss.
    """

    total: float
    seen: float
    gradients: Gradients


@dataclass(frozen=True)
class Criterion:
    """The loss that training minimises.

    Attributes:
        legal: which tags may follow which, for a CRF.
        class_weights: (G,) weight of each class in the loss; None weighs all the same.
    """

    legal: crf.Weights
    class_weights: Floats | None = None

    @classmethod
    def of(cls, architecture: Architecture) -> "Criterion":
        """The loss in which every tag sequence is legal and all classes weigh the same."""
        return cls(crf.Weights.legal(architecture.classes, None, None))

    def loss(
        self, architecture: Architecture, params: Params, logits: Floats, batch: Batch, targets: Int32
    ) -> Loss:
        """The loss of a batch.

        Args:
            architecture: gives S, G and the kind of output.
            params: for the transitions of a CRF.
            logits: (N, S*G), packed.
            batch: N rows.
            targets: (N, S) of the packed rows; -1 where unknown.
        """
        table, y = logits.reshape(targets.size, -1), targets.reshape(-1)
        if architecture.output == "crf":
            weights = crf.Weights.of(params, self.legal)
            if architecture.outputs_per_step == 1:
                total, dtable, dweights = crf.negative_log_likelihood(
                    table, batch.starts, y, weights, self.class_weights
                )
            else:
                starts, order = batch.finer_order(architecture.outputs_per_step)
                total, d, dweights = crf.negative_log_likelihood(
                    table[order], starts, y[order], weights, self.class_weights
                )
                dtable = np.empty_like(table)
                dtable[order] = d
            gradients = {f"chain.{k}": v.astype(logits.dtype) for k, v in dweights._asdict().items()}
            return Loss(total, float((y >= 0).sum()), dtable.reshape(logits.shape), gradients)
        sigmoid = architecture.output == "sigmoid"
        entropy = dense.sigmoid_cross_entropy if sigmoid else dense.softmax_cross_entropy
        total, seen, dtable = entropy(table, y, self.class_weights)
        return Loss(total, seen, dtable.reshape(logits.shape), {})

    @np.errstate(over="ignore", invalid="ignore")  # the caller refuses a loss or norm that is not finite
    def gradients(
        self, member: Member, bags: Bags, batch: Batch, train: Sequences, noise: Noise | None = None
    ) -> BatchGradients:
        """One batch forward and backward.

        Args:
            member: the network and its parameters.
            bags: feature bags of all symbols.
            batch: some of the sequences `train`.
            train: sequences with targets.
            noise: of the forward pass.
        """
        assert train.targets is not None
        _, architecture, network, params = member
        logits, backprop = network.forward(params, bags, batch, noise)
        targets = train.targets.reshape(-1, architecture.outputs_per_step)[batch.places]
        loss = self.loss(architecture, params, logits, batch, targets)
        share = logits.dtype.type(1 / max(loss.seen, 1.0))
        gradients = backprop(loss.dlogits * share)
        for name, value in loss.gradients.items():
            gradients[name] = value * share
        return BatchGradients(loss.total, loss.seen, gradients)


def combined(parts: list[BatchGradients]) -> BatchGradients:
    """The result of a whole batch from those of its parts, summed in their order."""
    if len(parts) == 1:
        return parts[0]
    total, seen = sum(part.total for part in parts), sum(part.seen for part in parts)
    shares = [part.seen / max(seen, 1.0) for part in parts]
    return BatchGradients(total, seen, summed([part.gradients for part in parts], shares))
