"""Training of classifiers: the cross entropy of each sequence's class; scores of dev by sequence."""

from collections.abc import Callable

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Params
from elman.rnn.compute.batches import Bags, Batch, Sequences
from elman.rnn.inference.classify import classify
from elman.rnn.layers import dense
from elman.rnn.networks.architecture import Noise
from elman.rnn.networks.classifier import ClassifierConfig
from elman.rnn.networks.ensemble import Member
from elman.rnn.training.losses import BatchGradients, Criterion
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Data, Trainer


def with_classes(sequences: Sequences, classes: Int32) -> Sequences:
    """Sequences whose targets are the class (n,) of each at its last step, and -1 before."""
    targets = np.full(len(sequences.tokens), -1, np.int32)
    targets[sequences.offsets[1:] - 1] = classes
    return Sequences(sequences.tokens, sequences.offsets, targets)


class SequenceCriterion(Criterion):
    """Cross entropy of the class of each sequence, which stands at its last step."""

    @np.errstate(over="ignore", invalid="ignore")  # the caller refuses a loss or norm that is not finite
    def gradients(
        self, member: Member, bags: Bags, batch: Batch, train: Sequences, noise: Noise | None = None
    ) -> BatchGradients:
        """One batch forward and backward; see `Criterion.gradients`."""
        assert train.targets is not None
        logits, backprop = member.network.forward(member.params, bags, batch, noise)
        y = train.targets[train.offsets[batch.sequences + 1] - 1]
        total, seen, dlogits = dense.softmax_cross_entropy(logits, y, self.class_weights)
        share = logits.dtype.type(1 / max(seen, 1.0))
        return BatchGradients(total, seen, backprop(dlogits * share))


class ClassifierTrainer(Trainer):
    """Trains a classifier.

    Args:
        architecture: settings of the network.
        settings: of the training.
        data: sequences as of `with_classes`; its `score` is not used.
        score: of the logits (n, G) of the sequences of dev, higher is better; without dev the last epoch is
            the best.
        class_weights: (G,) weight of each class in the loss.
        seed, workers: as of `Trainer`.
    """

    def __init__(
        self,
        architecture: ClassifierConfig,
        settings: FitConfig,
        data: Data,
        score: Callable[[Floats], float],
        *,
        class_weights: Floats | None = None,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        super().__init__(architecture, settings, data, seed=seed, workers=workers)
        self.criterion = SequenceCriterion(self.criterion.legal, class_weights)
        self.config, self._score_logits = architecture, score

    def dev_score(self, params: Params) -> float | None:
        """Score of dev; None without dev."""
        dev = self.data.dev
        if dev is None or not len(dev):
            return None
        return self._score_logits(classify(self.config, params, self.data.bags, dev))
