"""Fitting of a network to training data: training, tuning of the outside bias, calibration, prediction."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Params
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.decode import Decoder, Prediction, calibrate_emissions, crf_weights
from elman.rnn.inference.decode import calibrate as calibrate_on
from elman.rnn.inference.spans import span_f1
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.growth import EarlierNetwork
from elman.rnn.training.state import FitConfig, FitResult, State
from elman.rnn.training.trainer import NO_CALLBACKS, Callbacks, Data, Trainer
from elman.tasks.models.tag_set import tag_scheme
from elman.tasks.runtime.environment import cores
from elman.tasks.training.failures import training_failures
from elman.tasks.training.training_data import TrainingData

BIAS_REDUCTIONS = tuple(0.25 * step for step in range(-2, 13))  # of the logit of `O`, tried on dev


def fit(
    data: TrainingData,
    network: Architecture,
    how: FitConfig,
    seed: int,
    callbacks: Callbacks = NO_CALLBACKS,
    start: State | Params | EarlierNetwork | None = None,
    workers: int | None = None,
) -> FitResult:
    """Train a network on the training split, with early stopping by F1 on dev where dev can score.

    Args:
        data: the corpus.
        network: configuration.
        how: settings of the training.
        seed: of all random draws.
        callbacks: called after each epoch and each update.
        start: state to continue from, pre-trained parameters, or a trained network to begin from; without,
            first weights of the seed.
        workers: threads at most; all cores by default. The weights do not depend on it.

    Raises:
        BadInput: the loss or a gradient is not finite.
    """
    members = network.members if isinstance(network, EnsembleConfig) else 1
    dev, score = (data.sequences("dev"), scorer(data, "dev")) if data.dev_can_score else (None, None)
    trainer = Trainer(
        network,
        how,
        Data(data.bags, data.train, dev, score, data.silver),
        scheme=data.scheme,
        class_weights=data.class_weights,
        seed=seed,
        workers=min(how.parts * members, workers or cores()),
    )
    with training_failures():
        return trainer.run(callbacks, start if isinstance(start, State) else trainer.first_state(start))


def scorer(data: TrainingData, split: str) -> Callable[[Prediction], float]:
    """A function from predictions of a split to F1, fast enough for every epoch."""
    score = span_f1(data.gold(split), data.encoded.splits[split].offsets, tag_scheme(data.tags, False))
    return lambda prediction: score(data.predicted_tags(prediction))


def predict(data: TrainingData, network: Architecture, params: Params, split: str) -> Prediction:
    """Tag a split."""
    return Decoder(network, params, data.scheme).tag(data.bags, data.sequences(split))


def tune_outside_bias(
    data: TrainingData, network: Architecture, result: FitResult
) -> tuple[FitResult, float]:
    """Tune the bias of `O` for F1 on dev.

    Training maximises the likelihood of tags, not F1: where entities are rare, too few are predicted. The
    bias is lowered by the one of BIAS_REDUCTIONS with the highest F1 on dev, in the mean with its two
    neighbours; the smallest of equals.

    Returns:
        the result with the new weights and their F1, and the reduction; 0 if dev cannot score.
    """
    if not data.dev_can_score:
        return result, 0.0
    score = scorer(data, "dev")

    def reduced(by: float) -> Params:
        sign = 1 if network.classes == 1 else -1
        params = dict(result.params)
        for name, value in result.params.items():
            if name.endswith("head.by"):
                params[name] = value.copy()
                params[name][..., 0] += sign * np.float32(by)
        return params

    decoder, dev = Decoder(network, result.params, data.scheme), data.sequences("dev")
    batches = list(decoder.emissions(data.bags, dev))  # of all reductions: only the column of `O` differs

    def tags(by: float) -> Prediction:
        best = np.empty(len(dev.tokens), np.int32)
        for batch in batches:
            weights = batch.weights.copy()
            weights[:, 0] -= weights.dtype.type(by)
            best[batch.places] = decoder.best_tags(batch._replace(weights=weights))
        return Prediction(best, dev.offsets)

    with single_threaded():
        scores = [score(tags(by)) for by in BIAS_REDUCTIONS]
    smooth = np.convolve([scores[0], *scores, scores[-1]], np.full(3, 1 / 3), "valid")
    near = np.argsort(np.abs(BIAS_REDUCTIONS), kind="stable")
    best = int(near[np.argmax(np.round(smooth[near], 9))])
    reduction = BIAS_REDUCTIONS[best]
    if not reduction:
        return result, 0.0
    return replace(result, params=reduced(reduction), best_score=scores[best]), reduction


def known_sentences(data: TrainingData) -> Bools:
    """(n,) true for the sentences of dev without a type that training lacks."""
    dev = data.with_targets("dev")
    assert dev.targets is not None
    number = np.repeat(np.arange(len(dev)), dev.lengths)
    strange = np.bincount(number, dev.targets >= max(data.classes, 2), len(dev)) > 0
    known: Bools = ~strange
    return known


def calibrate(
    data: TrainingData, network: Architecture, params: Params, emissions: Floats | None = None
) -> float:
    """Fit the temperature on dev, so that of entities with probability 0.8 four in five are right.

    Sentences of dev with a type that training lacks are left out; without others the temperature is 1.

    Args:
        data: the corpus.
        network: configuration.
        params: weights.
        emissions: (N, G) log weights of the tags of dev, if they are not those of the network alone.
    """
    if not data.has("dev"):
        return 1.0
    dev, sentences = data.with_targets("dev"), known_sentences(data)
    assert dev.targets is not None
    known = np.repeat(sentences, dev.lengths)
    if not known.any():
        return 1.0
    sequences = dev.take(np.flatnonzero(sentences))
    if emissions is None:
        return calibrate_on(network, params, data.bags, sequences, data.scheme)
    return calibrate_emissions(emissions[known], sequences, crf_weights(network, params, data.scheme))
