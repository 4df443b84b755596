"""A text model at work: tokens or raw text in; tags, and entities with their probabilities, out."""

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.encoding.document_features import DocumentFeatures
from elman.data.encoding.features import Bags as Looked
from elman.data.encoding.features import Features
from elman.data.encoding.word_cache import DEFAULT_WORDS, CacheSlots, WordCache, equal_sentences
from elman.data.metrics.calibration import EntityScaling
from elman.data.text.string_table import INPUT_CACHE_BYTES
from elman.data.text.strings import Strings
from elman.data.text.tags import tag_set
from elman.data.text.tokenizer import Tokenizer
from elman.rnn.compute.arrays import Params
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.inference.decode import Decoder, Prediction
from elman.rnn.inference.input_cache import InputCache, KeyedCache
from elman.rnn.inference.pooling import Occurrences, PooledDecoder
from elman.rnn.inference.spans import Spans
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.weights import from_bytes
from elman.tasks.documents.pooling import DocumentPooling, occurrences, unit_numbers
from elman.tasks.models.model_folder import VOCABULARY, WEIGHTS, Model, read
from elman.tasks.models.passport import TextPassport
from elman.tasks.models.tag_set import iob2_of, tag_scheme

CHUNK = 1 << 20  # tokens whose features are looked up at a time


class Entity(NamedTuple):
    """An entity of a sentence, by its tokens (0-based half-open), or of a text, by its characters."""

    start: int
    end: int
    type: str
    probability: float


class Sentence(NamedTuple):
    """A tagged sentence: an IOB2 tag and its probability for each token, and the entities."""

    tags: list[str]
    probabilities: list[float]
    entities: list[Entity]


@dataclass(frozen=True)
class Tagged:
    """Many tagged sentences, flat.

    Attributes:
        tags: (N,) int32, index of `Tagger.tags`, IOB2.
        probability: (N,) float32, of each token's tag.
        spans: entities; sequence is the number of the sentence, start and end its tokens, kind an index of
            `Tagger.types`.
        unknown: tokens that the vocabulary of words does not have.
    """

    tags: np.ndarray
    probability: np.ndarray
    spans: Spans
    unknown: int

    def above(self, thresholds: np.ndarray, offsets: np.ndarray) -> Self:
        """Without the entities below their type's threshold, whose tokens become O, of probability NaN.

        Args:
            thresholds: by type.
            offsets: (n + 1,) of the sentences.
        """
        spans = self.spans
        assert spans.probability is not None
        kept = spans.probability >= thresholds[spans.kind]
        first = (offsets[spans.sequence] + spans.start)[~kept]
        tokens = ragged.offsets_of((spans.end - spans.start)[~kept])
        rows = ragged.spread(first, tokens) + ragged.positions_of(tokens)
        tags, probability = self.tags.copy(), self.probability.copy()
        tags[rows], probability[rows] = 0, np.nan
        left = Spans(
            sequence=spans.sequence[kept],
            start=spans.start[kept],
            end=spans.end[kept],
            kind=spans.kind[kept],
            probability=spans.probability[kept],
        )
        return replace(self, tags=tags, probability=probability, spans=left)


@dataclass(frozen=True)
class Tagger:
    """A model that tags text.

    Attributes:
        version: what tagged rows name as their model.
        passport: where the model came from.
        types: entity types, by code point.
        tags: IOB2 tags, `O` first.
        tokenizer: cuts raw text as the training text was cut.
    """

    version: str
    passport: TextPassport
    types: tuple[str, ...]
    tags: tuple[str, ...]
    tokenizer: Tokenizer
    features: Features
    params: Params
    network: Architecture
    kept: int = DEFAULT_WORDS  # words in the table of each thread
    rows: int = INPUT_CACHE_BYTES  # bytes of the rows kept of these words, in each thread

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a model folder.

        Raises:
            BadInput, IntegrityError: as `tasks.models.model_folder.read`.
        """
        return cls.of(read(folder))

    @classmethod
    def of(cls, model: Model, kept: int = DEFAULT_WORDS, rows: int = INPUT_CACHE_BYTES) -> Self:
        """A tagger from a model folder whose files have been checked, with tables of this size."""
        passport = model.of_text
        features = Features.from_json(json.loads(model.files[VOCABULARY][:]))
        params, network, _ = from_bytes(model.files[WEIGHTS])
        types = tuple(passport.types)
        return cls(
            version=model.version,
            passport=passport,
            types=types,
            tags=tuple(tag_set(types)),
            tokenizer=Tokenizer.from_json(passport.tokenizer),
            features=features,
            params=params,
            network=network,
            kept=kept,
            rows=rows,
        )

    @property
    def binary(self) -> bool:
        """True if the network answers yes or no for one type."""
        return self.network.output == "sigmoid"

    @cached_property
    def _words(self) -> WordCache:
        return WordCache(self.features, self.kept)

    @cached_property
    def _decoder(self) -> Decoder:
        scheme = tag_scheme(self.tags, self.binary, loose=not self.passport.exact_start)
        return Decoder(self.network, self.params, scheme, temperature=self.passport.temperature)

    @cached_property
    def pooling(self) -> DocumentPooling | None:
        """Settings of pooling within a document; None if each sentence is tagged by itself."""
        return DocumentPooling.from_json(self.passport.pooling)

    @cached_property
    def _pooled(self) -> PooledDecoder | None:
        return None if self.pooling is None else PooledDecoder(self._decoder, self.pooling.weights)

    def units(self, document: np.ndarray, number: np.ndarray) -> np.ndarray | None:
        """Unit of each sentence (n,), as `tag_flat` takes it; None if it is of no matter to this model.

        Args:
            document: (n,) the same for all sentences of a document, which stand together.
            number: (n,) of the sentence in its document, from 0.
        """
        window = self.passport.document_window
        return unit_numbers(document, number, window) if window else None

    @cached_property
    def _document_features(self) -> DocumentFeatures | None:
        return DocumentFeatures.from_json(self.passport.document_features)

    @cached_property
    def _own(self) -> threading.local:
        return threading.local()  # a table of rows for each thread

    def _cache(self, names: CacheSlots | None) -> KeyedCache | None:
        """The rows kept, if there are names for what is looked up there, and kernels."""
        if names is None:
            return None
        from elman.rnn.inference.prepared import prepare

        if not hasattr(self._own, "rows"):
            made = prepare(self.network, self.params)
            self._own.rows = None if made is None else InputCache.within(made, self.rows, self.kept)
        rows: InputCache | None = self._own.rows
        return None if rows is None else KeyedCache(rows, *names)

    def tag_flat(
        self,
        words: Strings | pl.Series,
        offsets: np.ndarray,
        reuse: bool = True,
        units: np.ndarray | None = None,
    ) -> Tagged:
        """Tag sentences given flat; the answer to one does not depend on sentences outside of its unit.

        Args:
            words: (N,) the tokens of all sentences in a row.
            offsets: (n + 1,) int64, where sentences begin and the last ends; a sentence may be empty.
            reuse: whether equal sentences are tagged once.
            units: (n,) unit of each sentence, see `units`; None: each is a document of its own.
        """
        strings = words if isinstance(words, Strings) else Strings.from_series(words)
        offsets = np.asarray(offsets, np.int64)
        filled = np.flatnonzero(np.diff(offsets))
        parts = []
        unit = (np.arange(len(offsets) - 1) if units is None else np.asarray(units, np.int64))[filled]
        cuts = _cuts(offsets[filled + 1], unit) if len(filled) else []
        for first, last in pairwise(cuts):
            chosen = filled[first:last]
            begin, end = int(offsets[chosen[0]]), int(offsets[chosen[-1] + 1])
            inside = np.append(offsets[chosen], end) - begin
            some = strings.slice(begin, end)
            numbers, bags, names = self._words.bags(some, inside)
            pooled = None
            if self.pooling is not None:
                pooled = occurrences(numbers, some, inside, unit[first:last])
            flags = None
            if self._document_features is not None:
                flags = self._document_features.of(some, numbers, inside, unit[first:last])
            sequences = Sequences(numbers, inside, flags=flags)
            prediction = self._predict(sequences, bags, names, reuse, pooled)
            spans = prediction.spans
            assert spans is not None
            unknown = int(self.features.unknown(bags)[numbers].sum())
            parts.append((prediction, spans._replace(sequence=chosen[spans.sequence]), unknown))
        return self._join(parts)

    @cached_property
    def _scaling(self) -> EntityScaling:
        return EntityScaling.from_json(self.passport.entity_scaling)

    @property
    def scaled(self) -> bool:
        """True if probabilities are scaled by what was fitted on dev."""
        return self.passport.temperature != 1 or bool(self.passport.entity_scaling)

    def unscaled(self) -> Self:
        """The same tagger with probabilities as the network gives them; both use the same caches."""
        other = replace(self, passport=replace(self.passport, temperature=1.0, entity_scaling={}))
        vars(other).update(_words=self._words, _own=self._own)  # neither depends on the temperature
        return other

    def unknown_words(self, words: Strings | pl.Series, offsets: np.ndarray) -> np.ndarray:
        """True for tokens that the vocabulary of words does not have, (N,); arguments as of `tag_flat`."""
        strings = words if isinstance(words, Strings) else Strings.from_series(words)
        numbers, bags, _ = self._words.bags(strings, np.asarray(offsets, np.int64))
        unknown: np.ndarray = self.features.unknown(bags)[numbers]
        return unknown

    def _predict(
        self,
        sequences: Sequences,
        found: Looked,
        names: CacheSlots | None,
        reuse: bool,
        pooled: Occurrences | None,
    ) -> Prediction:
        keys = sequences.tokens
        if sequences.flags is not None:
            keys = keys.astype(np.int64) << 32 | sequences.flags
        chosen, which = equal_sentences(keys, sequences.offsets) if reuse else (None, None)
        bags = Bags(found.rows, found.offsets, found.unknown)
        distinct = sequences if chosen is None else sequences.take(chosen)
        if self._pooled is not None and pooled is not None:
            first = self._pooled.first_pass(bags, distinct, self._cache(names))
            return self._pooled.tag(first, np.arange(len(sequences)) if which is None else which, pooled)
        prediction = self._decoder.tag_with_probabilities(bags, distinct, self._cache(names))
        return prediction if which is None else prediction.take(which)

    def _join(self, parts: Sequence[tuple[Prediction, Spans, int]]) -> Tagged:
        if not parts:
            none = np.empty(0, np.int64)
            empty = np.empty(0, np.float32)
            spans = Spans(none, none, none, none.astype(np.int32), empty)
            return Tagged(none.astype(np.int32), empty, spans, 0)
        tags = np.concatenate([prediction.tags for prediction, _, _ in parts])
        if self.binary:
            tags = np.concatenate(
                [iob2_of(prediction.tags, prediction.offsets) for prediction, _, _ in parts]
            )
        probability = np.concatenate([prediction.tag_probability for prediction, _, _ in parts])
        spans = Spans(*(np.concatenate(column) for column in zip(*(s for _, s, _ in parts), strict=True)))
        if self._scaling.weights:
            assert spans.probability is not None
            scaled = self._scaling.scale(spans.probability, spans.end - spans.start, spans.kind, self.types)
            spans = spans._replace(probability=scaled)
        return Tagged(tags, probability, spans, sum(unknown for _, _, unknown in parts))

    def tag(
        self, sentences: Iterable[Sequence[str]], documents: Sequence[int] | None = None
    ) -> list[Sentence]:
        """Tag sentences given as lists of tokens.

        Args:
            sentences: in their order.
            documents: number of sentences of each document, in order; None: they are one document.
        """
        lists = [list(sentence) for sentence in sentences]
        offsets = ragged.offsets_of([len(tokens) for tokens in lists])
        words = pl.Series([token for tokens in lists for token in tokens], dtype=pl.String)
        of = ragged.offsets_of([len(lists)] if documents is None else documents)
        units = self.units(ragged.rows_of(of), ragged.positions_of(of))
        tagged = self.tag_flat(words, offsets, units=units)
        entities: list[list[Entity]] = [[] for _ in lists]
        for sequence, entity in self._entities(tagged.spans):
            entities[sequence].append(entity)
        names = [self.tags[tag] for tag in tagged.tags]
        chances = tagged.probability.tolist()
        return [
            Sentence(names[a:b], chances[a:b], found)
            for a, b, found in zip(offsets[:-1], offsets[1:], entities, strict=True)
        ]

    def _entities(self, spans: Spans) -> Iterable[tuple[int, Entity]]:
        assert spans.probability is not None
        columns = (spans.sequence, spans.start, spans.end, spans.kind, spans.probability)
        for sequence, start, end, kind, chance in zip(*(c.tolist() for c in columns), strict=True):
            yield sequence, Entity(start, end, self.types[kind], chance)

    def tag_text(self, text: str) -> list[Entity]:
        """Tag raw text, cut by the passport's tokenizer; entities by characters of the text, in order."""
        cut = list(self.tokenizer.sentences(text))
        tagged = self.tag([[text[a:b] for a, b in zip(s, e, strict=True)] for _, _, s, e in cut])
        return [
            entity._replace(start=starts[entity.start], end=ends[entity.end - 1])
            for (_, _, starts, ends), sentence in zip(cut, tagged, strict=True)
            for entity in sentence.entities
        ]

    def tag_raw(self, text: str) -> list[dict[str, Any]]:
        """As `tag_text`, as plain values, with the text of each entity."""
        found = self.tag_text(text)
        return [{**entity._asdict(), "text": text[entity.start : entity.end]} for entity in found]


def _cuts(ends: np.ndarray, unit: np.ndarray) -> list[int]:
    """Where to part n sentences, from 0 to n, so that about CHUNK tokens are done at a time.

    Args:
        ends: (n,) token after the last of each.
        unit: (n,) of each; none is parted.
    """
    wanted = np.flatnonzero(np.diff(ends // CHUNK)) + 1
    begins = np.append(np.flatnonzero(np.diff(unit)) + 1, len(ends))
    inner = np.unique(begins[np.searchsorted(begins, wanted)])
    return [0, *inner[inner < len(ends)].tolist(), len(ends)]
