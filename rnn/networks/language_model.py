"""Two-way language model for pre-training: each state predicts the symbol next to it, among sampled ones.

The state of the forward cell at step t predicts the symbol of step t + 1, that of the backward cell the
symbol of step t - 1 (Peters et al., 2018, section 3.1). Instead of over all words, the softmax goes over the
right one and K others drawn by their frequency: ranking noise-contrastive estimation (Ma and Collins, 2018,
section 2) without its correction, as in the loss of van den Oord et al. (2018), equation 4, so that a score
is how much likelier a word is in this place than anywhere.

It is an architecture as `NetworkConfig` is and trained by the same `Trainer`; `initialise` then puts its
table and first layer among the first weights of a tagger.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as deserialize
from safetensors.numpy import save as serialize

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Int64, Params
from elman.rnn.compute.batches import Bags, Batch, Sequences
from elman.rnn.layers import embedding
from elman.rnn.layers.recurrent import glorot
from elman.rnn.networks.architecture import Architecture, Backprop, Noise
from elman.rnn.networks.tagger import NetworkConfig

EXCLUDED = -200.0  # score of a sampled word that is the right one: its probability is 0 in float32
POWER = 0.75  # of a word's frequency, in sampling (Mikolov et al., 2013, section 2.2)


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig:
    """Settings of a language model.

    Its parameters are the table and the first layer of `network`, and out.forward and out.backward (V, H), a
    vector for each word that can be predicted. Its logits are (N, D*(1+K)): for each direction the right
    word's score, then those of the sampled ones; the right class is 0.

    Attributes:
        network: the tagger whose table and first layer are pre-trained.
        counts: (V,) how often each word that can be predicted occurs, falling.
        word_of: (M,) which of them a symbol is, -1 for none.
        drawn: K, words sampled for each batch; without noise the K most frequent stand in for them.
    """

    network: NetworkConfig
    counts: Int64 = field(repr=False)
    word_of: Int32 = field(repr=False)
    drawn: int = 400
    output: str = "softmax"

    @property
    def rows(self) -> int:
        """I."""
        return self.network.rows

    @property
    def classes(self) -> int:
        """G, the right word and the sampled ones."""
        return 1 + min(self.drawn, len(self.counts))

    @property
    def outputs_per_step(self) -> int:
        """S, one output a direction."""
        return len(self.network.directions)

    def to_dict(self) -> dict[str, Any]:
        """Its settings as plain JSON values."""
        return {
            "kind": "neighbours",
            "network": self.network.to_dict(),
            "words": len(self.counts),
            "drawn": self.drawn,
        }

    def size(self) -> int:
        """Number of weights."""
        return sum(int(np.prod(shape)) for shape in self.parameters().values())

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        out = {f"out.{name}": (len(self.counts), self.network.hidden) for name in self.network.directions}
        return {**_shared(self.network), **out}

    def sequences(self, tokens: Int32, offsets: Int64) -> Sequences:
        """Unlabelled sequences with targets: class 0 where the neighbour is a word that can be predicted."""
        at = np.arange(len(tokens))
        sides = {
            "forward": np.append(self.word_of[tokens[1:]], -1),
            "backward": np.append(-1, self.word_of[tokens[:-1]]),
        }
        outside = {"forward": offsets[1:] - 1, "backward": offsets[:-1]}
        targets = np.empty((len(at), self.outputs_per_step), np.int32)
        for d, name in enumerate(self.network.directions):
            sides[name][outside[name]] = -1
            targets[:, d] = np.where(sides[name] >= 0, 0, -1)
        return Sequences(tokens, offsets, targets.reshape(-1))

    def build(self) -> "LanguageModel":
        """The language model with these settings."""
        return LanguageModel(self)


class LanguageModel:
    """The language model with the settings of a `LanguageModelConfig`."""

    def __init__(self, config: LanguageModelConfig) -> None:
        self.config, self.network = config, config.network.build()

    def init(self, rng: np.random.Generator) -> Params:
        """First weights, float32."""
        first, shapes = self.network.init(rng), self.config.parameters()
        return {name: first[name] if name in first else glorot(rng, shape) for name, shape in shapes.items()}

    @cached_property
    def _cumulative(self) -> Floats:
        """Cumulative probabilities of the words in sampling."""
        shares = self.config.counts.astype(np.float64) ** POWER
        summed: Floats = np.cumsum(shares) / shares.sum()
        return summed

    def sample(self, noise: Noise | None) -> Int32:
        """The words to choose from beside the right one, (K,)."""
        K, V = self.config.classes - 1, len(self.config.counts)
        if noise is None or V == K:
            return np.arange(K, dtype=np.int32)
        drawn = np.searchsorted(self._cumulative, noise.rng.random(K), side="right")
        return np.minimum(drawn, V - 1).astype(np.int32)

    def _targets(self, batch: Batch) -> Int32:
        """The word that each state of each direction predicts, (N, D); -1 for none."""
        words, earlier = self.config.word_of[batch.tokens], batch.previous
        later = slice(int(batch.starts[1]), None)
        targets = np.full((len(words), self.config.outputs_per_step), -1, np.int32)
        targets[earlier, 0] = words[later]
        if self.config.network.bidirectional:
            targets[later, 1] = words[earlier]
        return targets

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Scores of a packed batch, and backprop; see `LanguageModelConfig`."""
        config = self.config
        h, states_back = self.network.states(params, bags, batch, noise, 1)
        H, N, targets, others = config.network.hidden, len(h), self._targets(batch), self.sample(noise)
        logits = np.empty((N, config.outputs_per_step, config.classes), h.dtype)
        sides = []
        for d, name in enumerate(config.network.directions):
            state, table = h[:, d * H : (d + 1) * H], params[f"out.{name}"]
            words = np.concatenate([np.maximum(targets[:, d], 0), others]).astype(np.int32)
            vectors, back = embedding.one_hot(Bags.single(len(table)), words, table).times(table)
            logits[:, d, 0] = np.einsum("nh,nh->n", state, vectors[:N])
            logits[:, d, 1:] = state @ vectors[N:].T
            same = targets[:, d, None] == others
            logits[:, d, 1:][same] = EXCLUDED
            sides.append((name, state, vectors, same, back))

        def backprop(dlogits: Floats) -> Gradients:
            gradients: Gradients = {}
            d3, dh = dlogits.reshape(logits.shape), np.empty_like(h)
            for d, (name, state, vectors, same, back) in enumerate(sides):
                right, rest = d3[:, d, :1], np.where(same, 0, d3[:, d, 1:])
                dh[:, d * H : (d + 1) * H] = right * vectors[:N] + rest @ vectors[N:]
                gradients[f"out.{name}"] = back(np.concatenate([right * state, rest.T @ state]))
            states_back(dh, gradients)
            return gradients

        return logits.reshape(N, -1), backprop


def _shared(network: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters that a tagger takes over: of its table and its first layer."""
    return {
        name: shape
        for name, shape in network.parameters().items()
        if name == "table" or name.startswith(("0.", "letters."))
    }


def to_bytes(params: Params, config: LanguageModelConfig) -> bytes:
    """The pre-trained parameters of the tagger, as a safetensors file; equal weights give equal bytes."""
    return serialize({name: np.ascontiguousarray(params[name]) for name in sorted(_shared(config.network))})


def from_bytes(file: bytes) -> Params:
    """Undo `to_bytes`.

    Raises:
        ValueError: not such a file.
    """
    try:
        pretrained: Params = {**deserialize(file)}
    except SafetensorError as error:
        raise ValueError(f"expected safetensors of pre-trained parameters. Got {error!r}") from error
    return pretrained


def initialise(params: Params, architecture: Architecture, pretrained: Params) -> None:
    """Put pre-trained parameters among the first weights of a network, in place.

    Table rows that are zero in `pretrained`, as they occurred nowhere, stay as they are.

    Args:
        params: first weights of `architecture`; changed.
        architecture: a network with the table and first layer of the pre-trained one.
        pretrained: of a language model; its output vectors are ignored.

    Raises:
        ValueError: the two networks differ in shape.
    """
    shapes = architecture.parameters()
    for name, value in pretrained.items():
        if name.startswith("out."):
            continue
        if shapes.get(name) != value.shape:
            raise ValueError(f"pretrained: {name} must have shape {shapes.get(name)}. Got {value.shape}")
        if name == "table":
            occurs = value.any(axis=1)
            params[name][occurs] = value[occurs]
        else:
            params[name] = value.copy()
