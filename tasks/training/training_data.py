"""An encoded corpus as the network takes it, and the network's answers as tags again."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from elman.data.encoding.encoded_corpus import EncodedCorpus
from elman.data.errors import UsageError
from elman.data.text.tags import tag_set
from elman.rnn.compute.arrays import Floats, Params
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.inference.decode import Decoder, Prediction, calibrate
from elman.rnn.inference.spans import span_f1
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.training.state import FitConfig, FitResult, State
from elman.rnn.training.trainer import NO_CALLBACKS, Callbacks, Data, Trainer
from elman.tasks.models.tag_set import by_sentence, iob2_of, tag_scheme
from elman.tasks.runtime.environment import cores

BIAS_REDUCTIONS = tuple(0.25 * step for step in range(-2, 13))  # tried for what speaks for `O`, in logarithms
OnEpoch = Callable[[dict[str, float]], None]


class TrainingData:
    """What a network learns from and is judged by.

    Attributes:
        encoded: the corpus.
        binary: the one type asked about with yes or no; None for all types.
        types: entity types that can come out.
        bags: table rows of each symbol.
        train: sequences with targets.
        scheme: how answers are decoded.
        class_weights: (G,) weight of each tag in the loss, (2,) of no and yes; None where all are 1.
    """

    def __init__(
        self, encoded: EncodedCorpus, binary: str | None = None, weights: Mapping[str, float] | None = None
    ) -> None:
        """Make a corpus ready to learn from.

        Args:
            encoded: the corpus.
            binary: the one type to ask about.
            weights: by entity type or `O`, how much a token of it weighs in the loss; 1 for the others.

        Raises:
            UsageError: `binary` or a key of `weights` is not a type of the training split.
        """
        learned = tuple(sorted({tag[2:] for tag in encoded.tags if tag != "O"}))
        if binary is not None and binary not in learned:
            raise UsageError(
                f"expected --binary to be a type of the training split: {', '.join(learned)}. Got {binary!r}."
            )
        self.encoded, self.binary = encoded, binary
        self.types = learned if binary is None else (binary,)
        self.bags = Bags(encoded.bags.rows, encoded.bags.offsets, encoded.bags.unknown)
        self.scheme = tag_scheme(encoded.tags, binary is not None)
        self.train = self._answered("train")
        self.class_weights = self._class_weights(weights or {})

    @property
    def classes(self) -> int:
        """G; 1 for a yes/no answer."""
        return 1 if self.binary else len(self.encoded.tags)

    @property
    def output(self) -> str:
        """`softmax`, or `sigmoid` for a yes/no answer."""
        return "sigmoid" if self.binary else "softmax"

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of gold and predicted tag ids; types that are not asked about count as O."""
        return self.encoded.all_tags if self.binary is None else tuple(tag_set([self.binary]))

    def _class_weights(self, weights: Mapping[str, float]) -> Floats | None:
        strange = sorted(weights.keys() - {*self.types, "O"})
        if strange:
            raise UsageError(
                f"expected --class-weights of O or a type asked about: {', '.join(self.types)}. "
                f"Got {strange[0]!r}."
            )
        if not weights:
            return None
        kinds = ("O", self.binary) if self.binary else [tag[2:] or "O" for tag in self.encoded.tags]
        return np.array([weights.get(str(kind), 1.0) for kind in kinds], np.float32)

    def has(self, split: str) -> bool:
        """Whether the corpus has labelled sentences of a split."""
        return split in self.encoded.splits

    @property
    def judged(self) -> bool:
        """Whether dev has an entity that can be found, so that F1 can tell one epoch from another."""
        if not self.has("dev"):
            return False
        gold, known = self.gold("dev"), len(self.encoded.tags if self.binary is None else self.tags)
        return bool(((gold > 0) & (gold < known)).any())

    def sequences(self, split: str) -> Sequences:
        """A split without its answers."""
        part = self.encoded.splits[split]
        return Sequences(part.tokens, part.offsets)

    def _answered(self, split: str) -> Sequences:
        """A split with its answers as classes of the network; types it cannot say stay as they are."""
        part = self.encoded.splits[split]
        targets = part.tags if self.binary is None else (self._gold(part.tags) > 0).astype(np.int32)
        return Sequences(part.tokens, part.offsets, targets)

    def _gold(self, tags: np.ndarray) -> np.ndarray:
        if self.binary is None:
            return tags
        names = self.tags
        numbers = [names.index(tag) if tag in names else 0 for tag in self.encoded.all_tags]
        gold: np.ndarray = np.array(numbers, np.int32)[tags]
        return gold

    def gold(self, split: str) -> np.ndarray:
        """The right tags of a split, (N,) indices of `tags`."""
        return self._gold(self.encoded.splits[split].tags)

    def said(self, prediction: Prediction) -> np.ndarray:
        """The predicted tags, (N,) indices of `tags`."""
        return prediction.tags if self.binary is None else iob2_of(prediction.tags, prediction.offsets)

    def by_sentence(self, split: str, tags: np.ndarray) -> list[list[str]]:
        """Tag ids of a split as names, a list a sentence."""
        return by_sentence(self.tags, tags, self.encoded.splits[split].offsets)

    def judge(self, split: str) -> Callable[[Prediction], float]:
        """F1 of predictions of a split, for once an epoch."""
        score = span_f1(self.gold(split), self.encoded.splits[split].offsets, tag_scheme(self.tags, False))
        return lambda prediction: score(self.said(prediction))

    def fit(
        self,
        config: Architecture,
        how: FitConfig,
        seed: int,
        callbacks: Callbacks = NO_CALLBACKS,
        state: State | None = None,
        start: Params | None = None,
    ) -> FitResult:
        """Train on the training split, stopping early by F1 on dev where that can tell."""
        judged = self.judged
        members = config.members if isinstance(config, EnsembleConfig) else 1
        dev = (self.sequences("dev"), self.judge("dev")) if judged else (None, None)
        trainer = Trainer(
            config,
            how,
            Data(self.bags, self.train, *dev),
            scheme=self.scheme,
            class_weights=self.class_weights,
            seed=seed,
            workers=min(how.parts * members, cores()),
        )
        return trainer.run(callbacks, state or trainer.first_state(start))

    def tune_outside_bias(self, result: FitResult, config: Architecture) -> tuple[FitResult, float]:
        """Make a trained network as ready to see entities as is best on dev.

        Training looks for likely tags, not for F1: where entities are rare, too few are found. So what
        speaks for `O` is lowered by that one of EAGERNESS whose F1 on dev, in the mean with its two
        neighbours, is highest; the smallest of equals.

        Returns:
            the result with the weights so changed and the F1 they reach, and by how much; 0 where dev cannot
            tell.
        """
        if not self.judged:
            return result, 0.0
        judge = self.judge("dev")

        def changed(less: float) -> Params:
            sign = 1 if config.classes == 1 else -1
            params = dict(result.params)
            for name, value in result.params.items():
                if name.endswith("head.by"):
                    params[name] = value.copy()
                    params[name][..., 0] += sign * np.float32(less)
            return params

        scores = [judge(self.predict(changed(less), config, "dev")) for less in BIAS_REDUCTIONS]
        smooth = np.convolve([scores[0], *scores, scores[-1]], np.full(3, 1 / 3), "valid")
        near = np.argsort(np.abs(BIAS_REDUCTIONS), kind="stable")
        best = int(near[np.argmax(np.round(smooth[near], 9))])
        if not BIAS_REDUCTIONS[best]:
            return result, 0.0
        return replace(
            result, params=changed(BIAS_REDUCTIONS[best]), best_score=scores[best]
        ), BIAS_REDUCTIONS[best]

    def temperature(self, params: Params, config: Architecture) -> float:
        """What makes probabilities true on dev: of entities said with 0.8, four in five are right.

        Sentences of dev with a type that training never showed are left out; without others it is 1.
        """
        if not self.has("dev"):
            return 1.0
        dev = self._answered("dev")
        assert dev.targets is not None
        number = np.repeat(np.arange(len(dev)), dev.lengths)
        strange = np.bincount(number, dev.targets >= max(self.classes, 2), len(dev)) > 0
        known = np.repeat(~strange, dev.lengths)
        if not known.any():
            return 1.0
        offsets = np.concatenate([[0], np.cumsum(dev.lengths[~strange])])
        return calibrate(
            config, params, self.bags, Sequences(dev.tokens[known], offsets, dev.targets[known]), self.scheme
        )

    def predict(self, params: Params, config: Architecture, split: str) -> Prediction:
        """Tag a split."""
        return Decoder(config, params, self.scheme).tag(self.bags, self.sequences(split))
