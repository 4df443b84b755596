"""Learning from unlabelled sequences: each state guesses the symbol next to it, among some drawn ones.

The state of the forward cell at step t guesses the symbol of step t + 1, that of the backward cell the symbol
of step t - 1: the two-way language model of Peters et al. (2018), section 3.1. Instead of over all words, the
softmax goes over the right one and K others drawn by their frequency: ranking noise-contrastive estimation
(Ma and Collins, 2018, section 2) without its correction, as in the loss of van den Oord et al. (2018),
equation 4, so that a score is how much likelier a word is here than anywhere.

`LanguageModelConfig` is an architecture like `NetworkConfig`, so `rnn.training.fit.fit` trains it; what it has
learnt of the table and the first layer is where `fit(start=)` begins to learn the tags.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as deserialize
from safetensors.numpy import save as serialize

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Int64, Params, compiled
from elman.rnn.compute.batches import Bags, Batch, Sequences
from elman.rnn.layers.embedding import OneHot
from elman.rnn.networks.architecture import Architecture, Backprop, Noise, glorot
from elman.rnn.networks.tagger import NetworkConfig

CLOSED = -200.0  # score of a drawn word that is the right one: no chance in float32
POWER = 0.75  # of a word's frequency, in drawing (Mikolov et al., 2013, section 2.2)


@dataclass(frozen=True, kw_only=True)
class LanguageModelConfig:
    """A network that guesses neighbours.

    Its parameters are the table and the first layer of `network`, and out.forward and out.backward (V, H), a
    vector for each word that can be guessed. Its logits are (N, D*(1+K)): for each direction the right word's
    score, then those of the drawn ones; the right class is 0.

    Attributes:
        network: whose table and first layer are learnt.
        counts: (V,) how often each word that can be guessed occurs, falling.
        word_of: (M,) which of them a symbol is, -1 for none.
        drawn: K, words drawn anew for each batch; without noise the K commonest stand in for them.
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
        """G, the right word and the drawn ones."""
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
        """How many numbers its parameters are."""
        return sum(int(np.prod(shape)) for shape in self.parameters().values())

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        out = {f"out.{name}": (len(self.counts), self.network.hidden) for name in self.network.directions}
        return {**_shared(self.network), **out}

    def start(self, rng: np.random.Generator) -> Params:
        """First weights, float32."""
        first = self.network.start(rng)
        shared = {name: first[name] for name in _shared(self.network)}
        return {
            **shared,
            **{
                name: glorot(rng, shape)
                for name, shape in self.parameters().items()
                if name.startswith("out.")
            },
        }

    def sequences(self, tokens: Int32, offsets: Int64) -> Sequences:
        """Unlabelled sequences with what is to be guessed of them: class 0 wherever there is a known word."""
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

    @cached_property
    def _chances(self) -> Floats:
        """Of being drawn, summed up."""
        shares = self.counts.astype(np.float64) ** POWER
        summed: Floats = np.cumsum(shares) / shares.sum()
        return summed

    def _others(self, noise: Noise | None) -> Int32:
        """The words to choose from beside the right one, (K,)."""
        K = self.classes - 1
        if noise is None or len(self.counts) == K:
            return np.arange(K, dtype=np.int32)
        drawn = np.searchsorted(self._chances, noise.rng.random(K), side="right")
        return np.minimum(drawn, len(self.counts) - 1).astype(np.int32)

    def _wanted(self, batch: Batch) -> Int32:
        """The word that each state of each direction is to guess, (N, D); -1 for none."""
        words, earlier = self.word_of[batch.tokens], batch.before
        later = slice(int(batch.starts[1]), None)
        wanted = np.full((len(words), self.outputs_per_step), -1, np.int32)
        wanted[earlier, 0] = words[later]
        if self.network.bidirectional:
            wanted[later, 1] = words[earlier]
        return wanted

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Scores of a packed batch, and the way back; see the class."""
        h, _, below = self.network.states(params, bags, batch, noise, 1)
        H, N, wanted, others = self.network.hidden, len(h), self._wanted(batch), self._others(noise)
        logits = np.empty((N, self.outputs_per_step, self.classes), h.dtype)
        sides = []
        for d, name in enumerate(self.network.directions):
            state, table = h[:, d * H : (d + 1) * H], params[f"out.{name}"]
            words = np.concatenate([np.maximum(wanted[:, d], 0), others]).astype(np.int32)
            vectors, back = _rows(table, words)
            logits[:, d, 0] = np.einsum("nh,nh->n", state, vectors[:N])
            logits[:, d, 1:] = state @ vectors[N:].T
            same = wanted[:, d, None] == others
            logits[:, d, 1:][same] = CLOSED
            sides.append((name, state, vectors, same, back))

        def backprop(dlogits: Floats) -> Gradients:
            gradients: Gradients = {}
            d3, dh = dlogits.reshape(logits.shape), np.empty_like(h)
            for d, (name, state, vectors, same, back) in enumerate(sides):
                right, rest = d3[:, d, :1], np.where(same, 0, d3[:, d, 1:])
                dh[:, d * H : (d + 1) * H] = right * vectors[:N] + rest @ vectors[N:]
                gradients[f"out.{name}"] = back(np.concatenate([right * state, rest.T @ state]))
            below(dh, gradients)
            return gradients

        return logits.reshape(N, -1), backprop


def _shared(network: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters that are learnt for the network: of its table and its first layer."""
    return {
        name: shape
        for name, shape in network.parameters().items()
        if name == "table" or name.startswith(("0.", "letters."))
    }


def _rows(table: Floats, which: Int32) -> tuple[Floats, Callable[[Floats], Any]]:
    """Rows of a table, some of them several times, and the way back."""
    singles = Bags.single(len(table))
    if not compiled(table.dtype):
        return OneHot(singles, which).times(table)
    from elman.rnn.layers import embedding_kernels

    return embedding_kernels.OneHot(singles, which, len(table)).times(table)


def to_bytes(params: Params, config: LanguageModelConfig) -> bytes:
    """What was learnt for the network, as a safetensors file; equal weights give equal bytes."""
    return serialize({name: np.ascontiguousarray(params[name]) for name in sorted(_shared(config.network))})


def from_bytes(file: bytes) -> Params:
    """Undo `to_bytes`.

    Raises:
        ValueError: not such a file.
    """
    try:
        learnt: Params = {**deserialize(file)}
    except SafetensorError as error:
        raise ValueError(f"expected safetensors of what was learnt. Got {error!r}") from error
    return learnt


def started(params: Params, config: Architecture, learnt: Params) -> Params:
    """First weights of a network with what was learnt from unlabelled sequences in their place.

    Rows of the table that were met neither there nor here stay as they are in `params`.

    Args:
        params: first weights of `config`; changed.
        config: a network with the table and first layer of the one that was learnt.
        learnt: parameters of a `LanguageModelConfig`.

    Raises:
        ValueError: the two networks differ in shape.
    """
    wanted = config.parameters()
    for name, value in learnt.items():
        if name.startswith("out."):
            continue
        if wanted.get(name) != value.shape:
            raise ValueError(f"learnt: {name} must have shape {wanted.get(name)}. Got {value.shape}")
        if name == "table":
            met = value.any(axis=1)
            params[name][met] = value[met]
        else:
            params[name] = value.copy()
    return params
