"""Training of acoustic networks by connectionist temporal classification.

What is drawn at random comes from generators seeded by (seed, epoch, batch), so a resumed training sees the
same sounds, and ends with the same weights.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64, Params
from elman.rnn.compute.batches import Batch, Sequences, by_length, pack, shuffled
from elman.rnn.compute.ragged import offsets_of, take
from elman.rnn.compute.threads import single_threaded
from elman.rnn.errors import TrainingError
from elman.rnn.layers import ctc
from elman.rnn.networks.acoustic import AcousticConfig, InputNorm
from elman.rnn.networks.architecture import Noise
from elman.rnn.training.losses import BatchGradients, combined
from elman.rnn.training.optimiser import Adam, clip
from elman.rnn.training.state import FitConfig, FitResult, Progress, State
from elman.rnn.training.trainer import NO_CALLBACKS, Callbacks, run_epochs

SCORED_ROWS = 1 << 14  # of a batch that is scored


@dataclass(frozen=True)
class Utterances:
    """Sounds with their texts.

    Attributes:
        frames: (F, I) of all sounds one after the other.
        offsets: (n + 1,) sound i is `frames[offsets[i]:offsets[i + 1]]`; none is empty.
        labels: of all texts one after the other.
        text_offsets: (n + 1,) of the texts.
    """

    frames: Floats
    offsets: Int64
    labels: Int32
    text_offsets: Int64

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of(cls, sounds: list[Floats], texts: list[Int32]) -> "Utterances":
        """Sounds (T, I) with their texts, one array each."""
        labels = np.concatenate([np.zeros(0, np.int32), *texts]).astype(np.int32)
        offsets = offsets_of([len(sound) for sound in sounds])
        return cls(np.concatenate(sounds), offsets, labels, offsets_of([len(text) for text in texts]))

    @cached_property
    def sequences(self) -> Sequences:
        """The sounds, whose tokens are the numbers of their frames."""
        return Sequences(np.arange(len(self.frames), dtype=np.int32), self.offsets)

    def texts(self, numbers: Int64) -> ctc.Texts:
        """The texts of some of them."""
        offsets, places = take(self.text_offsets, numbers)
        return ctc.Texts(self.labels[places], offsets)


class Examples(Protocol):
    """Training examples; each epoch may have other sounds, made when they are asked for."""

    def lengths(self, epoch: int) -> Int64:
        """Approximate length of each example of an epoch, (n,); batches are made of those of like length."""
        ...

    def draw(self, epoch: int, numbers: Int64) -> Utterances:
        """Some examples of an epoch; the same each time it is asked."""
        ...


class AcousticTrainer:
    """Trains an acoustic network.

    Args:
        config: of the network.
        settings: of the training; `blocks` and `unknown` have to be 0.
        examples: to learn from.
        norm: mean and scale of the features of the training data.
        dev: to choose the epoch by, or None to keep the last.
        seed: of the first weights, the order of the data and dropout.
        workers: threads that share the parts of a batch; the weights do not depend on how many.

    Raises:
        ValueError: nothing to train on, or settings that it does not know.
    """

    def __init__(
        self,
        config: AcousticConfig,
        settings: FitConfig,
        examples: Examples,
        norm: InputNorm,
        *,
        dev: Utterances | None = None,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        if settings.blocks or settings.unknown:
            raise ValueError(f"expected no dropped features and no unknown symbols. Got {settings}")
        if not len(examples.lengths(0)):
            raise ValueError("training needs at least one example. Got none")
        self.config, self.settings, self.examples, self.norm = config, settings, examples, norm
        self.dev = dev if dev is not None and len(dev) else None
        self.seed, self.workers, self.network = seed, workers, config.build()

    def first_state(self) -> State:
        """The state before the first step."""
        params = self.network.init(np.random.default_rng([self.seed, 0]), self.norm)
        return State(params, [Progress(Adam.of(params))])

    def run(self, callbacks: Callbacks = NO_CALLBACKS, state: State | None = None) -> FitResult:
        """Train from a state on, the first one by default; losses are nats a label.

        Raises:
            TrainingError: a loss or gradient is not finite.
        """
        state = state or self.first_state()
        with single_threaded(), ThreadPoolExecutor(self.workers) as pool:
            share = pool.map if self.workers > 1 else map
            return run_epochs(
                state,
                self.settings,
                callbacks,
                lambda: self._epoch(state, callbacks, share),
                lambda: self._score(state),
            )

    def _score(self, state: State) -> float | None:
        """Negative loss of dev, in nats a label."""
        if self.dev is None:
            return None
        losses = score(self.config, state.current, self.dev)
        return -float(losses.sum() / max(len(self.dev.labels), 1))

    def _epoch(self, state: State, callbacks: Callbacks, share: Callable[..., object]) -> float:
        """Train on what is left of the running epoch; return the last learning rate."""
        settings, own = self.settings, state.members[0]
        rng = np.random.default_rng([self.seed, 1, state.epoch])
        order = shuffled(self.examples.lengths(state.epoch), settings.batch, rng)
        rate = settings.learning_rate
        while own.done < len(order):
            progress = (state.epoch + own.done / len(order)) / settings.epochs
            rate = settings.learning_rate * (1 - (1 - settings.decay) * progress)
            self._update(state, order[own.done], rate, share)
            own.done += 1
            callbacks.on_update(len(order[own.done - 1]))
            if own.done < len(order) and callbacks.state_due():
                callbacks.on_state(state)
        return rate

    def _update(self, state: State, chosen: Int64, rate: float, share: Callable[..., object]) -> None:
        """One step on some examples, in parts."""
        own, parts = state.members[0], self.settings.parts

        def gradients(part: int) -> BatchGradients:
            numbers = chosen[part::parts]
            drawn = self.examples.draw(state.epoch, numbers)
            noise = Noise(
                np.random.default_rng([self.seed, 2, state.epoch, own.done, part]), self.settings.dropout
            )
            return self._gradients(state.params, drawn, noise)

        results = share(gradients, range(min(parts, len(chosen))))
        result = combined(list(results))  # type: ignore[call-overload]  # map or pool.map
        step = own.adam.step + 1
        if not np.isfinite(result.total):
            raise TrainingError(
                f"the loss is {result.total}. Lower the learning rate.",
                step=step,
                layer="loss",
                norm=result.total,
            )
        clip(result.gradients, self.settings.clip, step)
        own.adam.update(state.params, result.gradients, rate)
        own.loss, own.seen = own.loss + result.total, own.seen + result.seen

    @np.errstate(over="ignore", invalid="ignore")  # what is not finite is refused by the caller
    def _gradients(self, params: Params, drawn: Utterances, noise: Noise | None) -> BatchGradients:
        """Loss of some utterances, and the gradients of its mean over their labels."""
        batch = pack(drawn.sequences, np.arange(len(drawn)))
        logits, backprop = self.network.forward(params, drawn.frames, batch, noise)
        losses, d = ctc.negative_log_likelihood(logits, batch.starts, drawn.texts(batch.sequences))
        seen = float(max(len(drawn.labels), 1))
        return BatchGradients(float(losses.sum()), seen, backprop(d * d.dtype.type(1 / seen)))


def score(config: AcousticConfig, params: Params, utterances: Utterances) -> Floats:
    """Negative log probability of the text of each sound, in nats, (n,) float64."""
    network, losses = config.build(), np.empty(len(utterances))
    with single_threaded():
        for batch in scored_batches(utterances.sequences):
            logits, _ = network.forward(params, utterances.frames, batch)
            losses[batch.sequences], _ = ctc.negative_log_likelihood(
                logits, batch.starts, utterances.texts(batch.sequences)
            )
    return losses


def scored_batches(sequences: Sequences) -> list[Batch]:
    """Batches of sounds of like length."""
    return [pack(sequences, chosen) for chosen in by_length(sequences.lengths, SCORED_ROWS)]
