"""What the recurrent network is compared with: the padded standard network, a window network, a rule.

The first two are architectures like `NetworkConfig`: `fit` and `predict` take them in its place.
"""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Int64, Params, RowGradient
from elman.rnn.compute.batches import Bags, Batch, Sequences
from elman.rnn.layers import dense
from elman.rnn.networks.architecture import Backprop, Noise, dropped, glorot, one_hot, replaced

MISSED = 30.0  # logit of class 0 where the padded network cannot see: the symbol is missed


@dataclass(frozen=True, kw_only=True)
class PaddedConfig:
    """The standard network the article replaces: the whole sentence at once, padded to a fixed length.

    The one-hot vectors of all positions, flattened, enter one hidden layer; each position has outputs of
    its own. A weight row belongs to a position and a table row: `position * rows + row`. All start at zero,
    and only those met in training ever move, so only these are stored; any other still adds its zero.

    Attributes:
        rows: I of one position.
        classes: G.
        longest: T, steps of the longest sentence of training; symbols beyond it are missed (class 0).
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
        position = np.arange(len(train.tokens)) - np.repeat(train.offsets[:-1], train.lengths)
        keys = []
        for tokens in (train.tokens, bags.unknown[train.tokens]):
            entries, sizes = entries_of(bags, tokens)
            keys.append(np.unique(np.repeat(position, sizes) * rows + bags.rows[entries]))
        longest = int(train.lengths.max())
        return cls(
            rows=rows, classes=classes, longest=longest, pairs=np.unique(np.concatenate(keys)), hidden=hidden
        )

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every stored parameter."""
        T, H, G = self.longest, self.hidden, self.classes
        return {"table": (len(self.pairs), H), "hidden.b": (H,), "head.Wy": (T, H, G), "head.by": (T, G)}

    def size(self) -> int:
        """How many numbers the parameters are, those that never move included."""
        T, H, G = self.longest, self.hidden, self.classes
        return T * self.rows * H + H + T * H * G + T * G

    def start(self, rng: np.random.Generator) -> Params:
        """Input weights and biases zero, output weights Glorot."""
        params = {name: np.zeros(shape, np.float32) for name, shape in self.parameters().items()}
        params["head.Wy"] = glorot(rng, params["head.Wy"].shape)
        return {**params}

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits (N, G) of a packed batch, and the way back; see `NetworkConfig.forward`."""
        table, Wy, by = params["table"], params["head.Wy"], params["head.by"]
        B, seen = len(batch.sequences), min(self.longest, len(batch.counts))
        rows = int(batch.starts[seen])
        entries, sizes = entries_of(bags, replaced(batch.tokens[:rows], bags, noise))
        step = np.repeat(np.arange(seen), batch.counts[:seen])
        keys = np.repeat(step, sizes) * self.rows + bags.rows[entries]
        stored = np.minimum(np.searchsorted(self.pairs, keys), len(self.pairs) - 1)
        known = self.pairs[stored] == keys
        touched, column = np.unique(stored[known], return_inverse=True)
        member = np.repeat(batch.member[:rows], sizes)[known]
        ones = np.ones(len(column), table.dtype)
        onehot = scipy.sparse.csr_array((ones, (member, column)), shape=(B, len(touched)))
        h = np.tanh(onehot @ table[touched] + params["hidden.b"])
        if noise and noise.dropout:
            mask = dense.mask(h.shape, noise.dropout, noise.rng, h.dtype)
        else:
            mask = np.ones_like(h)
        kept = h * mask
        logits = np.zeros((len(batch.places), self.classes), h.dtype)
        logits[rows:, 0] = MISSED
        for t, (a, b) in enumerate(zip(batch.starts[:seen], batch.starts[1 : seen + 1], strict=True)):
            logits[a:b] = kept[: b - a] @ Wy[t] + by[t]

        def backprop(dlogits: Floats) -> Gradients:
            dWy, dby, dkept = np.zeros_like(Wy), np.zeros_like(by), np.zeros_like(h)
            for t, (a, b) in enumerate(zip(batch.starts[:seen], batch.starts[1 : seen + 1], strict=True)):
                dWy[t] = kept[: b - a].T @ dlogits[a:b]
                dby[t] = dlogits[a:b].sum(axis=0)
                dkept[: b - a] += dlogits[a:b] @ Wy[t].T
            dz = dkept * mask * (1 - h**2)
            table_gradient = RowGradient(touched, onehot.T @ dz)
            return {"head.Wy": dWy, "head.by": dby, "hidden.b": dz.sum(axis=0), "table": table_gradient}

        return logits, backprop

    def to_dict(self) -> dict[str, Any]:
        """Its settings, for a report; this network is compared with, not kept."""
        sizes = {"rows": self.rows, "classes": self.classes, "longest": self.longest, "hidden": self.hidden}
        return {"kind": "padded", **sizes}


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """A feed-forward network over a window: the blocks of `width` neighbours, concatenated, one hidden layer.

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
    def from_dict(cls, fields: dict[str, Any]) -> "WindowConfig":
        """Undo `to_dict`."""
        return cls(**{name: value for name, value in fields.items() if name != "kind"})

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter; the table has a block of H for each place, `edge` stands outside."""
        W, H, O = self.width, self.hidden, self.classes * self.outputs_per_step  # noqa: E741
        return {
            "table": (self.rows, W * H),
            "edge": (W, H),
            "hidden.b": (H,),
            "head.Wy": (H, O),
            "head.by": (O,),
        }

    def size(self) -> int:
        """How many numbers the parameters are."""
        return sum(math.prod(shape) for shape in self.parameters().values())

    def start(self, rng: np.random.Generator) -> Params:
        """Tables small and normal, output Glorot, the rest zero."""
        params: Params = {name: np.zeros(shape, np.float32) for name, shape in self.parameters().items()}
        params["table"] = rng.standard_normal(params["table"].shape, np.float32) * np.float32(0.1)
        params["head.Wy"] = glorot(rng, params["head.Wy"].shape)
        return params

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits (N, S*G) of a packed batch, and the way back; see `NetworkConfig.forward`."""
        tokens = replaced(batch.tokens, bags, noise)
        x, table_back = one_hot(bags, tokens, noise, params["table"]).times(params["table"])
        H, N = self.hidden, len(x)
        step = np.repeat(np.arange(len(batch.counts)), batch.counts)
        length = np.bincount(batch.member)[batch.member]
        pieces = []
        z = np.broadcast_to(params["hidden.b"], (N, H)).copy()
        for w in range(self.width):
            at = step + w - self.width // 2
            inside = (at >= 0) & (at < length)
            source = batch.starts[at[inside]] + batch.member[inside]
            z[inside] += x[source, w * H : (w + 1) * H]
            z[~inside] += params["edge"][w]
            pieces.append((inside, source))
        h = np.tanh(z)
        kept, drop_back = dropped(h, batch, noise)
        logits, head_back = dense.linear(kept, params["head.Wy"], params["head.by"])

        def backprop(dlogits: Floats) -> Gradients:
            dkept, dWy, dby = head_back(dlogits)
            dz = drop_back(dkept, {}) * (1 - h**2)
            dx, dedge = np.zeros_like(x), np.zeros_like(params["edge"])
            for w, (inside, source) in enumerate(pieces):
                dx[source, w * H : (w + 1) * H] = dz[inside]
                dedge[w] = dz[~inside].sum(axis=0)
            return {
                "head.Wy": dWy,
                "head.by": dby,
                "hidden.b": dz.sum(axis=0),
                "edge": dedge,
                "table": table_back(dx),
            }

        return logits, backprop


def entries_of(bags: Bags, tokens: Int32) -> tuple[Int64, Int64]:
    """Places in `bags.rows` of all bags of these tokens, one after another, and how many each has."""
    sizes = bags.offsets[tokens + 1] - bags.offsets[tokens]
    ends = np.cumsum(sizes)
    return np.repeat(bags.offsets[tokens] - ends + sizes, sizes) + np.arange(ends[-1]), sizes


def most_frequent(train: Sequences, *, symbols: int, classes: int) -> Int32:
    """The rule: each symbol has the tag it has most often in training, class 0 when never met.

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
