"""A text as a corpus or a model sees it: tokens, ids, one-hot rows, the padded batch, arrays, steps, tags."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from elman.data.encoding import encoded_corpus
from elman.data.encoding.encode import tokens_of
from elman.data.encoding.features import Features, contexts
from elman.data.encoding.padded import PaddedBatch, pad_batch
from elman.data.encoding.vocabulary import UNK_ID, Vocabulary
from elman.data.errors import UsageError
from elman.data.store.dataset import Dataset
from elman.data.text.tokenizer import Tokenizer
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import article
from elman.tasks.inspection.article import (
    Shapes,
    Standard,
    Steps,
    forward,
    shapes_of,
    standard,
    untrained,
)
from elman.tasks.models.model_folder import Model
from elman.tasks.models.text_tagger import Tagger
from elman.tasks.training.text import encode_corpus
from elman.tasks.training.training_data import TrainingData

ARTICLE = "Sam Li and Tom date on Tuesday."
MOST_CHARACTERS, MOST_SENTENCES = 1000, 4


@dataclass(frozen=True)
class ShownSentence:
    """One sequence of the batch.

    origin: where it comes from, "text" or a place in the corpus; ids: in the vocabulary of words, UNK_ID for
    a token it lacks; tags: gold or predicted, None where there are none; probabilities: of predicted tags.
    """

    origin: str
    tokens: list[str]
    ids: list[int]
    tags: list[str] | None = None
    probabilities: list[float] | None = None

    @property
    def unknown(self) -> list[bool]:
        """True for tokens outside the vocabulary, which share the id of `<UNK>`."""
        return [number == UNK_ID for number in self.ids]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "origin": self.origin,
            "tokens": self.tokens,
            "ids": self.ids,
            "unknown": self.unknown,
            "tags": self.tags,
            "probabilities": self.probabilities,
        }


@dataclass(frozen=True)
class Network:
    """The arrays of a network.

    name: what it is; shapes: by array; parameters: how many numbers; tags: names of its outputs;
    members: networks of these shapes in an ensemble.
    """

    name: str
    shapes: Shapes
    parameters: int
    tags: tuple[str, ...]
    members: int = 1

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "parameters": self.parameters,
            "tags": list(self.tags),
            "members": self.members,
        }


@dataclass(frozen=True)
class ShownText:
    """Output of `elman show` for a corpus or a model of text.

    source: corpus or model, by name; vocabulary: V, its rows, and known, the words in it; batch: of all
    sentences, the first being the text's; templates: by token of the first sentence the feature templates of
    the model with their symbols and table rows, None where the word is all it sees; article: the article's
    arrays, of the model itself or of the preset for comparison; own: the model's arrays where these differ;
    standard: the padded standard network; steps: a<t> and y<t> of the first sentence; about: licence and
    description of a corpus, if given.
    """

    source: str
    sentences: list[ShownSentence]
    size: int
    known: int
    batch: PaddedBatch
    article: Network
    standard: Standard
    steps: Steps | None = None
    own: Network | None = None
    templates: list[dict[str, list[tuple[str, int]]]] | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        T, B = self.batch.shape
        return {
            "source": self.source,
            "sentences": [sentence.to_json() for sentence in self.sentences],
            "vocabulary": {"size": self.size, "known": self.known},
            "batch": {
                "shape": [T, B, self.size],
                "ids": self.batch.ids.tolist(),
                "mask": self.batch.mask.tolist(),
            },
            "article": self.article.to_json(),
            "standard": self.standard.to_json(),
            "steps": self.steps.to_json() if self.steps else None,
            "own": self.own.to_json() if self.own else None,
            "templates": self.templates,
            **({"about": dict(self.about)} if self.about else {}),
        }


def of_corpus(folder: Path, text: str | None) -> ShownText:
    """A text in the vocabulary of a corpus, beside a labelled sentence of it; the network is untrained.

    Raises:
        BadInput: the corpus has no labelled training sentence.
        UsageError: the text has no token, or is longer than MOST_CHARACTERS.
    """
    dataset = Dataset.open(folder)
    read = encoded_corpus.read(Path(encode_corpus(str(folder), "article")))
    words = _Words.of(read.features)
    sentences = [words.shown("text", tokens) for tokens in cut(text, dataset.meta["tokenizer"])]
    gold = _gold_sentence(dataset)
    if gold is not None:
        tokens, tags, origin = gold
        sentences.append(words.shown(origin, tokens, tags))
    training = TrainingData.of(read)
    config, matrices = untrained(training.classes, read.features.rows, training.output)
    batch = padded(sentences)
    return ShownText(
        source=folder.name,
        sentences=sentences,
        size=words.size,
        known=len(words.vocabulary.symbols),
        batch=batch,
        article=Network("preset article, untrained", shapes_of(matrices), config.size(), read.tags),
        standard=standard(
            config.rows,
            config.classes,
            int(training.train.lengths.max()),
            "the longest training sentence",
        ),
        steps=forward(matrices, _first_rows(batch, words.size), config.output),
    )


def of_model(model: Model, text: str | None) -> ShownText:
    """A text as a model of text tags it.

    Raises:
        UsageError: the text has no token, or is longer than MOST_CHARACTERS.
    """
    tagger = Tagger.of(model)
    words = _Words.of(tagger.features)
    whole = cut(text, dict(model.of_text.tokenizer), None)
    lists = whole[:MOST_SENTENCES]
    sentences = [
        words.shown("text", tokens, found.tags, found.probabilities)
        for tokens, found in zip(lists, tagger.tag(whole), strict=False)
    ]
    if len({len(tokens) for tokens in lists}) == 1:  # nothing to pad
        sentences.append(
            words.shown("its beginning, to show the padding", lists[0][: len(lists[0]) // 2 or 1])
        )
    batch = padded(sentences)
    outputs = ("yes",) if tagger.binary else tagger.tags
    of_article, steps, own = _arrays(tagger, outputs, _first_rows(batch, words.size))
    return ShownText(
        source=model.version,
        sentences=sentences,
        size=words.size,
        known=len(words.vocabulary.symbols),
        batch=batch,
        article=of_article,
        standard=standard(words.size, len(outputs), batch.shape[0], "the longest sentence here"),
        steps=steps,
        own=own,
        templates=_templates(tagger.features, lists[0]) if own else None,
    )


def _arrays(
    tagger: Tagger, outputs: tuple[str, ...], x: np.ndarray
) -> tuple[Network, Steps | None, Network | None]:
    """The article's arrays and steps, and the arrays of a model that is another network.

    The first are the model's own where it is the article's network, else those of the preset `article`, for
    comparison and without steps.
    """
    network = tagger.network
    if isinstance(network, NetworkConfig):
        with contextlib.suppress(ValueError):  # a network other than the article's
            matrices = article(tagger.params, network)
            of_model = Network("this model: preset article", shapes_of(matrices), network.size(), outputs)
            return of_model, forward(matrices, x, network.output), None
    config, matrices = untrained(len(outputs), output="sigmoid" if tagger.binary else "softmax")
    of_preset = Network("preset article, for comparison", shapes_of(matrices), config.size(), outputs)
    return of_preset, None, _own(tagger, outputs)


def cut(text: str | None, tokenizer: dict[str, Any], most: int | None = MOST_SENTENCES) -> list[list[str]]:
    """The tokens of the first sentences of a text, of the article's by default; of all if `most` is None.

    Raises:
        UsageError: the text has no token, or is longer than MOST_CHARACTERS.
    """
    text = ARTICLE if text is None else text
    if not text.strip() or len(text) > MOST_CHARACTERS:
        raise UsageError(
            f"expected a TEXT of 1 to {MOST_CHARACTERS:,} characters. Got {len(text.strip()):,}. "
            "Tag longer texts with `elman tag`."
        )
    sentences = list(Tokenizer.from_json(tokenizer).sentences(text))[:most]
    return [[text[a:b] for a, b in zip(starts, ends, strict=True)] for _, _, starts, ends in sentences]


def padded(sentences: Sequence[ShownSentence]) -> PaddedBatch:
    """The padded batch of the sentences."""
    return pad_batch(pl.Series([sentence.ids for sentence in sentences], dtype=pl.List(pl.Int32)))


def _first_rows(batch: PaddedBatch, size: int) -> np.ndarray:
    """The one-hot rows of the first sequence, (T, V)."""
    rows: np.ndarray = batch.one_hot(size)[: batch.lengths[0], 0]
    return rows


@dataclass(frozen=True)
class _Words:
    """The feature template of words: its vocabulary, and V, its rows in the table."""

    vocabulary: Vocabulary
    size: int

    @classmethod
    def of(cls, features: Features) -> Self:
        place = [template.name for template in features.templates].index("word")
        vocabulary = features.vocabularies[place]
        assert isinstance(vocabulary, Vocabulary)
        return cls(vocabulary, features.templates[place].rows or len(vocabulary))

    def shown(
        self,
        origin: str,
        tokens: list[str],
        tags: list[str] | None = None,
        probabilities: list[float] | None = None,
    ) -> ShownSentence:
        ids = self.vocabulary.encode(pl.Series(tokens, dtype=pl.String)).to_list()
        return ShownSentence(origin, tokens, ids, tags, probabilities)


def _gold_sentence(dataset: Dataset) -> tuple[list[str], list[str], str] | None:
    """Tokens, tags and place of the first labelled sentence with an entity."""
    labelled = dataset.scan().filter(pl.col("tags").list.eval(pl.element() != "O").list.any())
    row = labelled.head(1).collect()
    if not len(row):
        return None
    document, sentence, split = row.select("document", "sentence", "split").row(0)
    origin = f"gold, {split}: document {document}, sentence {sentence}"
    return tokens_of(row)[0].to_list(), row["tags"][0].to_list(), origin


def _own(tagger: Tagger, outputs: tuple[str, ...]) -> Network:
    """The arrays of a network other than the article's; of one member where it is an ensemble."""
    ensemble = tagger.network
    members, network = 1, ensemble
    if isinstance(ensemble, EnsembleConfig):
        members, network = ensemble.members, ensemble.member
    name = f"this model: preset {tagger.passport.preset}"
    if isinstance(network, NetworkConfig):
        directions = "both ways" if network.bidirectional else "forward"
        name += f", {network.cell} cells of {network.hidden} {directions}, {network.output}"
    return Network(name, network.parameters(), ensemble.size(), outputs, members)


def _templates(features: Features, tokens: list[str]) -> list[dict[str, list[tuple[str, int]]]]:
    """By token, each feature template with its symbols and their rows in the table."""
    offsets = np.array([0, len(tokens)], np.int64)
    keys = contexts(pl.Series(tokens, dtype=pl.String), offsets, features.reach)
    bags = features.bags(keys, stand_ins=False)
    names = [template.name for template in features.templates]
    firsts = np.array(features.first_rows[:-1])
    out: list[dict[str, list[tuple[str, int]]]] = []
    for begin, end in zip(bags.offsets[:-1], bags.offsets[1:], strict=True):
        token: dict[str, list[tuple[str, int]]] = {}
        for row in bags.rows[begin:end].tolist():
            place = int(np.searchsorted(firsts, row, side="right")) - 1
            vocabulary, number = features.vocabularies[place], row - int(firsts[place])
            symbol = vocabulary.decode([number])[0] if isinstance(vocabulary, Vocabulary) else f"#{number}"
            token.setdefault(names[place], []).append((symbol, row))
        out.append(token)
    return out
