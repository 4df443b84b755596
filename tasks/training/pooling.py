"""Pooling within documents, learnt on dev: the unit, the weights of the evidence, whether it is of use."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.store.dataset import Dataset
from elman.rnn.compute.arrays import Floats, Int64, Params
from elman.rnn.compute.batches import pack
from elman.rnn.inference.decode import Decoder, Prediction
from elman.rnn.inference.pooling import (
    FirstPass,
    PooledDecoder,
    PoolingWeights,
    evidence,
)
from elman.rnn.layers import crf
from elman.rnn.networks.architecture import Architecture
from elman.tasks.documents.pooling import DocumentPooling
from elman.tasks.training.documents import kinds_of, occurrences_of, units_of, windows
from elman.tasks.training.fitting import calibrate, known_sentences, scorer
from elman.tasks.training.training_data import TrainingData

LEAST_UNITS = 5  # of dev; of fewer nothing is learnt
FOLDS = 5  # of the units of dev: each is judged with weights learnt on the others
_MOST_WRONG = 0.45  # evidence
_STEPS = 20  # of the search for the likeliest weights


@dataclass(frozen=True, eq=False)
class PooledTagger:
    """A trained network that pools words within documents, and the words of the corpus it is trained on.

    Attributes:
        data: the corpus.
        corpus: its dataset, which has the words as they are written.
        decoder: of the network.
        pooling: unit and weights.
    """

    data: TrainingData
    corpus: Dataset
    decoder: Decoder
    pooling: DocumentPooling

    @cached_property
    def pooled(self) -> PooledDecoder:
        """Decoder of units."""
        return PooledDecoder(self.decoder, self.pooling.weights)

    def emissions(self, split: str) -> Floats:
        """Log weights of the tags of a split with the evidence in them, (N, G)."""
        first = self.pooled.first_pass(self.data.bags, self.data.sequences(split))
        found = occurrences_of(self.data, self.corpus, split, self.pooling.window)
        return self.pooled.add(first.emissions, evidence(first.posterior, found, self.pooling.weights))

    def predict(self, split: str, temperature: float = 1.0) -> Prediction:
        """Tags of a split, with probabilities and entities."""
        decoder = Decoder(
            self.decoder.architecture, self.decoder.params, self.data.scheme, temperature=temperature
        )
        pooled = PooledDecoder(decoder, self.pooling.weights)
        return pooled.decode(self.emissions(split), self.data.encoded.splits[split].offsets)


def wrong_evidence(data: TrainingData, corpus: Dataset, window: int) -> tuple[float, float]:
    """Floors of `PoolingWeights` for equal words and for definitions, by the labels of the training split.

    Evidence is wrong where the labels of two occurrences in a unit differ, or of a word and of the one that
    explains it; counted are pairs of which one is in an entity.
    """
    found, kind = occurrences_of(data, corpus, "train", window), kinds_of(data)[data.gold("train")]
    frame = pl.DataFrame({"unit": ragged.rows_of(found.units), "word": found.words, "kind": kind})
    frame = (
        frame.filter(pl.col("word") >= 0).group_by("unit", "word", "kind").agg(n=pl.len().cast(pl.Float64))
    )
    n, square, named = pl.col("n").sum(), (pl.col("n") ** 2).sum(), pl.col("n").filter(pl.col("kind") >= 0)
    pairs = frame.group_by("unit", "word").agg(
        unequal=(n**2 - square) / 2, equal=(named * (named - 1)).sum() / 2
    )
    at = np.flatnonzero(found.defined)
    explained = pl.DataFrame(
        {"unit": ragged.rows_of(found.units)[at], "word": found.words[at], "meant": kind[at - 2]}
    ).join(frame, on=["unit", "word"])
    unequal = explained.filter(pl.col("meant") != pl.col("kind"))["n"].sum()
    equal = explained.filter(pl.col("meant") == pl.col("kind"), pl.col("kind") >= 0)["n"].sum()
    of_words = _floor(float(pairs["unequal"].sum()), float(pairs["equal"].sum()))
    return of_words, _floor(float(unequal), float(equal))


def _floor(unequal: float, equal: float) -> float:
    wrong = min((unequal + 1) / (unequal + equal + 2), _MOST_WRONG)
    return round(wrong / (1 - 2 * wrong), 6)


def learn_pooling(
    data: TrainingData,
    corpus: Dataset,
    network: Architecture,
    params: Params,
    window: int | None = None,
) -> tuple[PooledTagger | None, str]:
    """Learn the pooling of a trained network on dev.

    Weights are those of the highest likelihood of the right tags of dev. They are kept if both likelihood and
    F1 of dev rise when each fold of its units is decoded with the weights learnt on the others.

    Args:
        data: the corpus.
        corpus: its dataset.
        network: of the model.
        params: its weights.
        window: sentences of a unit; None: found out.

    Returns:
        the tagger that pools, or None; and a line for the user that says why.
    """
    if not data.dev_can_score or data.encoded.features.reach:
        return None, "none: words cannot be pooled here"
    tried = windows(data, corpus) if window is None else (window,)
    if not tried:
        return None, "none: neighbouring sentences do not belong together"
    weights = PoolingWeights(1.0, 1.0, temperature=calibrate(data, network, params))
    decoder = PooledDecoder(Decoder(network, params, data.scheme), weights)
    first = decoder.first_pass(data.bags, data.sequences("dev"))
    trials = [_Trial.of(data, corpus, decoder, first, one) for one in tried]
    usable = [trial for trial in trials if trial.units >= LEAST_UNITS]
    if not usable:
        return None, f"none: dev has fewer than {LEAST_UNITS} units"
    best = min(usable, key=lambda trial: trial.fitted_loss)
    loss, score = best.held_out
    if not (loss < best.loss and score > best.score):
        return None, f"none: no gain on dev (F1 {best.score:.4f} to {score:.4f})"
    pooling = DocumentPooling(window=best.window, weights=best.fitted)
    told = f"{best.window} sentences (F1 on dev by folds {best.score:.4f} to {score:.4f})"
    return PooledTagger(data, corpus, Decoder(network, params, data.scheme), pooling), told


@dataclass(frozen=True, eq=False)
class _Trial:
    """Units of one size on dev.

    Attributes:
        window: sentences of a unit.
        decoder: of the network, with the temperature of the posteriors.
        emissions: (N, G)
        features: (2, N, K), evidence of weight 1 of each sort.
        unit: (n,) of each sentence.
        known: (n,) true for sentences whose types training has.
    """

    data: TrainingData
    window: int
    decoder: PooledDecoder
    emissions: Floats
    features: Floats
    unit: Int64
    known: np.ndarray

    @classmethod
    def of(
        cls, data: TrainingData, corpus: Dataset, decoder: PooledDecoder, first: FirstPass, window: int
    ) -> "_Trial":
        equal, definition = wrong_evidence(data, corpus, window)
        start = decoder.weights._replace(equal_floor=equal, definition_floor=definition)
        found = occurrences_of(data, corpus, "dev", window)
        each = (start._replace(definition=0.0), start._replace(equal=0.0))
        features = [evidence(first.posterior, found, one) for one in each]
        unit = units_of(data.encoded.splits["dev"].keys, window)
        of_window = PooledDecoder(decoder.decoder, start)
        return cls(data, window, of_window, first.emissions, np.stack(features), unit, known_sentences(data))

    @property
    def units(self) -> int:
        """Number of units."""
        return int(self.unit[-1]) + 1

    @cached_property
    def loss(self) -> float:
        """Negative log likelihood of dev without evidence."""
        return self._loss(np.zeros(2), np.arange(self.units))[0]

    @cached_property
    def fitted(self) -> PoolingWeights:
        """Weights learnt on all of dev."""
        return self.weights(np.arange(self.units))

    @property
    def fitted_loss(self) -> float:
        """Negative log likelihood of dev with these weights."""
        return self._loss(np.array(self.fitted[:2]), np.arange(self.units))[0]

    @cached_property
    def score(self) -> float:
        """F1 of dev without evidence."""
        return self._score(np.zeros_like(self.features[0]))

    @cached_property
    def held_out(self) -> tuple[float, float]:
        """Negative log likelihood and F1 of dev, each fold with the weights learnt on the others."""
        fold = np.arange(self.units) % FOLDS
        loss, added = 0.0, np.zeros_like(self.features[0])
        lengths = self.data.sequences("dev").lengths
        for number in range(FOLDS):
            mine = np.flatnonzero(fold == number)
            weights = self.weights(np.flatnonzero(fold != number))
            chosen = np.array(weights[:2])
            loss += self._loss(chosen, mine)[0]
            rows = np.repeat(np.isin(self.unit, mine), lengths)
            added[rows] = np.einsum("f,fnk->nk", chosen, self.features[:, rows])
        return loss, self._score(added)

    def weights(self, units: np.ndarray) -> PoolingWeights:
        """Weights of the highest likelihood of some units; their step of search is that of L-BFGS-B."""
        from scipy.optimize import minimize

        found = minimize(
            self._loss_of(units),
            np.full(2, 0.1),
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, self.decoder.weights.temperature)] * 2,  # then evidence stands for the word's own
            options={"maxiter": _STEPS},
        )
        equal, definition = (round(float(value), 6) for value in found.x)
        return self.decoder.weights._replace(equal=equal, definition=definition)

    def _loss(self, weights: np.ndarray, units: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log likelihood of the right tags of some units, and its gradient by the two weights."""
        return self._loss_of(units)(weights)

    def _loss_of(self, units: np.ndarray) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        """`_loss` as a function of the weights."""
        chosen = np.flatnonzero(np.isin(self.unit, units) & self.known)
        if not len(chosen):
            return lambda weights: (0.0, np.zeros(2))
        dev = self.data.with_targets("dev")
        assert dev.targets is not None
        batch = pack(dev, chosen)
        rows, cold = batch.places, 1 / self.decoder.weights.temperature
        targets, emissions, features = dev.targets[rows], self.emissions[rows], self.features[:, rows]
        cooled = crf.Weights(*(w * cold for w in self.decoder.decoder.weights))

        def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
            added = np.einsum("f,fnk->nk", weights, features)
            scaled = (self.decoder.add(emissions, added) * cold).astype(np.float32, order="C")
            total, gradient, _ = crf.negative_log_likelihood(scaled, batch.starts, targets, cooled)
            by_kind = np.stack([gradient[:, self.decoder.kind == k].sum(axis=1) for k in self._kinds], axis=1)
            return total, cold * np.einsum("fnk,nk->f", features, by_kind, dtype=np.float64)

        return loss

    @property
    def _kinds(self) -> range:
        return range(self.features.shape[2])

    def _score(self, added: Floats) -> float:
        offsets = self.data.encoded.splits["dev"].offsets
        emissions = self.decoder.add(self.emissions, added)
        return scorer(self.data, "dev")(self.decoder.decode(emissions, offsets))
