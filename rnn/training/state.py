"""Settings of a training, its state between two steps, and its result."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Params
from elman.rnn.training.optimiser import Adam

RETIRED = {"states": 0.0}  # fields of earlier settings, written with the one value they had in every preset


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Settings of a training.

    Attributes:
        epochs: passes over the data at most.
        batch: sequences in a batch.
        learning_rate: of Adam, at the start.
        decay: what is left of the learning rate at the end of the last epoch; it falls linearly.
        clip: largest common norm of the gradients.
        dropout: share of hidden units zeroed, per sequence.
        blocks: share of one-hot features dropped, per batch.
        unknown: probability that a symbol is replaced by its `<UNK>` bag.
        patience: epochs without a better score before training stops; 0 never stops.
        parts: how many parts a batch is cut into, each with its own noise, gradients summed in order; with
            2, two workers share the work.
        average: epochs over whose last weights the mean is taken; 1 takes the last alone.
    """

    epochs: int = 15
    batch: int = 8
    learning_rate: float = 0.001
    decay: float = 0.1
    clip: float = 5.0
    dropout: float = 0.5
    blocks: float = 0.1
    unknown: float = 0.1
    patience: int = 6
    average: int = 1
    parts: int = 1

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.average, self.parts) < 1 or self.patience < 0:
            raise ValueError(
                f"epochs, batch, average and parts must be at least 1, patience at least 0. Got {self}"
            )
        if not 0 < self.learning_rate < np.inf or not 0 <= self.decay <= 1 or not self.clip > 0:
            raise ValueError(f"learning_rate and clip must be positive, decay between 0 and 1. Got {self}")
        if not all(0 <= rate < 1 for rate in (self.dropout, self.blocks, self.unknown)):
            raise ValueError(f"dropout, blocks and unknown must be at least 0 and below 1. Got {self}")

    @classmethod
    def suited(cls, sequences: int, **fields: Any) -> "FitConfig":
        """The settings for a corpus of so many training sequences.

        Small corpora want many updates: a batch holds 8 sequences below 16,000 of them, 16 below 32,000 and
        32 above; the learning rate is 0.001 times the square root of an eighth of the batch.

        Args:
            sequences: in training.
            fields: settings that differ.
        """
        batch = 8 if sequences < 16_000 else 16 if sequences < 32_000 else 32
        return cls(**{"batch": batch, "learning_rate": 0.001 * (batch / 8) ** 0.5, **fields})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), **RETIRED}


@dataclass
class Progress:
    """How far a member of an ensemble, or the one network, has been trained.

    Attributes:
        adam: its optimiser with its moments.
        done: batches of the running epoch that are done.
        loss, seen: sums over those batches.
    """

    adam: Adam
    done: int = 0
    loss: float = 0.0
    seen: float = 0.0


@dataclass
class State:
    """A training between two updates: what a checkpoint holds.

    Attributes:
        params: weights.
        members: how far each member has been trained; a single network is its only member.
        epoch: running epoch, from 0.
        mean: mean of the weights of the last epochs, or None.
        best: weights of the best epoch, with its number and score.
        history: one record an epoch.
        finished: training is over.
    """

    params: Params
    members: list[Progress]
    epoch: int = 0
    mean: Params | None = None
    best: Params | None = None
    best_epoch: int = 0
    best_score: float = -np.inf
    history: list[dict[str, float]] = field(default_factory=list)
    finished: bool = False

    @property
    def step(self) -> int:
        """Updates of the member that is furthest."""
        return max(member.adam.step for member in self.members)

    @property
    def mean_loss(self) -> float:
        """Mean loss of a symbol in the running epoch."""
        total, seen = (sum(getattr(member, name) for member in self.members) for name in ("loss", "seen"))
        return float(total / max(seen, 1.0))

    @property
    def current(self) -> Params:
        """The weights an epoch is scored with: the mean of the last epochs, if there is one."""
        return self.mean or self.params

    def average(self, epochs: int) -> None:
        """Add the weights of this epoch to the mean of the last so many."""
        if epochs == 1:
            return
        if self.mean is None:
            self.mean = {name: value.copy() for name, value in self.params.items()}
            return
        share = np.float32(1 / min(self.epoch + 1, epochs))
        for name, value in self.params.items():
            self.mean[name] += share * (value - self.mean[name])

    def end_epoch(self, record: dict[str, float], settings: FitConfig) -> None:
        """Copy the weights if they are the best so far, and decide whether to go on."""
        self.history.append(record)
        score = record.get("score", np.inf)
        if score > self.best_score or score == np.inf:
            if self.best is None:
                self.best = {name: np.empty_like(value) for name, value in self.current.items()}
            for name, value in self.current.items():
                self.best[name][...] = value
            self.best_epoch, self.best_score = self.epoch + 1, score
        self.epoch += 1
        self.members = [Progress(member.adam) for member in self.members]
        stale = settings.patience and self.epoch - self.best_epoch >= settings.patience
        self.finished = self.epoch >= settings.epochs or bool(stale)


@dataclass(frozen=True)
class FitResult:
    """A trained network.

    Attributes:
        params: weights of the best epoch.
        history: for each epoch: epoch (from 1), loss (a symbol), score, learning_rate, steps, seconds.
        best_epoch: from 1.
        best_score: its score; NaN without one.
    """

    params: Params
    history: list[dict[str, float]]
    best_epoch: int
    best_score: float
