"""Training and scoring of next-symbol models: back-propagation truncated, the state carried over.

A sequence of more than K steps is trained K steps at a time: gradients reach back to the first of them, the
state comes from the steps before (Williams and Peng, 1990). A sequence longer than SECTION steps is trained
in sections that begin from the state 0, so that several run side by side; scoring carries the state over all.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64, Params
from elman.rnn.compute.batches import Sequences, by_length, pack, shuffled
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.compute.threads import single_threaded
from elman.rnn.errors import TrainingError
from elman.rnn.networks.architecture import Noise, init
from elman.rnn.networks.next_symbol import (
    NOTHING,
    START,
    NextSymbolConfig,
    Symbols,
    fed_back,
    loss,
    step_losses,
)
from elman.rnn.networks.tagger import Carried
from elman.rnn.training.optimiser import Adam, clip
from elman.rnn.training.state import FitConfig, FitResult, Progress, State
from elman.rnn.training.trainer import NO_CALLBACKS, Callbacks, run_epochs

SECTION = 4096  # steps
WITH_CUE = 0.5  # share of sequences whose first input is a cue in training, where they have any
SCORED_STEPS, SCORED_ROWS = 512, 1 << 14  # of a batch that is scored


@dataclass(frozen=True)
class Pieces:
    """Sequences of symbols to predict.

    Attributes:
        symbols: (N,) flat.
        offsets: (n + 1,) of the sequences; none is empty.
        cues: for each sequence, symbols that may stand for it at the first step (its key, its first note);
            training begins from one of them now and then, so that sampling can.
        fed: (N,) what is fed back after each symbol, where it has a context; see `Symbols.classes`.
    """

    symbols: Int32
    offsets: Int64
    cues: tuple[Int32, ...] = field(default=())
    fed: Int32 | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def inputs(self) -> Sequences:
        """The bag fed in at each step."""
        return fed_back(self.symbols if self.fed is None else self.fed, self.offsets)

    @cached_property
    def sections(self) -> "tuple[Sequences, tuple[Int32, ...]]":
        """Inputs cut into sections, and the cues of each; a section in the middle has none."""
        whole = self.inputs
        counts = -(-np.diff(self.offsets) // SECTION)
        lengths, cues = list[int](), list[Int32]()
        for number, (count, steps) in enumerate(zip(counts, np.diff(self.offsets), strict=True)):
            lengths += [SECTION] * (int(count) - 1) + [int(steps) - SECTION * (int(count) - 1)]
            own = self.cues[number] if self.cues else np.empty(0, np.int32)
            cues += [own, *[np.empty(0, np.int32)] * (int(count) - 1)]
        return Sequences(whole.tokens, offsets_of(lengths)), tuple(cues)


class NextSymbolTrainer:
    """Trains a next-symbol model.

    Args:
        config: of the network.
        settings: of the training; `blocks` and `unknown` have to be 0.
        symbols: of all sequences.
        train: to learn from.
        dev: to choose the epoch by, or None to keep the last.
        truncation: K, steps that a gradient reaches back.
        seed: of the first weights, the order of the data and all noise.

    Raises:
        ValueError: nothing to train on, or settings that it does not know.
    """

    def __init__(
        self,
        config: NextSymbolConfig,
        settings: FitConfig,
        symbols: Symbols,
        train: Pieces,
        *,
        dev: Pieces | None = None,
        truncation: int = 128,
        seed: int = 0,
    ) -> None:
        if not len(train) or truncation < 1:
            raise ValueError(
                f"expected a sequence to train on, truncation above 0. Got {len(train)}, {truncation}"
            )
        if settings.blocks or settings.unknown or settings.parts != 1:
            raise ValueError(f"expected no dropped features and batches in one part. Got {settings}")
        self.config, self.settings, self.symbols, self.train = config, settings, symbols, train
        self.dev = dev if dev is not None and len(dev) else None
        self.truncation, self.seed, self.network = truncation, seed, config.build()

    def first_state(self) -> State:
        """The state before the first step; weights of symbols that never occur in training are 0.

        Those of a start from nothing give the first symbols of training their share: a first step is one of
        hundreds, and would be learnt last.
        """
        params = init(self.config, self.seed)
        if self.config.start:
            first = self.train.symbols[self.train.offsets[:-1]]
            params[START] = self.symbols.prior_logits(first, self.config.classes)
        sections, cues = self.train.sections
        heard = np.unique(np.concatenate([sections.tokens, *(own + 1 for own in cues)]))
        seen = np.zeros(self.config.rows, bool)
        bags, distinct = self.symbols.bags, self.symbols.distinct
        for variant in range(self.symbols.variants):
            for bag in np.where(heard == NOTHING, NOTHING, heard + variant * distinct):
                seen[bags.rows[bags.offsets[bag] : bags.offsets[bag + 1]]] = True
        params["table"][~seen] = 0
        return State(params, [Progress(Adam.of(params))])

    def run(self, callbacks: Callbacks = NO_CALLBACKS, state: State | None = None) -> FitResult:
        """Train from a state on, the first one by default.

        Raises:
            TrainingError: a loss or gradient is not finite.
        """
        state = state or self.first_state()
        with single_threaded():
            return run_epochs(
                state,
                self.settings,
                callbacks,
                lambda: self._epoch(state, callbacks),
                lambda: self._score(state),
            )

    def _score(self, state: State) -> float | None:
        """Negative mean loss of the steps of dev, if there is one."""
        if self.dev is None:
            return None
        return -float(score(self.config, state.current, self.symbols, self.dev).mean())

    def _epoch(self, state: State, callbacks: Callbacks) -> float:
        """Train on what is left of the running epoch; return the last learning rate."""
        settings, (sections, _), own = self.settings, self.train.sections, state.members[0]
        rng = np.random.default_rng([self.seed, 1, state.epoch])
        order = shuffled(sections.lengths, settings.batch, rng)
        rate = settings.learning_rate
        while own.done < len(order):
            progress = (state.epoch + own.done / len(order)) / settings.epochs
            rate = settings.learning_rate * (1 - (1 - settings.decay) * progress)
            chosen = order[own.done]
            self._update(state, chosen, rate)
            own.done += 1
            callbacks.on_update(len(chosen))
            if own.done < len(order) and callbacks.state_due():
                callbacks.on_state(state)
        return rate

    def _update(self, state: State, chosen: Int64, rate: float) -> None:
        """Train on some sections from their first step to their last, an update every K steps."""
        own = state.members[0]
        rng = np.random.default_rng([self.seed, 2, state.epoch, own.done])
        noise = Noise(rng, self.settings.dropout)
        sequences, targets = self._drawn(chosen, rng)
        carried: Params = {}
        for first in range(0, int(sequences.lengths.max()), self.truncation):
            every = np.arange(len(chosen))
            batch = pack(sequences, every, first, first + self.truncation)
            carry = Carried({name: h[batch.sequences] for name, h in carried.items()})
            with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused below
                logits, backprop = self.network.forward_from(
                    state.params, self.symbols.bags, batch, noise, carry
                )
                total, seen, d = loss(self.config, self.symbols, logits, targets[batch.places])
                if not np.isfinite(total):
                    raise TrainingError(
                        f"the loss is {total}. Lower the learning rate.",
                        step=own.adam.step + 1,
                        layer="loss",
                        norm=total,
                    )
                gradients = backprop(d * d.dtype.type(1 / seen))
                clip(gradients, self.settings.clip, own.adam.step + 1)
            own.adam.update(state.params, gradients, rate)
            own.loss, own.seen = own.loss + total, own.seen + seen
            for name, h in carry.after.items():
                carried.setdefault(name, np.zeros((len(chosen), h.shape[1]), h.dtype))[batch.sequences] = h

    def _drawn(self, chosen: Int64, rng: np.random.Generator) -> tuple[Sequences, Int32]:
        """Inputs and symbols of some sections, each in a variant and perhaps with a cue, both drawn."""
        sections, cues = self.train.sections
        part = sections.take(chosen)
        places = np.concatenate([np.arange(*sections.offsets[[i, i + 1]]) for i in chosen])
        variants = rng.integers(self.symbols.variants, size=len(chosen)) * self.symbols.distinct
        shift = np.repeat(variants, part.lengths).astype(np.int32)
        tokens = np.where(part.tokens == NOTHING, NOTHING, part.tokens + shift).astype(np.int32)
        wanted, which = rng.random(len(chosen)) < WITH_CUE, rng.random(len(chosen))
        for i, number in enumerate(chosen):
            own = cues[number]
            if len(own) and wanted[i]:
                tokens[part.offsets[i]] = own[int(which[i] * len(own))] + variants[i] + 1
        return Sequences(tokens, part.offsets), self.train.symbols[places] + shift


def score(config: NextSymbolConfig, params: Params, symbols: Symbols, pieces: Pieces) -> Floats:
    """Negative log-likelihood of every step from the state 0 and no input, in nats, (N,) float64.

    The state is carried over a whole sequence, whatever its length.
    """
    network, sequences = config.build(), pieces.inputs
    out = np.empty(len(pieces.symbols))
    with single_threaded():
        for chosen in by_length(sequences.lengths, SCORED_ROWS):
            carried: Params = {}
            for first in range(0, int(sequences.lengths[chosen].max()), SCORED_STEPS):
                batch = pack(sequences, chosen, first, first + SCORED_STEPS)
                # `chosen` is sorted by length, so sequences that go on are the first of the ones before
                own = Carried({name: h[: len(batch.sequences)] for name, h in carried.items()})
                logits, _ = network.forward_from(params, symbols.bags, batch, None, own)
                out[batch.places] = step_losses(config, symbols, logits, pieces.symbols[batch.places])
                carried = own.after
    return out
