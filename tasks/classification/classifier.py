"""A classifier at work: documents or sequences in, the probability of each class out."""

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from elman.data.encoding.features import Features
from elman.data.encoding.word_cache import DEFAULT_WORDS, WordCache
from elman.data.errors import IntegrityError, UsageError
from elman.data.genome.spooled_sequence import SequenceFile
from elman.data.text.string_table import INPUT_CACHE_BYTES
from elman.data.text.strings import Strings
from elman.data.text.tokenizer import Tokenizer
from elman.rnn.compute.arrays import Floats, Params
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.inference.classify import classify, joined, probabilities
from elman.rnn.inference.input_cache import InputCache, KeyedCache
from elman.rnn.inference.prepared import prepare
from elman.rnn.networks.classifier import ClassifierConfig
from elman.rnn.networks.weights import from_bytes
from elman.tasks.classification.hexamers import STEP, Hexamers, joined_bags
from elman.tasks.models import model_folder
from elman.tasks.models.passport import ClassifierPassport

AT_ONCE = 1 << 18  # bases whose hexamers are held at a time, about


@dataclass(frozen=True)
class Classifier:
    """A model that classifies documents or DNA.

    Attributes:
        version: what classified rows name as their model.
        labels: classes, by code point.
        kept: words in the table of a thread.
        cache_bytes: of the first-layer inputs kept of these words.
    """

    version: str
    passport: ClassifierPassport
    labels: tuple[str, ...]
    config: ClassifierConfig
    params: Params
    symbols: Features | Hexamers
    kept: int = DEFAULT_WORDS
    cache_bytes: int = INPUT_CACHE_BYTES

    @classmethod
    def read(cls, folder: Path) -> "Classifier":
        """Read a model folder.

        Raises:
            BadInput: a model of another kind.
            IntegrityError: its files do not belong together.
        """
        return cls.of(model_folder.read(folder))

    @classmethod
    def of(
        cls, loaded: model_folder.Model, kept: int = DEFAULT_WORDS, cache_bytes: int = INPUT_CACHE_BYTES
    ) -> "Classifier":
        """The model of a folder that has been read, with tables of this size."""
        passport = loaded.of_classification
        try:
            params, config, _ = from_bytes(loaded.files[model_folder.WEIGHTS])
            value = json.loads(loaded.files[model_folder.VOCABULARY][:])
            symbols = (Features if passport.family == "text" else Hexamers).from_json(value)
        except (ValueError, KeyError) as error:
            raise IntegrityError(f"{loaded.folder}: {error}") from None
        if symbols.sha256 != passport.vocabulary or config.to_dict() != dict(passport.network):
            raise IntegrityError(
                f"{loaded.folder}: expected the vocabulary and network of its passport. Got others."
            )
        labels = tuple(passport.labels)
        return cls(loaded.version, passport, labels, config, params, symbols, kept, cache_bytes)

    @property
    def piece(self) -> int:
        """Steps of a piece: what the network sees at a time."""
        return self.passport.piece

    @property
    def tokenizer(self) -> Tokenizer:
        """Cuts raw text as the training text was cut."""
        return Tokenizer.from_json(self.passport.tokenizer)

    @cached_property
    def _words(self) -> WordCache:
        assert isinstance(self.symbols, Features)
        return WordCache(self.symbols, self.kept)

    @cached_property
    def _own(self) -> threading.local:
        return threading.local()

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrated probabilities (n, G) of logits (n, G) of documents."""
        return probabilities(logits, self.passport.temperature)

    def text_logits(
        self, words: Strings, sentences: np.ndarray, chosen: np.ndarray, pieces: np.ndarray
    ) -> tuple[Floats, int]:
        """Logits of pieces of text.

        Args:
            words: (N,) tokens of all sentences.
            sentences: (n + 1,) ragged offsets of these.
            chosen: (M,) numbers of the tokens that pieces are made of.
            pieces: (p + 1,) ragged offsets of the pieces in `chosen`.

        Returns:
            (p, G), and how many of the chosen tokens the vocabulary of words does not have.
        """
        assert isinstance(self.symbols, Features)
        numbers, looked, names = self._words.bags(words, sentences)
        bags = Bags(looked.rows, looked.offsets, looked.unknown)
        cache = None
        if names is not None:
            if not hasattr(self._own, "inputs"):
                made = prepare(self.config, self.params)
                self._own.inputs = made and InputCache.within(made, self.cache_bytes, self.kept)
            cache = self._own.inputs and KeyedCache(self._own.inputs, *names)
        unknown = int(self.symbols.unknown(looked)[numbers[chosen]].sum())
        sequences = Sequences(numbers[chosen].astype(np.int32), pieces)
        return classify(self.config, self.params, bags, sequences, cache), unknown

    def dna_logits(self, sequences: Iterable[str | SequenceFile]) -> Floats:
        """Logits (n, G) of sequences of one base or more, each cut into pieces; memory does not grow."""
        assert isinstance(self.symbols, Hexamers)
        parts = list[Floats]()
        for bases in sequences:
            sums, steps = np.zeros(len(self.labels)), 0
            most = max(AT_ONCE // self.passport.bases, 1) * self.passport.bases
            for at in range(0, len(bases), most):
                some = bases[at : at + most]
                pieces = range(0, len(some), self.passport.bases)
                bags = [self.symbols.bags(some[first : first + self.passport.bases]) for first in pieces]
                lengths = np.array([len(own) for own in bags])
                tokens = np.arange(lengths.sum(), dtype=np.int32)
                found = classify(
                    self.config, self.params, joined_bags(bags), Sequences(tokens, offsets_of(lengths))
                )
                sums += (found * lengths[:, None]).sum(axis=0, dtype=np.float64)
                steps += int(lengths.sum())
            parts.append(sums / max(steps, 1))
        return np.stack(parts) if parts else np.empty((0, len(self.labels)))

    def classify_texts(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """The likeliest class of each text and its probability; of DNA, of each sequence.

        Raises:
            UsageError: as `logits`.
        """
        p = self.probabilities(self.logits(texts))
        return [(self.labels[best], float(row[best])) for row, best in zip(p, p.argmax(axis=1), strict=True)]

    def logits(self, texts: Sequence[str]) -> Floats:
        """Logits (n, G) of texts; of DNA, of sequences, whose white space is removed.

        Raises:
            UsageError: a text without a token, or a sequence without a base.
        """
        if isinstance(self.symbols, Hexamers):
            sequences = ["".join(text.split()) for text in texts]
            _check_filled(list(map(len, sequences)))
            return self.dna_logits(sequences)
        tokenizer, logits = self.tokenizer, list[Floats]()
        for text in texts:
            cut = list(tokenizer.sentences(text))
            starts = np.array([start for _, _, own, _ in cut for start in own], np.int64)
            ends = np.array([end for _, _, _, own in cut for end in own], np.int64)
            _check_filled([len(starts)])
            sentences = offsets_of([len(s[2]) for s in cut])
            pieces = np.append(np.arange(0, len(starts), self.piece), len(starts))
            words = Strings.from_text(text, starts, ends)
            found, _ = self.text_logits(words, sentences, np.arange(len(starts)), pieces)
            logits.append(joined(found, pieces, np.zeros(len(found), np.int64), 1)[0])
        return np.stack(logits) if logits else np.empty((0, len(self.labels)))


def steps_of_bases(bases: int) -> int:
    """Time steps of so many bases."""
    return -(-bases // STEP)


def _check_filled(sizes: Sequence[int]) -> None:
    if 0 in sizes:
        raise UsageError("expected a visible character in every text. Got none.")
