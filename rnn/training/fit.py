"""Training: shuffled packed batches, lazy Adam, early stopping on a score, averaging, resuming.

All chance comes from generators seeded by (seed, epoch, step), so a state needs to carry no generator.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Gradients, Params
from elman.rnn.compute.batches import Bags, Sequences, pack, shuffled
from elman.rnn.compute.threads import single_threaded
from elman.rnn.errors import TrainingError
from elman.rnn.inference.decode import Prediction, predict
from elman.rnn.layers import crf
from elman.rnn.networks.architecture import Architecture, Noise, init
from elman.rnn.networks.ensemble import members_of
from elman.rnn.networks.language_model import started
from elman.rnn.training.losses import combined, loss_and_gradients
from elman.rnn.training.optimiser import Adam, clip
from elman.rnn.training.state import FitConfig, FitResult, State


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
        start: what was learnt from unlabelled sequences, see rnn/networks/language_model.py; without it
            first weights are random.
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
            for before, network, own in members_of(config, params):
                begun = started(own, network, start)
                params |= {f"{before}{name}": value for name, value in begun.items()}
        state = State(params, Adam.of(params))
    legal = crf.Weights.legal(max(config.classes, 2), start_legal, transition_legal)
    if config.output == "crf":
        _check_legal(train, config.outputs_per_step, legal)
    judge = score if dev is not None and len(dev) else None
    with single_threaded(), ThreadPoolExecutor(workers) if workers > 1 else nullcontext() as pool:
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
    all_learn = members_of(config, state.params)
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
    for before, network, own in members_of(config, state.mean or state.params):
        loss, _, _ = loss_and_gradients(
            network, own, bags, batch, train, legal=legal, class_weights=class_weights
        )
        _check_loss(loss, state.adam.step, before)


def _check_loss(loss: float, step: int, before: str) -> None:
    if not np.isfinite(loss):
        raise TrainingError(
            f"the loss is {loss}. Lower the learning rate.", step=step, layer=f"{before}loss", norm=loss
        )


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
