"""Classifier: one class for a whole sequence, from its last or pooled state.

The article's picture of many to one: the states of all steps as in a tagger, and one output y, computed from
the last state a<T>, or from the mean or maximum of all. It is the tagger's network (rnn/networks/tagger.py)
with a head that sees one row for each sequence.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Params
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.layers import dense
from elman.rnn.layers.pooling import POOLINGS, pool
from elman.rnn.networks.architecture import Backprop, Noise
from elman.rnn.networks.tagger import NetworkConfig


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Settings of a classifier.

    Attributes:
        rows: I, rows of the table: one-hot features of all kinds side by side.
        classes: G.
        hidden: H of each direction.
        cell: name of a cell in rnn/layers/cells/.
        bidirectional: a second cell runs from right to left.
        layers: recurrent layers on top of each other.
        embedding: E, width between the features and the cell; 0 feeds the cell directly.
        letters: L, rows at the end of the table that are characters, see `NetworkConfig`.
        pooling: one of rnn.layers.pooling.POOLINGS.
    """

    output: ClassVar[str] = "softmax"
    outputs_per_step: ClassVar[int] = 1

    rows: int
    classes: int
    hidden: int = 100
    cell: str = "gru"
    bidirectional: bool = True
    layers: int = 1
    embedding: int = 0
    letters: int = 0
    pooling: str = "mean"

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}. Got {self.pooling!r}")
        _ = self.network  # checks the sizes

    @cached_property
    def network(self) -> NetworkConfig:
        """The network that computes the states, with a head of the same shape."""
        fields = asdict(self)
        del fields["pooling"]
        return NetworkConfig(**fields, output=self.output)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"kind": "classifier", **asdict(self)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "ClassifierConfig":
        """Undo `to_dict`."""
        return cls(**{name: value for name, value in fields.items() if name != "kind"})

    def size(self) -> int:
        """Number of weights."""
        return self.network.size()

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, see rnn/networks/tagger.py."""
        return self.network.parameters()

    def build(self) -> "Classifier":
        """The network with these settings."""
        return Classifier(self)


class Classifier:
    """The network with the settings of a `ClassifierConfig`."""

    def __init__(self, config: ClassifierConfig) -> None:
        self.config, self.network = config, config.network.build()

    def init(self, rng: np.random.Generator) -> Params:
        """First weights, as of the tagger."""
        return self.network.init(rng)

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits (B, G) of a packed batch, row i of sequence i of the batch; and backprop."""
        h, states_back = self.network.states(params, bags, batch, noise, self.config.layers)
        pooled, pooling_back = pool(h, batch, self.config.pooling, self.config.network.directions)
        logits, head_back = dense.linear(pooled, params["head.Wy"], params["head.by"])

        def backprop(dlogits: Floats) -> Gradients:
            gradients: Gradients = {}
            d, gradients["head.Wy"], gradients["head.by"] = head_back(dlogits)
            states_back(pooling_back(d), gradients)
            return gradients

        return logits, backprop
