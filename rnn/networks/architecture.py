"""The interface of a network to training and decoding; noise, one-hot input and first weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Params, compiled
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.layers import dense as layers
from elman.rnn.layers.embedding import OneHot


@dataclass(frozen=True)
class Noise:
    """What training adds to a forward pass.

    Attributes:
        rng: where it is drawn from.
        dropout: share of hidden units silenced, per sequence.
        unknown: probability that a symbol is replaced by its `<UNK>` bag.
        blocks: share of single blocks dropped from the bags of a batch.
        states: share of hidden units silenced on the way from step to step, per sequence.
    """

    rng: np.random.Generator
    dropout: float = 0.0
    unknown: float = 0.0
    blocks: float = 0.0
    states: float = 0.0


Backprop: TypeAlias = Callable[
    [Floats], Gradients
]  # gradient of the logits (N, S*G) -> those of all parameters


class Architecture(Protocol):
    """What `fit` and `predict` ask of a network: its settings, first weights and forward pass."""

    @property
    def rows(self) -> int:
        """I."""
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

    def to_dict(self) -> dict[str, Any]:
        """Its settings as plain JSON values."""
        ...

    def size(self) -> int:
        """How many numbers its parameters are."""
        ...

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        ...

    def start(self, rng: np.random.Generator) -> Params:
        """First weights, float32."""
        ...

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits (N, S*G) of a packed batch, and the way back."""
        ...


def one_hot(bags: Bags, tokens: Int32, noise: Noise | None, table: Floats) -> OneHot:
    """The one-hot blocks of some symbols, with their noise, to multiply tables like `table` with."""
    keep = None
    if noise and noise.blocks:
        rng, share = noise.rng, noise.blocks

        def keep(entries: int) -> Floats:
            return layers.mask((entries,), share, rng, np.dtype(np.float32))

    if not compiled(table.dtype):
        return OneHot(bags, tokens, keep)
    from elman.rnn.layers import embedding_kernels

    return embedding_kernels.OneHot(bags, tokens, len(table), keep)


def replaced(tokens: Int32, bags: Bags, noise: Noise | None) -> Int32:
    """The tokens, some replaced by their `<UNK>` bag where there is noise."""
    if not noise or not noise.unknown:
        return tokens
    swap = noise.rng.random(len(tokens), np.float32) < noise.unknown
    return np.where(swap, bags.unknown[tokens], tokens)


def dropped(
    x: Floats, batch: Batch, noise: Noise | None
) -> tuple[Floats, Callable[[Floats, Gradients], Floats]]:
    """Dropout where there is noise, as a link of the chain of backprops."""
    if not noise or not noise.dropout:
        return x, lambda dy, gradients: dy
    y, back = layers.dropout(x, noise.dropout, batch, noise.rng)
    return y, lambda dy, gradients: back(dy)


def glorot(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Uniform weights of Glorot and Bengio (2010), equation 16, for a matrix (or a stack of them)."""
    return (rng.uniform(-1, 1, shape) * math.sqrt(6 / sum(shape[-2:]))).astype(np.float32)


def init(config: Architecture, seed: int) -> Params:
    """First weights of a network, the same for the same seed."""
    return config.start(np.random.default_rng([seed, 0]))
