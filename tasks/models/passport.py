"""Passport of a model: its provenance, and what is needed to use it; the content of passport.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from elman.data.text.tokenizer import Unit

Json = Mapping[str, Any]
CLASSIFIER = "classifier"  # kind of models that classify whole documents


@dataclass(frozen=True, kw_only=True)
class CorpusOrigin:
    """The corpus a model was trained on.

    Attributes:
        name: of the corpus.
        digest: sha256 of its manifest.
        sources: name and sha256 of each source.
    """

    name: str
    digest: str
    sources: Sequence[Json]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"name": self.name, "digest": self.digest, "sources": self.sources}


@dataclass(frozen=True, kw_only=True)
class Passport:
    """Fields that every passport has.

    Attributes:
        kind: `text` or `dna` of a tagger, `generator`, `classifier` or `transcriber`.
        corpus: of the training.
        preset: by name.
        seed: of all random draws.
    """

    kind: ClassVar[str]
    corpus: CorpusOrigin
    preset: str
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as they stand in passport.json."""
        return {
            "kind": self.kind,
            "corpus": self.corpus.to_json(),
            "preset": self.preset,
            "seed": self.seed,
        }


@dataclass(frozen=True, kw_only=True)
class TextPassport(Passport):
    """Passport of a tagger of text.

    Attributes:
        unit: of its tokens, `word` or `char`.
        tokenizer: settings, see data/text/tokenizer.py.
        types: entity types.
        binary: the one type of a yes/no model.
        templates: names of the feature templates; key "blocks".
        vocabulary: sha256 of the vocabularies.
        network: settings, see rnn/networks.
        pretrained: corpora that were pre-trained on.
        warm_start: version of the model whose weights the training began with; written if there is one.
        silver: the corpus whose labels were trained on beside those of `corpus`; written if there is one.
        fit: settings of the training.
        class_weights: by type or `O`.
        best_epoch: epoch whose weights were chosen.
        bias_reduction: by how much the logit of `O` was lowered after training; key "eagerness".
        temperature: divides the logits where probabilities are given.
        entity_scaling: of `data.metrics.calibration.EntityScaling`, fitted on dev; written if there is one.
        exact_start: True if the probability of a yes/no model's entity leaves out sequences in which it
            begins earlier; version 0.1 counted them. Written if True.
        pooling: of `tasks.documents.pooling.DocumentPooling`, learnt on dev; written if there is one.
        document_features: of `data.encoding.document_features.DocumentFeatures`; written if there are some.
        dev: scores on dev, if there is a dev split.
        notes: what was left or held out of the corpus.
    """

    kind: ClassVar[str] = "text"
    unit: Unit
    tokenizer: Json
    types: Sequence[str]
    binary: str | None
    templates: Sequence[str]
    vocabulary: str
    network: Json
    pretrained: Sequence[Json]
    fit: Json
    class_weights: Mapping[str, float]
    best_epoch: int
    bias_reduction: float
    temperature: float
    dev: Json | None
    notes: Json
    entity_scaling: Mapping[str, Sequence[float]] = field(default_factory=dict)
    exact_start: bool = False
    warm_start: str | None = None
    pooling: Json = field(default_factory=dict)
    silver: Json = field(default_factory=dict)
    document_features: Json = field(default_factory=dict)

    @property
    def document_window(self) -> int:
        """Sentences of the units of documents that the model sees at once; 0 if it sees one sentence."""
        used = self.document_features or self.pooling
        return int(used["window"]) if used else 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as they stand in passport.json."""
        return {
            **super().to_json(),
            **({"exact_start": True} if self.exact_start else {}),
            **({"entity_scaling": self.entity_scaling} if self.entity_scaling else {}),
            **({"warm_start": self.warm_start} if self.warm_start else {}),
            **({"pooling": self.pooling} if self.pooling else {}),
            **({"silver": self.silver} if self.silver else {}),
            **({"document_features": self.document_features} if self.document_features else {}),
            "unit": self.unit,
            "tokenizer": self.tokenizer,
            "types": list(self.types),
            "binary": self.binary,
            "blocks": list(self.templates),
            "vocabulary": self.vocabulary,
            "network": self.network,
            "pretrained": self.pretrained,
            "fit": self.fit,
            "class_weights": self.class_weights,
            "best_epoch": self.best_epoch,
            "eagerness": self.bias_reduction,
            "temperature": self.temperature,
            "dev": self.dev,
            "notes": self.notes,
        }


@dataclass(frozen=True, kw_only=True)
class GenePassport(Passport):
    """Passport of a gene finder.

    Attributes:
        config: settings, see tasks/models/gene_presets.py.
        network: settings of the two-strand network.
        genes: version of the model whose gene finder was taken over, if any.
        labels: protein families.
        whole: those of them that cover a gene as a whole.
    """

    kind: ClassVar[str] = "dna"
    config: Json
    network: Json = field(default_factory=dict)
    genes: str | None = None
    labels: Sequence[str] = ()
    whole: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as they stand in passport.json."""
        return {
            **super().to_json(),
            "config": self.config,
            "network": self.network,
            "genes": self.genes,
            "labels": list(self.labels),
            "whole": list(self.whole),
        }


@dataclass(frozen=True, kw_only=True)
class GeneratorPassport(Passport):
    """Passport of a next-symbol model.

    Attributes:
        unit: of its symbols: `abc`, `keys` (of a piano), `character` or `base`.
        vocabulary: sha256 of the vocabulary.
        network: settings, see rnn/networks/next_symbol.py.
        fit: settings of the training.
        truncation: steps that a gradient reached back.
        shifts: by how many semitones training transposed.
        best_epoch: epoch whose weights were chosen.
        length: median steps of a piece in training; how long a piece without an end becomes.
        steps_per_quarter: time steps of a quarter note; of keys.
        dev: scores on dev, if there is a dev split.
    """

    kind: ClassVar[str] = "generator"
    unit: str
    vocabulary: str
    network: Json
    fit: Json
    truncation: int
    shifts: Sequence[int]
    best_epoch: int
    length: int
    steps_per_quarter: int
    dev: Json | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as they stand in passport.json."""
        return {
            **super().to_json(),
            "unit": self.unit,
            "vocabulary": self.vocabulary,
            "network": self.network,
            "fit": self.fit,
            "truncation": self.truncation,
            "shifts": list(self.shifts),
            "best_epoch": self.best_epoch,
            "length": self.length,
            "steps_per_quarter": self.steps_per_quarter,
            "dev": self.dev,
        }


@dataclass(frozen=True, kw_only=True)
class ClassifierPassport(Passport):
    """Passport of a classifier.

    Attributes:
        family: what it classifies, `text` or `dna`.
        unit: of its symbols: `word`, `char` or `base`.
        tokenizer: settings, of text.
        labels: classes, by code point.
        templates: names of the feature templates, of text.
        vocabulary: sha256 of the vocabularies.
        network: settings, see rnn/networks/classifier.py.
        fit: settings of the training.
        piece: steps that are classified at a time; longer documents are cut, and their logits joined.
        bases: of a piece, of DNA; 0 of text.
        best_epoch: epoch whose weights were chosen.
        temperature: divides the logits where probabilities are given, fitted on dev.
        dev: scores on dev, if there are documents to judge by.
        held_out: training documents that were held out as dev, as the corpus has none.
    """

    kind: ClassVar[str] = CLASSIFIER
    family: str
    unit: str
    tokenizer: Json
    labels: Sequence[str]
    templates: Sequence[str]
    vocabulary: str
    network: Json
    fit: Json
    piece: int
    bases: int
    best_epoch: int
    temperature: float
    dev: Json | None
    held_out: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as they stand in passport.json."""
        own = (
            *("family", "unit", "tokenizer", "vocabulary", "network", "fit", "piece", "bases"),
            *("best_epoch", "temperature", "dev", "held_out"),
        )
        named = {name: getattr(self, name) for name in own}
        return {**super().to_json(), **named, "labels": list(self.labels), "blocks": list(self.templates)}


@dataclass(frozen=True, kw_only=True)
class TranscriberPassport(Passport):
    """Passport of a model of speech.

    Attributes:
        alphabet: sha256 of the alphabet.
        features: settings, see data/audio/features.py.
        pad_s: seconds of silence put before and after a sound.
        network: settings, see rnn/networks/acoustic.py.
        fit: settings of the training.
        augmentation: how training sounds were changed, see tasks/transcription/augmentation.py.
        best_epoch: epoch whose weights were chosen.
        dev: scores on dev, if there is a dev split.
        notes: what was left out of the corpus.
    """

    kind: ClassVar[str] = "transcriber"
    alphabet: str
    features: Json
    pad_s: float
    network: Json
    fit: Json
    augmentation: Json
    best_epoch: int
    dev: Json | None
    notes: Json

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as they stand in passport.json."""
        return {
            **super().to_json(),
            "alphabet": self.alphabet,
            "features": self.features,
            "pad_s": self.pad_s,
            "network": self.network,
            "fit": self.fit,
            "augmentation": self.augmentation,
            "best_epoch": self.best_epoch,
            "dev": self.dev,
            "notes": self.notes,
        }


AnyPassport = TextPassport | GenePassport | GeneratorPassport | ClassifierPassport | TranscriberPassport
_NAMES = {"blocks": "templates", "eagerness": "bias_reduction"}  # in passport.json and here


def passport_of(values: Json) -> AnyPassport:
    """The passport that passport.json holds; keys that only newer versions know are left out.

    Raises:
        KeyError, TypeError, ValueError: no passport.
    """
    kinds = (TextPassport, GenePassport, GeneratorPassport, ClassifierPassport, TranscriberPassport)
    known: dict[str, type[AnyPassport]] = {kind.kind: kind for kind in kinds}
    passport = known.get(values["kind"])
    if passport is None:
        raise ValueError(f"expected a kind of {', '.join(known)}. Got {values['kind']!r}")
    corpus = {name: values["corpus"][name] for name in ("name", "digest", "sources")}
    named = {_NAMES.get(name, name): value for name, value in values.items()}
    known_fields = {field.name: named[field.name] for field in fields(passport) if field.name in named}
    return passport(**{**known_fields, "corpus": CorpusOrigin(**corpus)})
