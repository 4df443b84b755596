"""Training data: an encoded corpus as arrays that a network takes, and its predictions as tags again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from elman.data import ragged
from elman.data.corpus.silver import TAKEN
from elman.data.encoding.encode import SILVER
from elman.data.encoding.encoded_corpus import EncodedCorpus
from elman.data.errors import UsageError
from elman.data.text.tags import tag_set
from elman.rnn.compute.arrays import Floats, Int32
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.inference.decode import Prediction
from elman.rnn.inference.spans import TagScheme
from elman.tasks.models.tag_set import by_sentence, iob2_of, tag_scheme


@dataclass(frozen=True)
class TrainingData:
    """Arrays of a corpus for training and scoring; see tasks/training/fitting.py for what is done with them.

    Attributes:
        encoded: the corpus.
        binary: the one entity type of a yes/no model; None for all types.
        types: entity types that can be predicted.
        bags: table rows of each symbol.
        train: sequences with targets, silver ones behind those of the training split.
        silver: (n,) of these, as `rnn.training.trainer.Data` takes it; None without silver sentences.
        scheme: tag scheme of the predictions.
        class_weights: (G,) weight of each tag in the loss, (2,) of no and yes; None if all are 1.
        flags: by split, (N,) document features of each token; see `data.encoding.document_features`.
    """

    encoded: EncodedCorpus
    binary: str | None
    types: tuple[str, ...]
    bags: Bags
    train: Sequences
    silver: Floats | None
    scheme: TagScheme
    class_weights: Floats | None
    flags: Mapping[str, Int32] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        encoded: EncodedCorpus,
        binary: str | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> Self:
        """Make training data of a corpus.

        Args:
            encoded: the corpus.
            binary: the one entity type of a yes/no model.
            weights: by entity type or `O`, weight of its tokens in the loss; 1 for the others.

        Raises:
            UsageError: `binary` or a key of `weights` is not a type of the training split.
        """
        known = tuple(sorted({tag[2:] for tag in encoded.tags if tag != "O"}))
        if binary is not None and binary not in known:
            raise UsageError(
                f"expected --binary to be a type of the training split: {', '.join(known)}. Got {binary!r}."
            )
        types = known if binary is None else (binary,)
        train, silver = _with_targets(encoded, "train", binary), None
        if SILVER in encoded.splits:
            scores = encoded.splits[SILVER].keys["score"].to_numpy()
            silver = np.concatenate([np.full(len(train), -1.0), scores]).astype(np.float32)
            train = _joined(train, _with_targets(encoded, SILVER, binary))
        return cls(
            encoded=encoded,
            binary=binary,
            types=types,
            bags=Bags(encoded.bags.rows, encoded.bags.offsets, encoded.bags.unknown),
            train=train,
            silver=silver,
            scheme=tag_scheme(encoded.tags, binary is not None),
            class_weights=_class_weights(encoded, types, binary, weights or {}),
        )

    def with_flags(self, flags: Mapping[str, Int32]) -> Self:
        """The same with document features, by split."""
        of_train = np.concatenate([flags[split] for split in ("train", SILVER) if split in flags])
        return replace(self, flags=flags, train=replace(self.train, flags=of_train))

    def without_flags(self) -> Self:
        """The same without document features."""
        return replace(self, flags={}, train=replace(self.train, flags=None))

    @property
    def classes(self) -> int:
        """G; 1 for a yes/no model."""
        return 1 if self.binary else len(self.encoded.tags)

    @property
    def output(self) -> str:
        """`softmax`, or `sigmoid` for a yes/no model."""
        return "sigmoid" if self.binary else "softmax"

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of gold and predicted tag ids; other types than `binary` count as O."""
        return _tags(self.encoded, self.binary)

    def has(self, split: str) -> bool:
        """True if the corpus has labelled sentences of a split."""
        return split in self.encoded.splits

    @property
    def dev_can_score(self) -> bool:
        """True if dev has an entity that can be predicted, so that F1 can tell one epoch from another."""
        if not self.has("dev"):
            return False
        gold, known = self.gold("dev"), len(self.encoded.tags if self.binary is None else self.tags)
        return bool(((gold > 0) & (gold < known)).any())

    def sequences(self, split: str) -> Sequences:
        """A split without targets."""
        part = self.encoded.splits[split]
        return Sequences(part.tokens, part.offsets, flags=self.flags.get(split))

    def with_targets(self, split: str) -> Sequences:
        """A split with targets: classes of the network; types that training lacks keep higher numbers."""
        return replace(_with_targets(self.encoded, split, self.binary), flags=self.flags.get(split))

    def gold(self, split: str) -> np.ndarray:
        """Gold tags of a split, (N,) indices of `tags`."""
        return _gold(self.encoded, split, self.binary)

    def predicted_tags(self, prediction: Prediction) -> np.ndarray:
        """Predicted tags, (N,) indices of `tags`."""
        return prediction.tags if self.binary is None else iob2_of(prediction.tags, prediction.offsets)

    def by_sentence(self, split: str, tags: np.ndarray) -> list[list[str]]:
        """Tag ids of a split as names, a list per sentence."""
        return by_sentence(self.tags, tags, self.encoded.splits[split].offsets)


def warnings(data: TrainingData) -> list[str]:
    """Return warnings about a corpus that is trained on."""
    notes, lines = data.encoded.notes, []
    if notes.unlabelled_sentences:
        lines.append(f"{notes.unlabelled_sentences:,} sentences without labels are left out.")
    if notes.silver:
        left_out = (f"; {number:,} {use}" for use, number in notes.silver.items() if use != TAKEN)
        lines.append(f"Silver sentences: {notes.silver[TAKEN]:,} {TAKEN}{''.join(left_out)}.")
    if notes.held_out_sentences:
        lines.append(
            f"No dev split: {notes.held_out_sentences:,} training sentences are held out to judge by."
        )
    if not data.has("dev"):
        lines.append("A single sentence: nothing can be held out, so the last epoch is kept.")
    elif not data.dev_can_score:
        lines.append(
            "No entity in dev that training can teach: F1 says nothing there, so the last epoch is kept."
        )
    if notes.types_unseen_in_training:
        lines.append(f"Not in training, so never found: {', '.join(notes.types_unseen_in_training)}.")
    return lines


def _tags(encoded: EncodedCorpus, binary: str | None) -> tuple[str, ...]:
    return encoded.all_tags if binary is None else tuple(tag_set([binary]))


def _gold(encoded: EncodedCorpus, split: str, binary: str | None) -> np.ndarray:
    tags = encoded.splits[split].tags
    if binary is None:
        return tags
    names = _tags(encoded, binary)
    numbers = [names.index(tag) if tag in names else 0 for tag in encoded.all_tags]
    gold: np.ndarray = np.array(numbers, np.int32)[tags]
    return gold


def _with_targets(encoded: EncodedCorpus, split: str, binary: str | None) -> Sequences:
    part, gold = encoded.splits[split], _gold(encoded, split, binary)
    targets = gold if binary is None else (gold > 0).astype(np.int32)
    return Sequences(part.tokens, part.offsets, targets)


def _joined(first: Sequences, second: Sequences) -> Sequences:
    assert first.targets is not None
    assert second.targets is not None
    return Sequences(
        np.concatenate([first.tokens, second.tokens]),
        ragged.join([first.offsets, second.offsets]),
        np.concatenate([first.targets, second.targets]),
    )


def _class_weights(
    encoded: EncodedCorpus, types: tuple[str, ...], binary: str | None, weights: Mapping[str, float]
) -> Floats | None:
    strange = sorted(weights.keys() - {*types, "O"})
    if strange:
        raise UsageError(
            f"expected --class-weights of O or a type asked about: {', '.join(types)}. Got {strange[0]!r}."
        )
    if not weights:
        return None
    kinds = ("O", binary) if binary else [tag[2:] or "O" for tag in encoded.tags]
    return np.array([weights.get(str(kind), 1.0) for kind in kinds], np.float32)
