"""Training: shuffled packed batches, lazy Adam, early stopping on a score, averaged weights, resuming.

Random numbers come from generators seeded by (seed, epoch, step), so a state needs to carry no generator.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64, Params
from elman.rnn.compute.batches import Bags, Sequences, pack, shuffled
from elman.rnn.compute.threads import single_threaded
from elman.rnn.errors import TrainingError
from elman.rnn.inference.decode import Decoder, Prediction
from elman.rnn.inference.spans import TagScheme
from elman.rnn.layers import crf
from elman.rnn.networks.architecture import Architecture, Noise, init
from elman.rnn.networks.ensemble import Member, members_of
from elman.rnn.networks.growth import EarlierNetwork, take_over
from elman.rnn.networks.language_model import initialise
from elman.rnn.training.losses import BatchGradients, Criterion, combined
from elman.rnn.training.optimiser import Adam, clip
from elman.rnn.training.state import FitConfig, FitResult, Progress, State

SILVER_EPOCHS = 6  # until no silver sequence is taken any more


@dataclass(frozen=True)
class Data:
    """Sequences that a network is trained and scored on.

    Attributes:
        bags: feature bags of all symbols.
        train: sequences with targets.
        dev: sequences that are scored after each epoch; or None.
        score: of a prediction of `dev`, higher is better; without it the last epoch is the best.
        silver: (n,) weight of each training sequence whose labels are in doubt, 0 to 1, see `taken`; -1 of
            those whose labels are sure; None: all are sure.
    """

    bags: Bags
    train: Sequences
    dev: Sequences | None = None
    score: Callable[[Prediction], float] | None = None
    silver: Floats | None = None

    def __post_init__(self) -> None:
        targets = self.train.targets
        if targets is None or not len(self.train) or not (targets >= 0).any():
            raise ValueError("training needs at least one sequence with a target. Got none")

    def seen_rows(self, unknown: bool) -> Int32:
        """Table rows that occur in training, some repeated; with `unknown`, those of `<UNK>` bags too."""
        seen = np.zeros(len(self.bags), bool)
        seen[self.train.tokens] = True
        if unknown:
            seen[self.bags.unknown[seen]] = True
        rows: Int32 = self.bags.rows[np.repeat(seen, np.diff(self.bags.offsets))]
        return rows

    def taken(self, epoch: int, seed: int) -> Int64:
        """Numbers of the training sequences of an epoch, ascending.

        A silver sequence is taken with the probability of its weight, so that the mean gradient is that of
        the weighted loss, times a share that falls from 1 to 0 in SILVER_EPOCHS: sure labels come last.

        Args:
            epoch: from 0.
            seed: of the training.
        """
        if self.silver is None:
            return np.arange(len(self.train))
        draws = np.random.default_rng([seed, 3, epoch]).random(len(self.train))
        left = max(0.0, 1 - epoch / SILVER_EPOCHS)
        return np.flatnonzero((self.silver < 0) | (draws < self.silver * left))

    def check_legal(self, parts: int, legal: crf.Weights) -> None:
        """Refuse targets that a CRF forbids, as their loss would be infinite.

        Args:
            parts: S, symbols a time step.
            legal: -inf for what is forbidden.

        Raises:
            ValueError: names the sequence and symbol.
        """
        tags, begins = self.train.targets, self.train.offsets[:-1] * parts
        assert tags is not None
        forbidden = np.zeros(len(tags), bool)
        known = tags >= 0
        both = known[1:] & known[:-1]
        forbidden[1:][both] = np.isneginf(legal.transition[tags[:-1][both], tags[1:][both]])
        forbidden[begins] = np.isneginf(legal.start[np.maximum(tags[begins], 0)]) & known[begins]
        if forbidden.any():
            at = int(np.flatnonzero(forbidden)[0])
            number = int(np.searchsorted(self.train.offsets * parts, at, side="right")) - 1
            raise ValueError(
                f"targets must be legal tag sequences. Got, in sequence {number} at symbol "
                f"{at - int(self.train.offsets[number]) * parts}, class {tags[at]} where it is forbidden"
            )


def _ignore(_: object) -> None:
    """No callback."""


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Callbacks:
    """Functions a training calls, one at a time, perhaps from another thread.

    Attributes:
        on_epoch: with each record of the history.
        on_state: with the live state, after each epoch and after each update for which `state_due` is true.
            No update is running meanwhile; copy or write it at once, do not keep it.
        state_due: True if `on_state` is to be called; it makes members wait for each other.
        on_update: after each update, with the number of its sequences.
    """

    on_epoch: Callable[[dict[str, float]], object] = _ignore
    on_state: Callable[[State], object] = _ignore
    state_due: Callable[[], bool] = _always
    on_update: Callable[[int], object] = _ignore


NO_CALLBACKS = Callbacks()


def run_epochs(
    state: State,
    settings: FitConfig,
    callbacks: Callbacks,
    epoch: Callable[[], float],
    score: Callable[[], float | None],
) -> FitResult:
    """Train to the end, epoch by epoch.

    Args:
        state: where to start or to go on; it is used up.
        settings: of the training.
        callbacks: what to call.
        epoch: trains on what is left of the running epoch, and returns the last learning rate.
        score: of `state.current`, higher is better; None where there is nothing to score on, which makes the
            last epoch the best.

    Returns:
        the weights of the epoch with the best score.
    """
    while not state.finished:
        began = time.perf_counter()
        rate = epoch()
        state.average(settings.average)
        record = {
            "epoch": state.epoch + 1.0,
            "loss": state.mean_loss,
            "learning_rate": rate,
            "steps": float(state.step),
        }
        value = score()
        if value is not None:
            record["score"] = value
        record["seconds"] = time.perf_counter() - began
        state.end_epoch(record, settings)
        callbacks.on_epoch(record)
        callbacks.on_state(state)
    assert state.best is not None
    scored = any("score" in record for record in state.history)
    best = state.best_score if scored else float("nan")
    return FitResult(state.best, state.history, state.best_epoch, best)


class Trainer:
    """Trains a network.

    Args:
        architecture: settings of the network.
        settings: of the training.
        data: sequences to train and score on.
        scheme: which tag sequences are legal, for a CRF and for decoding dev; None allows all.
        class_weights: (G,) weight of each class in the loss.
        seed: of the first weights, the order of the data and all noise.
        workers: threads that share the members of an ensemble, else the parts of a batch; the weights do not
            depend on how many.

    Raises:
        ValueError: targets that a CRF forbids.
    """

    def __init__(
        self,
        architecture: Architecture,
        settings: FitConfig,
        data: Data,
        *,
        scheme: TagScheme | None = None,
        class_weights: Floats | None = None,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        self.architecture, self.settings, self.data = architecture, settings, data
        self.scheme, self.seed, self.workers = scheme, seed, workers
        start, transition = (scheme.start, scheme.transition) if scheme else (None, None)
        legal = crf.Weights.legal(max(architecture.classes, 2), start, transition)
        self.criterion = Criterion(legal, class_weights)
        if architecture.output == "crf":
            data.check_legal(architecture.outputs_per_step, legal)
        self._score = data.score if data.dev is not None and len(data.dev) else None

    def first_state(self, start: Params | EarlierNetwork | None = None) -> State:
        """The state before the first step.

        Args:
            start: parameters of a language model, see rnn/networks/language_model.py, or a trained network.
        """
        params, rows = init(self.architecture, self.seed), self.architecture.rows
        unseen = np.ones(rows, bool)
        unseen[self.data.seen_rows(self.settings.unknown > 0)] = False
        for name, value in params.items():
            if name.endswith("table") and len(value) == rows:
                value[unseen] = 0  # so that a feature training never sees adds nothing when it occurs later
        if isinstance(start, EarlierNetwork):
            take_over(params, start)
        elif start is not None:
            for prefix, architecture, _, own in members_of(self.architecture, params):
                initialise(own, architecture, start)
                params |= {f"{prefix}{name}": value for name, value in own.items()}
        members = members_of(self.architecture, params)
        return State(params, [Progress(Adam.of(member.params)) for member in members])

    def run(self, callbacks: Callbacks = NO_CALLBACKS, state: State | None = None) -> FitResult:
        """Train to the end.

        Args:
            callbacks: what to call.
            state: where to start or to go on; it is used up. Without, `first_state()`.

        Returns:
            the weights of the epoch with the best score.

        Raises:
            TrainingError: a loss or gradient is NaN or infinite.
        """
        state = self.first_state() if state is None else state
        with single_threaded(), ThreadPoolExecutor(self.workers) as pool:
            return run_epochs(
                state,
                self.settings,
                callbacks,
                lambda: self._epoch(state, callbacks, pool),
                self._scorer(state),
            )

    def _scorer(self, state: State) -> Callable[[], float | None]:
        """A function that checks the last update of an epoch and scores its weights on dev, if any."""

        def score() -> float | None:
            self._check_last_update(state)
            return self.dev_score(state.current)

        return score

    def dev_score(self, params: Params) -> float | None:
        """Score of dev; None where it is not scored."""
        if self._score is None or self.data.dev is None:
            return None
        decoder = Decoder(self.architecture, params, self.scheme)
        return self._score(decoder.tag(self.data.bags, self.data.dev))

    def _epoch(self, state: State, callbacks: Callbacks, pool: ThreadPoolExecutor) -> float:
        """Train every member on what is left of the running epoch; return the last learning rate.

        Members share nothing within an epoch: with several workers each is trained in a thread of its own.
        """
        members = members_of(self.architecture, state.params)
        epoch = _Epoch(state, callbacks, [threading.Lock() for _ in members])
        if self.workers == 1 or len(members) == 1:
            rates = [self._train(k, member, epoch, pool) for k, member in enumerate(members)]
        else:
            jobs = [pool.submit(self._train, k, member, epoch, None) for k, member in enumerate(members)]
            try:
                wait(jobs, return_when=FIRST_EXCEPTION)
            finally:
                epoch.stopped = True  # of no effect on members that are done
            rates = [job.result() for job in jobs]
        return rates[0]

    def _train(self, k: int, member: Member, epoch: "_Epoch", pool: ThreadPoolExecutor | None) -> float:
        """Train a member to the end of the epoch; return the last learning rate."""
        settings, state = self.settings, epoch.state
        own = state.members[k]
        taken = self.data.taken(state.epoch, self.seed)
        rng = np.random.default_rng([self.seed, 1, state.epoch, k])
        order = [taken[some] for some in shuffled(self.data.train.lengths[taken], settings.batch, rng)]
        rate, steps = settings.learning_rate, len(order)
        while own.done < steps and not epoch.stopped:
            progress = (state.epoch + own.done / steps) / settings.epochs
            rate = settings.learning_rate * (1 - (1 - settings.decay) * progress)
            with epoch.locks[k]:
                result = self._gradients(k, member, state.epoch, own.done, order[own.done], pool)
                _check_finite(result.total, own.adam.step + 1, member.prefix)
                clip(result.gradients, settings.clip, own.adam.step + 1, member.prefix)
                own.adam.update(member.params, result.gradients, rate)
                own.loss, own.seen = own.loss + result.total, own.seen + result.seen
                own.done += 1
            epoch.updated(len(order[own.done - 1]), own.done == steps)
        return rate

    def _gradients(
        self, k: int, member: Member, epoch: int, number: int, chosen: Int64, pool: ThreadPoolExecutor | None
    ) -> BatchGradients:
        """Loss and gradients of a member on batch `number` of an epoch, the sequences `chosen`."""
        settings, data = self.settings, self.data

        def gradients(part: int) -> BatchGradients:
            rng = np.random.default_rng([self.seed, 2, epoch, number, k * settings.parts + part])
            noise = Noise(rng, settings.dropout, settings.unknown, settings.blocks)
            batch = pack(data.train, chosen[part :: settings.parts])
            return self.criterion.gradients(member, data.bags, batch, data.train, noise)

        parts = range(min(settings.parts, len(chosen)))
        share = map if pool is None or len(parts) == 1 or self.workers == 1 else pool.map
        return combined(list(share(gradients, parts)))

    def _check_last_update(self, state: State) -> None:
        """Raise TrainingError unless the loss of a batch is finite after the last update of an epoch."""
        data = self.data
        batch = pack(data.train, np.arange(min(self.settings.batch, len(data.train))))
        for member in members_of(self.architecture, state.current):
            result = self.criterion.gradients(member, data.bags, batch, data.train)
            _check_finite(result.total, state.step, member.prefix)


class _Epoch:
    """An epoch in progress, shared by the threads of the members.

    Args:
        state: of the training.
        callbacks: of the training.
        locks: one for each member, held while it is updated.
    """

    def __init__(self, state: State, callbacks: Callbacks, locks: list[threading.Lock]) -> None:
        self.state, self.callbacks, self.locks = state, callbacks, locks
        self.stopped = False  # True to end members after their running update
        self._reporting = threading.Lock()

    def updated(self, sequences: int, last: bool) -> None:
        """Call back after an update of so many sequences; `last`: the member's last of the epoch."""
        with self._reporting:
            self.callbacks.on_update(sequences)
        if not last and self.callbacks.state_due():
            with ExitStack() as stack:
                for lock in self.locks:
                    stack.enter_context(lock)
                if self.callbacks.state_due():
                    self.callbacks.on_state(self.state)


def _check_finite(loss: float, step: int, prefix: str) -> None:
    if not np.isfinite(loss):
        raise TrainingError(
            f"the loss is {loss}. Lower the learning rate.", step=step, layer=f"{prefix}loss", norm=loss
        )
