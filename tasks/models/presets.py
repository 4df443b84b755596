"""Presets of `--preset`: feature blocks, network and training settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from elman.data.encoding.features import FeatureTemplate
from elman.data.errors import UsageError
from elman.rnn.training.state import FitConfig

ARTICLE_VOCABULARY = 10_000  # words of the article's vocabulary, `<PAD>` and `<UNK>` included
PRETRAINING_TOKENS = 20_000_000  # tokens of unlabelled text read in pre-training, over all passes
# Training sentences: below the first, many small updates; from the second on, fewer epochs.
SMALL_CORPUS, LARGE_CORPUS = 1_000, 5_000


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One way of making a tagger of text.

    Attributes:
        blocks: by unit ("word", "char"), what the network sees of a token.
        rare: by unit, symbols seen at most so often in training may be dropped to `<UNK>`.
        network: fields of rnn.networks.tagger.NetworkConfig; rows and classes follow from the corpus.
        members: such networks that learn apart and answer together, see rnn/networks/ensemble.py.
        fit: fields of rnn.training.state.FitConfig.
        tune_outside_bias: tune the bias of `O` for F1 on dev, see `TrainingData.tune_outside_bias`.
        pool_documents: learn on dev how words are pooled within documents, see `tasks.training.pooling`, also
            where the user names no window.
        document_features: see how words are written elsewhere in the document, see
            `data.encoding.document_features`.
    """

    blocks: Mapping[str, tuple[FeatureTemplate, ...]]
    rare: Mapping[str, int] = field(default_factory=lambda: {"word": 1, "char": 1})
    network: Mapping[str, Any] = field(default_factory=dict)
    members: int = 1
    fit: Mapping[str, Any] = field(default_factory=dict)
    tune_outside_bias: bool = False
    pool_documents: bool = False
    document_features: bool = False


def _templates(*names: str) -> tuple[FeatureTemplate, ...]:
    return tuple(FeatureTemplate(name=name) for name in names)


_WORD_ONLY = (FeatureTemplate(name="word", max_size=ARTICLE_VOCABULARY, rows=ARTICLE_VOCABULARY),)
_AFFIXES = tuple(f"{side}{length}" for side in ("prefix", "suffix") for length in (1, 2, 3, 4))
_BLOCKS = {
    "word": _templates("word", "lower", "shape", *_AFFIXES),
    "char": _templates("word", "shape", "at-2", "at-1", "at+1", "at+2", "at-1+0", "at+0+1"),
}
_NETWORK = {"bidirectional": True, "layers": 1, "output": "crf"}
_FIT = {"learning_rate": 0.002, "blocks": 0.3, "unknown": 0.25, "average": 5, "epochs": 25, "patience": 0}
# Most words are dropped now and then, not only those met once: another text has other names, also where those
# of training come often. In small corpora that is what comes at most once in 1,000 tokens, lest nearly all be
# rare. Characters are few, and those met once stand for the rest.
RARE_SHARE = 0.001
_RARE = {"word": 100, "char": 1}

_DEFAULT = Preset(
    blocks={**_BLOCKS, "word": (*_BLOCKS["word"], FeatureTemplate(name="letters"))},
    rare=_RARE,
    network={**_NETWORK, "cell": "lstm", "hidden": 112, "embedding": 160},
    members=2,
    fit=_FIT,
    tune_outside_bias=True,
    document_features=True,
)

PRESETS: Mapping[str, Preset] = {
    # The article's network: Wax is (100, 10000) whatever the corpus holds.
    "article": Preset(
        blocks={"word": _WORD_ONLY, "char": _WORD_ONLY},
        network={"hidden": 100, "cell": "elman", "bidirectional": False, "layers": 1},
    ),
    # The same cell both ways, with blocks that tell what kind of word an unseen one is: cheap to run.
    "fast": Preset(
        blocks=_BLOCKS,
        rare=_RARE,
        network={**_NETWORK, "cell": "elman", "hidden": 100, "embedding": 100},
        fit=_FIT,
        tune_outside_bias=True,
        pool_documents=True,
        document_features=True,
    ),
    # Gates, which remember further; words read letter by letter; a second network that learns apart.
    "default": _DEFAULT,
    # Twice as many networks, for twice the time of training and tagging.
    "large": replace(_DEFAULT, members=4),
}


def preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"expected --preset to be one of {', '.join(PRESETS)}. Got {name!r}.")
    return PRESETS[name]


def settings_by_size(sentences: int) -> dict[str, Any]:
    """Settings by the number of training sentences, beside `FitConfig.suited`.

    Below 1,000, which want many updates and are judged by few sentences of dev: batches of 4, up to 60
    epochs, 20 of them without a better score. From 5,000, where an epoch is many updates: 15 epochs.
    """
    if sentences < SMALL_CORPUS:
        return {"batch": 4, "epochs": 60, "patience": 20}
    return {"epochs": 15} if sentences >= LARGE_CORPUS else {}


def warm_settings(how: FitConfig) -> dict[str, Any]:
    """Settings of a training that begins with trained weights: a third of the passes, half of the rate."""
    return {"epochs": max(how.epochs // 3, min(how.epochs, 3)), "learning_rate": how.learning_rate / 2}


def pretraining_config(tokens: int) -> FitConfig:
    """Settings of pre-training on so much text: one pass at least, and until READ tokens are read in all."""
    passes = min(max(round(PRETRAINING_TOKENS / max(tokens, 1)), 1), 30)
    return FitConfig(
        epochs=passes, batch=32, parts=2, learning_rate=0.003, decay=0.05, dropout=0.1, blocks=0.1, patience=0
    )
