"""Network on dense inputs: feature rows of sound to the classes of connectionist temporal classification.

It is the tagger's network (rnn/networks/tagger.py) without the table: a frame takes the place of the
embedding. A frame is `stack` feature rows side by side, and the next one begins where it ends, so the cells
take fewer steps. Parameters are those of the tagger, and, from the training data, not trained:

    input.mean    (M,)  a feature x is taken as (x - mean) * scale, the same for all rows of a frame
    input.scale   (M,)
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Params
from elman.rnn.compute.batches import Batch
from elman.rnn.layers import dense
from elman.rnn.networks.architecture import Backprop, Noise
from elman.rnn.networks.tagger import NetworkConfig, RecurrentNetwork

InputNorm: TypeAlias = tuple[Floats, Floats]  # mean (M,) and scale (M,)


@dataclass(frozen=True, kw_only=True)
class AcousticConfig:
    """Settings of an acoustic network.

    Attributes:
        features: M, numbers in a feature row.
        classes: V, the blank and the labels.
        stack: feature rows in a frame.
        hidden: H of each direction.
        cell: name of a cell in rnn/layers/cells/.
        layers: recurrent layers on top of each other.
        bidirectional: a second cell runs from the last frame to the first.
    """

    features: int
    classes: int
    stack: int = 3
    hidden: int = 96
    cell: str = "gru"
    layers: int = 2
    bidirectional: bool = True

    def __post_init__(self) -> None:
        if min(self.features, self.stack) < 1 or self.classes < 2:
            raise ValueError(f"expected features, a stack of 1 and 2 classes at least. Got {self}")
        _ = self.network  # refuses the rest

    @cached_property
    def network(self) -> NetworkConfig:
        """The network of its layers."""
        return NetworkConfig(
            rows=1,
            classes=self.classes,
            hidden=self.hidden,
            cell=self.cell,
            bidirectional=self.bidirectional,
            layers=self.layers,
            embedding=self.inputs,
        )

    @property
    def inputs(self) -> int:
        """I, numbers in a frame."""
        return self.features * self.stack

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"kind": "acoustic", **asdict(self)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "AcousticConfig":
        """Undo `to_dict`."""
        return cls(**{name: value for name, value in fields.items() if name != "kind"})

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        layers = {name: shape for name, shape in self.network.parameters().items() if name != "table"}
        return {"input.mean": (self.features,), "input.scale": (self.features,), **layers}

    def size(self) -> int:
        """Number of weights."""
        return self.network.size() - self.inputs + 2 * self.features

    def build(self) -> "AcousticNetwork":
        """The network with these settings."""
        return AcousticNetwork(self)


class AcousticNetwork:
    """The network with the settings of an `AcousticConfig`."""

    def __init__(self, config: AcousticConfig) -> None:
        self.config, self._recurrent = config, RecurrentNetwork(config.network)

    def init(self, rng: np.random.Generator, norm: InputNorm | None = None) -> Params:
        """First weights, float32; without a norm, features are taken as they are."""
        M = self.config.features
        mean, scale = (np.zeros(M), np.ones(M)) if norm is None else norm
        params = {name: value for name, value in self._recurrent.init(rng).items() if name != "table"}
        return {"input.mean": mean.astype(np.float32), "input.scale": scale.astype(np.float32), **params}

    def forward(
        self, params: Params, frames: Floats, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits of a packed batch.

        Args:
            params: as `AcousticConfig.parameters`.
            frames: (F, I) of all sequences; row n of the batch is frame `batch.tokens[n]`.
            batch: N rows.
            noise: dropout, in training only.

        Returns:
            logits (N, V), and backprop: dlogits -> gradients of all that is trained.
        """
        x = normalised(params, frames[batch.tokens])
        h, layers_back = self._recurrent.dense_states(params, x, batch, noise, self.config.layers)
        logits, head_back = dense.linear(h, params["head.Wy"], params["head.by"])

        def backprop(dlogits: Floats) -> Gradients:
            gradients: Gradients = {}
            dh, gradients["head.Wy"], gradients["head.by"] = head_back(dlogits)
            layers_back(dh, gradients)
            return gradients

        return logits, backprop


def normalised(params: Params, frames: Floats) -> Floats:
    """(frame - mean) * scale, feature by feature; frames (N, I)."""
    rows = frames.reshape(-1, len(params["input.mean"]))
    x: Floats = (rows - params["input.mean"]) * params["input.scale"]
    return x.reshape(frames.shape)


def stacked(rows: Floats, stack: int) -> Floats:
    """Frames (ceil(T / stack), stack * M) of feature rows (T, M); the last row is repeated to fill one."""
    missing = -len(rows) % stack
    if missing:
        rows = np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)])
    return rows.reshape(-1, stack * rows.shape[1])


def input_norm(parts: Iterable[Any], floor: float = 1e-3) -> InputNorm:
    """Mean and 1 / standard deviation of the features of a training set.

    Args:
        parts: arrays of feature rows (T, M).
        floor: least standard deviation: a feature that hardly changes is not blown up.
    """
    count, total, squares = 0, np.zeros(1), np.zeros(1)
    for rows in parts:
        values = rows.astype(np.float64)
        count += len(values)
        total = total + values.sum(axis=0)
        squares = squares + (values**2).sum(axis=0)
    mean = total / max(count, 1)
    deviation = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, floor**2))
    return mean.astype(np.float32), (1 / deviation).astype(np.float32)
