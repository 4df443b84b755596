"""Next-symbol model: each state predicts the symbol that follows, from nothing or from one symbol.

The article's picture of one to many: x<1> is a row of zeros or one symbol, and y<t-1> is fed back as x<t>.

A symbol is a class of a softmax (a character, a word, a base, a note), or, where several sound together, a
set of K keys, one one-hot block of two each, with a sigmoid for each key. Both are a bag of table rows when
fed in: of one row, of one row for each key that sounds, or of none.

It is the tagger's network (rnn/networks/tagger.py) running forward alone, on inputs one step late.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.layers import dense
from elman.rnn.layers.recurrent import cell_named
from elman.rnn.networks.tagger import NetworkConfig, RecurrentNetwork

NOTHING = 0  # number of the empty bag, a row of zeros; the bag of symbol m is m + 1


@dataclass(frozen=True, kw_only=True)
class NextSymbolConfig:
    """Settings of a next-symbol model.

    Attributes:
        rows: I, symbols of a softmax, or K keys.
        output: softmax or sigmoid.
        hidden: H.
        cell: name of a cell in rnn/layers/cells/ that can begin from another state than 0.
        layers: recurrent layers on top of each other.
        embedding: E, width between the symbol and the cell; 0 feeds the cell directly.
    """

    rows: int
    output: str = "softmax"
    hidden: int = 100
    cell: str = "gru"
    layers: int = 1
    embedding: int = 0

    def __post_init__(self) -> None:
        if self.output not in ("softmax", "sigmoid"):
            raise ValueError(f"output must be softmax or sigmoid. Got {self.output!r}")
        if not cell_named(self.cell).starts_from_state:
            raise ValueError(f"cell must be one that can begin from another state than 0. Got {self.cell!r}")

    @cached_property
    def network(self) -> NetworkConfig:
        """The network that computes its logits."""
        keys = self.output == "sigmoid"
        return NetworkConfig(
            rows=self.rows,
            classes=1 if keys else self.rows,
            hidden=self.hidden,
            cell=self.cell,
            bidirectional=False,
            layers=self.layers,
            output=self.output,
            outputs_per_step=self.rows if keys else 1,
            embedding=self.embedding,
        )

    @property
    def classes(self) -> int:
        """G; 1 for keys."""
        return self.network.classes

    @property
    def outputs_per_step(self) -> int:
        """S; K for keys."""
        return self.network.outputs_per_step

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"kind": "next_symbol", **asdict(self)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "NextSymbolConfig":
        """Undo `to_dict`."""
        return cls(**{name: value for name, value in fields.items() if name != "kind"})

    def size(self) -> int:
        """Number of weights."""
        return self.network.size()

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, see rnn/networks/tagger.py."""
        return self.network.parameters()

    def build(self) -> RecurrentNetwork:
        """The network with these settings."""
        return self.network.build()


@dataclass(frozen=True)
class Symbols:
    """What M symbols feed in and ask for.

    Attributes:
        bags: M + 1 bags: the empty one, then that of each symbol.
        outputs: (M, S) int8 or int32: the class of each output that a symbol is.
        variants: copies of the symbols one after the other, such as transpositions: variant v of symbol m is
            m + v * (M / variants). Training draws one for each sequence; variant 0 is the symbol itself.
    """

    bags: Bags
    outputs: np.ndarray
    variants: int = 1

    @classmethod
    def classes(cls, count: int) -> "Symbols":
        """Symbols that are the classes of a softmax."""
        rows = np.arange(count, dtype=np.int32)
        offsets = np.append(0, np.arange(count + 1)).astype(np.int64)
        return cls(Bags(rows, offsets, np.arange(count + 1, dtype=np.int32)), rows[:, None])

    @classmethod
    def keys(cls, sets: np.ndarray, shifts: tuple[int, ...] = (0,)) -> "Symbols":
        """Symbols that are sets of keys.

        Args:
            sets: (M, K) bool.
            shifts: by how many keys each variant lies higher; the first is 0. No key may leave its end.
        """
        shifted = []
        for shift in shifts:
            moved = np.roll(sets, shift, axis=1)
            lost = moved[:, :shift] if shift > 0 else moved[:, shift:] if shift < 0 else moved[:, :0]
            if lost.any():
                raise ValueError(f"shifts must keep all keys within {sets.shape[1]}. Got {shift}")
            shifted.append(moved)
        outputs = np.concatenate(shifted)
        _, rows = np.nonzero(outputs)
        offsets = np.concatenate([[0, 0], np.cumsum(outputs.sum(axis=1))]).astype(np.int64)
        unknown = np.arange(len(outputs) + 1, dtype=np.int32)
        return cls(Bags(rows.astype(np.int32), offsets, unknown), outputs.astype(np.int8), len(shifts))

    @property
    def distinct(self) -> int:
        """Symbols without their variants."""
        return len(self.outputs) // self.variants


def fed_back(symbols: Int32, offsets: Int64, first: Int32 | None = None) -> Sequences:
    """Sequences whose step t is fed the symbol of step t - 1.

    Args:
        symbols: (N,) of all sequences, flat.
        offsets: (n + 1,)
        first: (n,) bag fed in at the first step of each; nothing by default.
    """
    tokens = np.append(NOTHING, symbols[:-1] + 1).astype(np.int32)
    tokens[offsets[:-1]] = NOTHING if first is None else first
    return Sequences(tokens, offsets)


def loss(
    config: NextSymbolConfig, symbols: Symbols, logits: Floats, targets: Int32
) -> tuple[float, float, Floats]:
    """Negative log-likelihood of the symbols of a batch, in nats.

    Args:
        config: of the model.
        symbols: all of them.
        logits: (N, S*G)
        targets: (N,) symbol of each row.

    Returns:
        the sum over all steps and outputs, the number of steps, and the gradient of the sum (N, S*G).
    """
    y = symbols.outputs[targets].astype(np.int32).reshape(-1)
    entropy = dense.sigmoid_cross_entropy if config.output == "sigmoid" else dense.softmax_cross_entropy
    total, _, d = entropy(logits.reshape(len(y), -1), y)
    return total, float(len(targets)), d.reshape(logits.shape)


def step_losses(config: NextSymbolConfig, symbols: Symbols, logits: Floats, targets: Int32) -> Floats:
    """Negative log-likelihood of each step, (N,) float64, as `loss` sums them."""
    z, y = logits.astype(np.float64), symbols.outputs[targets]
    if config.output == "sigmoid":
        every: Floats = (np.logaddexp(0, z) - y * z).sum(axis=1)
        return every
    top = z.max(axis=1)
    mass: Floats = np.log(np.exp(z - top[:, None]).sum(axis=1)) + top
    losses: Floats = mass - z[np.arange(len(z)), y[:, 0]]
    return losses
