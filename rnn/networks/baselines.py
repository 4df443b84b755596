"""Baselines of the recurrent network: the padded standard network, a window network, the most frequent tag.

The first two are architectures as `NetworkConfig` is, trained and decoded in its place.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Int64, Params, RowGradient
from elman.rnn.compute.batches import Bags, Batch, Sequences
from elman.rnn.compute.ragged import positions_of, take
from elman.rnn.layers import dense
from elman.rnn.layers.recurrent import glorot
from elman.rnn.networks.architecture import Backprop, Noise, dropped, noisy_features, noisy_tokens

OUTSIDE_LOGIT = 30.0  # of class 0 beyond the padded length, where the standard network has no output


@dataclass(frozen=True, kw_only=True)
class PaddedConfig:
    """Settings of the standard network the article replaces: the whole sentence at once, padded.

    The one-hot vectors of all positions, flattened, enter one hidden layer; each position has outputs of its
    own. A weight row belongs to a position and a table row: `position * rows + row`. All start at zero, and
    only those that occur in training ever move, so only these are stored; any other adds zero.

    Attributes:
        rows: I of one position.
        classes: G.
        longest: T, steps of the longest sentence of training; symbols beyond it get class 0.
        pairs: (P,) the weight rows stored, rising.
        hidden: H.
        output: softmax.
        outputs_per_step: 1.
    """

    rows: int
    classes: int
    longest: int
    pairs: Int64 = field(repr=False)
    hidden: int = 100
    output: str = "softmax"
    outputs_per_step: int = 1

    @classmethod
    def of(
        cls, bags: Bags, train: Sequences, *, rows: int, classes: int, hidden: int = 100
    ) -> "PaddedConfig":
        """The network padded to the longest sentence of `train`."""
        position, keys = positions_of(train.offsets), []
        for tokens in (train.tokens, bags.unknown[train.tokens]):
            offsets, entries = take(bags.offsets, tokens)
            keys.append(np.unique(np.repeat(position, np.diff(offsets)) * rows + bags.rows[entries]))
        longest = int(train.lengths.max())
        return cls(
            rows=rows, classes=classes, longest=longest, pairs=np.unique(np.concatenate(keys)), hidden=hidden
        )

    def to_dict(self) -> dict[str, Any]:
        """Its settings, for a report; this network is never saved."""
        sizes = {"rows": self.rows, "classes": self.classes, "longest": self.longest, "hidden": self.hidden}
        return {"kind": "padded", **sizes}

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every stored parameter."""
        T, H, G = self.longest, self.hidden, self.classes
        return {"table": (len(self.pairs), H), "hidden.b": (H,), "head.Wy": (T, H, G), "head.by": (T, G)}

    def size(self) -> int:
        """Number of weights, those that never move included."""
        T, H, G = self.longest, self.hidden, self.classes
        return T * self.rows * H + H + T * H * G + T * G

    def build(self) -> "PaddedNetwork":
        """The network with these settings."""
        return PaddedNetwork(self)


class PaddedNetwork:
    """The standard network with the settings of a `PaddedConfig`."""

    def __init__(self, config: PaddedConfig) -> None:
        self.config = config

    def init(self, rng: np.random.Generator) -> Params:
        """Input weights and biases zero, output weights Glorot."""
        shapes = self.config.parameters()
        params: Params = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        params["head.Wy"] = glorot(rng, shapes["head.Wy"])
        return params

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits (N, G) of a packed batch, and backprop; see `architecture.Network`."""
        table, Wy, by = params["table"], params["head.Wy"], params["head.by"]
        seen = min(self.config.longest, len(batch.counts))
        rows = int(batch.starts[seen])
        tokens = noisy_tokens(batch.tokens[:rows], bags, noise)
        onehot, touched = self._one_hot(bags, batch, tokens, table.dtype)
        h = np.tanh(onehot @ table[touched] + params["hidden.b"])
        if noise and noise.dropout:
            mask = dense.dropout_mask(h.shape, noise.dropout, noise.rng, h.dtype)
        else:
            mask = np.ones_like(h)
        y = h * mask
        steps = list(enumerate(zip(batch.starts[:seen], batch.starts[1 : seen + 1], strict=True)))
        logits = np.zeros((len(batch.places), self.config.classes), h.dtype)
        logits[rows:, 0] = OUTSIDE_LOGIT
        for t, (a, b) in steps:
            logits[a:b] = y[: b - a] @ Wy[t] + by[t]

        def backprop(dlogits: Floats) -> Gradients:
            dWy, dby, dy = np.zeros_like(Wy), np.zeros_like(by), np.zeros_like(h)
            for t, (a, b) in steps:
                dWy[t] = y[: b - a].T @ dlogits[a:b]
                dby[t] = dlogits[a:b].sum(axis=0)
                dy[: b - a] += dlogits[a:b] @ Wy[t].T
            dz = dy * mask * (1 - h**2)
            dtable = RowGradient(touched, onehot.T @ dz)
            return {"head.Wy": dWy, "head.by": dby, "hidden.b": dz.sum(axis=0), "table": dtable}

        return logits, backprop

    def _one_hot(
        self, bags: Bags, batch: Batch, tokens: Int32, dtype: np.dtype[Any]
    ) -> tuple[scipy.sparse.csr_array, Int64]:
        """The flattened one-hot input of each sequence, (B, K), and the K stored weight rows that occur."""
        pairs = self.config.pairs
        offsets, entries = take(bags.offsets, tokens)
        sizes = np.diff(offsets)
        keys = np.repeat(batch.steps[: len(tokens)], sizes) * self.config.rows + bags.rows[entries]
        stored = np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)
        known = pairs[stored] == keys
        touched, place = np.unique(stored[known], return_inverse=True)
        sequence = np.repeat(batch.columns[: len(tokens)], sizes)[known]
        entered = (np.ones(len(place), dtype), (sequence, place))
        return scipy.sparse.csr_array(entered, shape=(len(batch.sequences), len(touched))), touched


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """Settings of a feed-forward network over a window: features of `width` neighbours, one hidden layer.

    Attributes:
        rows: I.
        classes: G; 1 for sigmoid.
        width: W, symbols in the window, odd.
        hidden: H.
        output: softmax or sigmoid.
        outputs_per_step: S.
    """

    rows: int
    classes: int
    width: int = 5
    hidden: int = 100
    output: str = "softmax"
    outputs_per_step: int = 1

    def __post_init__(self) -> None:
        if self.width < 1 or self.width % 2 == 0:
            raise ValueError(f"width must be odd. Got {self.width}")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"kind": "window", **asdict(self)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "WindowConfig":
        """Undo `to_dict`."""
        return cls(**{name: value for name, value in fields.items() if name != "kind"})

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter; the table has H columns for each place, `edge` is for places outside."""
        W, H, O = self.width, self.hidden, self.classes * self.outputs_per_step  # noqa: E741
        return {
            "table": (self.rows, W * H),
            "edge": (W, H),
            "hidden.b": (H,),
            "head.Wy": (H, O),
            "head.by": (O,),
        }

    def size(self) -> int:
        """Number of weights."""
        return sum(math.prod(shape) for shape in self.parameters().values())

    def build(self) -> "WindowNetwork":
        """The network with these settings."""
        return WindowNetwork(self)


class WindowNetwork:
    """The window network with the settings of a `WindowConfig`."""

    def __init__(self, config: WindowConfig) -> None:
        self.config = config

    def init(self, rng: np.random.Generator) -> Params:
        """Table small and normal, output Glorot, the rest zero."""
        shapes = self.config.parameters()
        params: Params = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        params["table"] = rng.standard_normal(shapes["table"], np.float32) * np.float32(0.1)
        params["head.Wy"] = glorot(rng, shapes["head.Wy"])
        return params

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits (N, S*G) of a packed batch, and backprop; see `architecture.Network`."""
        tokens = noisy_tokens(batch.tokens, bags, noise)
        x, table_back = noisy_features(bags, tokens, noise, params["table"]).times(params["table"])
        W, H, N = self.config.width, self.config.hidden, len(x)
        length = np.bincount(batch.columns)[batch.columns]
        neighbours = []
        z = np.broadcast_to(params["hidden.b"], (N, H)).copy()
        for w in range(W):
            step = batch.steps + w - W // 2
            inside = (step >= 0) & (step < length)
            source = batch.starts[step[inside]] + batch.columns[inside]
            z[inside] += x[source, w * H : (w + 1) * H]
            z[~inside] += params["edge"][w]
            neighbours.append((inside, source))
        h = np.tanh(z)
        y, dropout_back = dropped(h, batch, noise)
        logits, head_back = dense.linear(y, params["head.Wy"], params["head.by"])

        def backprop(dlogits: Floats) -> Gradients:
            dy, dWy, dby = head_back(dlogits)
            dz = dropout_back(dy) * (1 - h**2)
            dx, dedge = np.zeros_like(x), np.zeros_like(params["edge"])
            for w, (inside, source) in enumerate(neighbours):
                dx[source, w * H : (w + 1) * H] = dz[inside]
                dedge[w] = dz[~inside].sum(axis=0)
            dtable = table_back(dx)
            return {
                "head.Wy": dWy,
                "head.by": dby,
                "hidden.b": dz.sum(axis=0),
                "edge": dedge,
                "table": dtable,
            }

        return logits, backprop


def most_frequent(train: Sequences, *, symbols: int, classes: int) -> Int32:
    """Most frequent tag of each symbol in training, class 0 where it does not occur.

    Args:
        train: sequences with targets, one a step.
        symbols: M.
        classes: G.

    Returns:
        tag (M,) of each symbol, the lower class of equals; `tag[sequences.tokens]` tags sequences.
    """
    if train.targets is None:
        raise ValueError("the most frequent tag needs targets. Got none")
    known = train.targets >= 0
    pairs = train.tokens[known].astype(np.int64) * classes + train.targets[known]
    counts = np.bincount(pairs, minlength=symbols * classes).reshape(symbols, classes)
    best: Int32 = counts.argmax(axis=1).astype(np.int32)
    return best
