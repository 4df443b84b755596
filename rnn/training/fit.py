"""Training: shuffled packed batches, lazy Adam, early stopping on a score, averaging, resuming.

All chance comes from generators seeded by (seed, epoch, step), so a state needs to carry no generator.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Gradients, Params
from elman.rnn.compute.batches import Bags, Batch, Sequences, pack, shuffled
from elman.rnn.compute.threads import computing
from elman.rnn.errors import TrainingError
from elman.rnn.inference.decode import Prediction, predict
from elman.rnn.layers import crf
from elman.rnn.networks.ensemble import learners
from elman.rnn.networks.language_model import started
from elman.rnn.networks.tagger import Architecture, Noise, init
from elman.rnn.training.losses import loss_of
from elman.rnn.training.optimiser import Adam, clip, summed


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How a network is trained.

    Attributes:
        epochs: passes over the data at most.
        batch: sequences in a batch.
        learning_rate: of Adam, at the start.
        decay: what is left of the learning rate at the end of the last epoch; it falls in a straight line.
        clip: largest common norm of the gradients.
        dropout: share of hidden units silenced, per sequence.
        blocks: share of single one-hot blocks dropped, per batch.
        states: share of hidden units silenced between steps, per sequence.
        unknown: probability that a symbol is replaced by its `<UNK>` bag.
        patience: epochs without a better score before training stops; 0 never stops.
        parts: pieces a batch is cut into, each with its own noise, gradients summed in order; with
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
    states: float = 0.0
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
        if not all(0 <= rate < 1 for rate in (self.dropout, self.blocks, self.states, self.unknown)):
            raise ValueError(
                f"dropout, blocks, states and unknown must be at least 0 and below 1. Got {self}"
            )

    @classmethod
    def suited(cls, sequences: int, **fields: Any) -> "FitConfig":
        """The settings for a corpus of so many training sequences.

        Small corpora want many updates: a batch holds 8 sequences below 16,000 of them, 16 below 32,000 and
        32 above; the learning rate is 0.001 times the square root of an eighth of the batch.

        Args:
            sequences: in training.
            fields: settings that are to differ.
        """
        batch = 8 if sequences < 16_000 else 16 if sequences < 32_000 else 32
        return cls(**{"batch": batch, "learning_rate": 0.001 * (batch / 8) ** 0.5, **fields})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass
class State:
    """All of a training between two steps: what a checkpoint holds.

    Attributes:
        params: weights.
        adam: optimiser with its moments.
        epoch: running epoch, from 0.
        done: batches of it already learned from.
        loss, seen: sums over those batches.
        mean: mean of the weights of the last epochs, or None.
        best: weights of the best epoch, with its number and score.
        history: one line an epoch.
        finished: training is over.
    """

    params: Params
    adam: Adam
    epoch: int = 0
    done: int = 0
    loss: float = 0.0
    seen: float = 0.0
    mean: Params | None = None
    best: Params | None = None
    best_epoch: int = 0
    best_score: float = -np.inf
    history: list[dict[str, float]] = field(default_factory=list)
    finished: bool = False


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


def fit(
    config: Architecture,
    how: FitConfig,
    bags: Bags,
    train: Sequences,
    dev: Sequences | None = None,
    *,
    seed: int = 0,
    score: Callable[[Prediction], float] | None = None,
    start_legal: Bools | None = None,
    transition_legal: Bools | None = None,
    class_weights: Floats | None = None,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    on_state: Callable[[State], None] | None = None,
    state: State | None = None,
    start: Params | None = None,
    workers: int = 1,
) -> FitResult:
    """Train a network.

    Args:
        config: which network.
        how: settings of the training.
        bags: which table rows each symbol has.
        train: sequences with targets.
        dev: sequences the score is taken on.
        seed: of the first weights, the order and all noise.
        score: of a prediction of `dev`, higher is better; without it the last epoch is the best.
        start_legal: (G,) tags a sequence may begin with, for decoding dev.
        transition_legal: (G, G) whether tag j may follow tag i.
        class_weights: (G,) weight of each class in the loss.
        on_epoch: is given each line of the history.
        on_state: is given the live state after every step; copy or write it at once, do not keep it.
        state: where to go on from; it is used up.
        start: what was learnt from unlabelled sequences, see rnn/networks/language_model.py; chance alone if not given.
        workers: threads that share the parts of a batch; the weights do not depend on how many.

    Returns:
        the weights of the epoch with the best score.

    Raises:
        TrainingError: a loss or gradient is NaN or infinite.
        ValueError: nothing to learn from.
    """
    if train.targets is None or not len(train) or not (train.targets >= 0).any():
        raise ValueError("training needs at least one sequence with a target. Got none")
    if state is None:
        params = init(config, seed)
        _clear_unmet(params, config.rows, bags, train, how.unknown > 0)
        if start is not None:
            for before, network, own in learners(config, params):
                begun = started(own, network, start)
                params |= {f"{before}{name}": value for name, value in begun.items()}
        state = State(params, Adam.of(params))
    legal = crf.Weights.legal(max(config.classes, 2), start_legal, transition_legal)
    if config.output == "crf":
        _check_legal(train, config.outputs_per_step, legal)
    judge = score if dev is not None and len(dev) else None
    with computing(), ThreadPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
        while not state.finished:
            began = time.perf_counter()
            rate = _epoch(
                config,
                how,
                bags,
                train,
                seed=seed,
                legal=legal,
                class_weights=class_weights,
                state=state,
                on_state=on_state,
                pool=pool,
            )
            _average(state, how)
            _check_answers(config, how, bags, train, legal=legal, class_weights=class_weights, state=state)
            line = {
                "epoch": state.epoch + 1.0,
                "loss": state.loss / max(state.seen, 1.0),
                "learning_rate": rate,
                "steps": float(state.adam.step),
            }
            if judge is not None and dev is not None:
                prediction = predict(
                    state.mean or state.params,
                    config,
                    bags,
                    dev,
                    start_legal=start_legal,
                    transition_legal=transition_legal,
                    probabilities=False,
                )
                line["score"] = judge(prediction)
            line["seconds"] = time.perf_counter() - began
            _end_epoch(state, how, line)
            if on_epoch is not None:
                on_epoch(line)
            if on_state is not None:
                on_state(state)
    assert state.best is not None
    score_reached = state.best_score if judge is not None else float("nan")
    return FitResult(state.best, state.history, state.best_epoch, score_reached)


def _clear_unmet(params: Params, rows: int, bags: Bags, train: Sequences, unknown: bool) -> None:
    """Set the table rows that training never meets to zero, so that an unseen block says nothing later on."""
    seen = np.zeros(len(bags), bool)
    seen[train.tokens] = True
    if unknown:
        seen[bags.unknown[seen]] = True
    unmet = np.ones(rows, bool)
    unmet[bags.rows[np.repeat(seen, np.diff(bags.offsets))]] = False
    for name, value in params.items():
        if name.endswith("table") and len(value) == rows:
            value[unmet] = 0


def _check_legal(train: Sequences, parts: int, legal: crf.Weights) -> None:
    """Refuse targets a chain could never say: their loss would be infinite."""
    assert train.targets is not None
    tags, begins = train.targets, train.offsets[:-1] * parts
    closed = np.zeros(len(tags), bool)
    known = tags >= 0
    both = known[1:] & known[:-1]
    closed[1:][both] = np.isneginf(legal.transition[tags[:-1][both], tags[1:][both]])
    closed[begins] = np.isneginf(legal.start[np.maximum(tags[begins], 0)]) & known[begins]
    if closed.any():
        at = int(np.flatnonzero(closed)[0])
        number = int(np.searchsorted(train.offsets * parts, at, side="right")) - 1
        raise ValueError(
            f"targets must be legal tag sequences. Got, in sequence {number} at symbol "
            f"{at - int(train.offsets[number]) * parts}, class {tags[at]} where it is closed"
        )


def _epoch(
    config: Architecture,
    how: FitConfig,
    bags: Bags,
    train: Sequences,
    *,
    seed: int,
    legal: crf.Weights,
    class_weights: Floats | None,
    state: State,
    on_state: Callable[[State], None] | None,
    pool: ThreadPoolExecutor | None,
) -> float:
    """Learn from what is left of the running epoch; return the last learning rate."""
    all_learn = learners(config, state.params)
    orders = [
        shuffled(train.lengths, how.batch, np.random.default_rng([seed, 1, state.epoch, k]))
        for k in range(len(all_learn))
    ]
    rate, steps = how.learning_rate, len(orders[0])
    share = map if pool is None else pool.map
    for number in range(state.done, steps):
        progress = (state.epoch + number / steps) / how.epochs
        rate = how.learning_rate * (1 - (1 - how.decay) * progress)
        jobs = [
            (k, part) for k, order in enumerate(orders) for part in range(min(how.parts, len(order[number])))
        ]

        def learn(job: tuple[int, int], number: int = number) -> tuple[float, float, Gradients]:
            k, part = job
            rng = np.random.default_rng([seed, 2, state.epoch, number, k * how.parts + part])
            _, network, own = all_learn[k]
            return loss_and_gradients(
                network,
                own,
                bags,
                pack(train, orders[k][number][part :: how.parts]),
                train,
                legal=legal,
                noise=Noise(rng, how.dropout, how.unknown, how.blocks, how.states),
                class_weights=class_weights,
            )

        found = list(zip(jobs, share(learn, jobs), strict=True))
        gradients: Gradients = {}
        for k, (before, _, _) in enumerate(all_learn):
            loss, seen, mine = combined([result for (whose, _), result in found if whose == k])
            _check_loss(loss, state.adam.step + 1, before)
            named = {f"{before}{name}": value for name, value in mine.items()}
            clip(named, how.clip, state.adam.step + 1)
            gradients |= named
            state.loss, state.seen = state.loss + loss, state.seen + seen
        state.adam.update(state.params, gradients, rate)
        state.done = number + 1
        if on_state is not None and state.done < steps:
            on_state(state)
    return rate


def _check_answers(
    config: Architecture,
    how: FitConfig,
    bags: Bags,
    train: Sequences,
    *,
    legal: crf.Weights,
    class_weights: Floats | None,
    state: State,
) -> None:
    """Refuse weights that answer with no number: an epoch's last update has no loss after it.

    Raises:
        TrainingError: the loss of a batch is NaN or infinite.
    """
    batch = pack(train, np.arange(min(how.batch, len(train))))
    for before, network, own in learners(config, state.mean or state.params):
        loss, _, _ = loss_and_gradients(
            network, own, bags, batch, train, legal=legal, class_weights=class_weights
        )
        _check_loss(loss, state.adam.step, before)


def _check_loss(loss: float, step: int, before: str) -> None:
    if not np.isfinite(loss):
        raise TrainingError(
            f"the loss is {loss}. Lower the learning rate.", step=step, layer=f"{before}loss", norm=loss
        )


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


def _average(state: State, how: FitConfig) -> None:
    """Take the weights of this epoch into the mean of the last `how.average` ones."""
    if how.average == 1:
        return
    if state.mean is None:
        state.mean = {name: value.copy() for name, value in state.params.items()}
        return
    share = np.float32(1 / min(state.epoch + 1, how.average))
    for name, value in state.params.items():
        state.mean[name] += share * (value - state.mean[name])


def _end_epoch(state: State, how: FitConfig, line: dict[str, float]) -> None:
    """Keep the best weights, and decide whether to go on."""
    state.history.append(line)
    score = line.get("score", np.inf)
    if score > state.best_score or score == np.inf:
        weights = state.mean or state.params
        if state.best is None:
            state.best = {name: np.empty_like(value) for name, value in weights.items()}
        for name, value in weights.items():
            state.best[name][...] = value
        state.best_epoch, state.best_score = state.epoch + 1, score
    state.epoch, state.done, state.loss, state.seen = state.epoch + 1, 0, 0.0, 0.0
    stale = how.patience and state.epoch - state.best_epoch >= how.patience
    state.finished = state.epoch >= how.epochs or bool(stale)
