"""The interface of a network to training and decoding; training noise; first weights.

An architecture is a config: a frozen dataclass with the sizes, the shapes of all parameters and a JSON form.
Its `build()` gives the network, which initialises parameters and computes logits; it holds no weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Params
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.layers import dense, embedding, flags

OUTPUTS = ("softmax", "sigmoid", "crf")
Backprop: TypeAlias = Callable[[Floats], Gradients]  # gradient of the logits (N, S*G) -> of all parameters


@dataclass(frozen=True)
class Noise:
    """Regularisation of a forward pass in training.

    Attributes:
        rng: random number generator.
        dropout: share of hidden units zeroed, per sequence.
        unknown: probability that a symbol is replaced by its `<UNK>` bag.
        blocks: share of one-hot features dropped from the bags of a batch.
    """

    rng: np.random.Generator
    dropout: float = 0.0
    unknown: float = 0.0
    blocks: float = 0.0


class Network(Protocol):
    """Computes logits from parameters; has none itself."""

    def init(self, rng: np.random.Generator) -> Params:
        """First weights, float32."""
        ...

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits of a packed batch.

        Args:
            params: as the architecture's `parameters`.
            bags: feature bags of all symbols.
            batch: B sequences, N rows.
            noise: in training only.

        Returns:
            logits (N, S*G), of a classifier (B, G), and backprop: dlogits -> gradients by parameter name.
        """
        ...


class Parameterised(Protocol):
    """Settings of a network, as its file needs them."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        ...

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        ...


class Architecture(Parameterised, Protocol):
    """Settings of a network, as training and decoding need them."""

    @property
    def rows(self) -> int:
        """I, rows of the table."""
        ...

    @property
    def classes(self) -> int:
        """G."""
        ...

    @property
    def output(self) -> str:
        """One of OUTPUTS."""
        ...

    @property
    def outputs_per_step(self) -> int:
        """S."""
        ...

    def size(self) -> int:
        """Number of weights."""
        ...

    def build(self) -> Network:
        """The network with these settings."""
        ...


def init(architecture: Architecture, seed: int) -> Params:
    """First weights of a network, the same for the same seed."""
    return architecture.build().init(np.random.default_rng([seed, 0]))


def noisy_features(bags: Bags, tokens: Int32, noise: Noise | None, table: Floats) -> embedding.OneHot:
    """One-hot features of symbols, some dropped where there is noise, to multiply tables like `table`."""
    if not noise or not noise.blocks:
        return embedding.one_hot(bags, tokens, table)
    rng, rate, kind = noise.rng, noise.blocks, np.dtype(np.float32)
    return embedding.one_hot(
        bags, tokens, table, lambda entries: dense.dropout_mask((entries,), rate, rng, kind)
    )


def noisy_tokens(tokens: Int32, bags: Bags, noise: Noise | None) -> Int32:
    """The tokens, some replaced by their `<UNK>` bag where there is noise."""
    if not noise or not noise.unknown:
        return tokens
    swap = noise.rng.random(len(tokens), np.float32) < noise.unknown
    return np.where(swap, bags.unknown[tokens], tokens)


def dropped(x: Floats, batch: Batch, noise: Noise | None) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Dropout where there is noise: y (N, H), and backprop: dy -> dx."""
    if not noise or not noise.dropout:
        return x, lambda dy: dy
    return dense.dropout(x, noise.dropout, batch, noise.rng)


def flagged(
    params: Params, x: Floats, batch: Batch, noise: Noise | None, count: int
) -> tuple[Floats, Callable[[Floats, Gradients], None]]:
    """The embedding x (N, E) with the rows of `count` flags added, some dropped where there is noise.

    All flags of some sequences are dropped, too, so that the network knows sequences that stand alone.

    Returns:
        y (N, E), and backprop: dy, into the gradients; that of x is dy.
    """
    if not count:
        return x, lambda dy, gradients: None
    if batch.flags is None:
        raise ValueError(f"a network with flags needs those of each symbol. Got none, expected {count}")
    kept = batch.flags
    if noise and noise.blocks:
        left = noise.rng.random((len(x), count), np.float32) >= noise.blocks
        told = noise.rng.random(batch.counts[0], np.float32) >= noise.blocks
        left &= told[batch.columns][:, None]
        kept = kept & (left @ (1 << np.arange(count))).astype(np.int32)
    y, back = flags.added(x, params["flags.table"], kept)

    def backprop(dy: Floats, gradients: Gradients) -> None:
        gradients["flags.table"] = back(dy)

    return y, backprop
