"""Next-symbol model: each state predicts the symbol that follows, from nothing or from one symbol.

The article's picture of one to many: x<1> is a row of zeros or one symbol, and y<t-1> is fed back as x<t>.

A symbol is a class of a softmax (a character, a word, a base, a note), or, where several sound together, a
set of K keys, one one-hot block of two each, with a sigmoid for each key. Both are a bag of table rows when
fed in: of one row, of one row for each key that sounds, or of none.

It is the tagger's network (rnn/networks/tagger.py) running forward alone, on inputs one step late.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Int64, Params, RowGradient
from elman.rnn.compute.batches import Bags, Batch, Sequences
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers import dense
from elman.rnn.layers.embedding import one_hot
from elman.rnn.layers.recurrent import cell_named
from elman.rnn.networks.architecture import Backprop, Noise
from elman.rnn.networks.tagger import Carried, NetworkConfig, RecurrentNetwork

DIRECT, START = "head.direct", "head.start"
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
        context: C, the last of the rows, which are fed in beside a symbol and never asked for.
        direct: what is fed in adds to the logits directly, too (Bengio et al., 2003, section 2), by weights
            head.direct (I, S*G), which no dropout reaches: what never follows a symbol stays unlikely.
        start: weights head.start (S*G,) add to the logits of a first step from nothing, where the network has
            nothing but biases, which all other steps share.
    """

    rows: int
    output: str = "softmax"
    hidden: int = 100
    cell: str = "gru"
    layers: int = 1
    embedding: int = 0
    context: int = 0
    direct: bool = False
    start: bool = False

    def __post_init__(self) -> None:
        if self.output not in ("softmax", "sigmoid"):
            raise ValueError(f"output must be softmax or sigmoid. Got {self.output!r}")
        if not 0 <= self.context < self.rows or (self.context and self.output == "sigmoid"):
            raise ValueError(
                f"context must be some rows of a softmax. Got {self.context} of {self.rows}, {self.output}"
            )
        if not cell_named(self.cell).starts_from_state:
            raise ValueError(f"cell must be one that can begin from another state than 0. Got {self.cell!r}")

    @cached_property
    def network(self) -> NetworkConfig:
        """The network that computes its logits."""
        keys = self.output == "sigmoid"
        return NetworkConfig(
            rows=self.rows,
            classes=1 if keys else self.rows - self.context,
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
        """Plain JSON values; of the last three fields those that are set, as earlier versions know none."""
        late = ("context", "direct", "start")
        fields = {name: value for name, value in asdict(self).items() if name not in late or value}
        return {"kind": "next_symbol", **fields}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "NextSymbolConfig":
        """Undo `to_dict`."""
        return cls(**{name: value for name, value in fields.items() if name != "kind"})

    def size(self) -> int:
        """Number of weights."""
        return sum(math.prod(shape) for shape in self.parameters().values())

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, see rnn/networks/tagger.py; head.direct and head.start where they are."""
        return {**self.network.parameters(), **self.further()}

    def further(self) -> dict[str, tuple[int, ...]]:
        """Shapes of head.direct and head.start, where they are."""
        outputs = self.classes * self.outputs_per_step
        found: dict[str, tuple[int, ...]] = {DIRECT: (self.rows, outputs)} if self.direct else {}
        return {**found, START: (outputs,)} if self.start else found

    def build(self) -> RecurrentNetwork:
        """The network with these settings."""
        return _NextSymbolNetwork(self) if self.further() else self.network.build()


class _NextSymbolNetwork(RecurrentNetwork):
    """The network, with weights from what is fed in to the logits, and those of a start from nothing."""

    def __init__(self, config: NextSymbolConfig) -> None:
        super().__init__(config.network)
        self._further = config.further()

    def init(self, rng: np.random.Generator) -> Params:
        """First weights; those of `NextSymbolConfig.further` are 0."""
        zeros = {name: np.zeros(shape, np.float32) for name, shape in self._further.items()}
        return {**super().init(rng), **zeros}

    def forward_from(
        self,
        params: Params,
        bags: Bags,
        batch: Batch,
        noise: Noise | None = None,
        carried: Carried | None = None,
    ) -> tuple[Floats, Backprop]:
        """Logits and backprop, see `RecurrentNetwork.forward_from`."""
        logits, through = super().forward_from(params, bags, batch, noise, carried)
        backs: dict[str, Callable[[Floats], Floats | RowGradient]] = {}
        if DIRECT in self._further:
            direct, backs[DIRECT] = one_hot(bags, batch.tokens, params[DIRECT]).times(params[DIRECT])
            logits = logits + direct
        if START in self._further:
            first = np.flatnonzero(batch.tokens == NOTHING)
            logits[first] += params[START]
            backs[START] = lambda dlogits: dlogits[first].sum(axis=0)

        def backprop(dlogits: Floats) -> Gradients:
            return {**through(dlogits), **{name: back(dlogits) for name, back in backs.items()}}

        return logits, backprop


@dataclass(frozen=True)
class Symbols:
    """Inputs and outputs of M symbols.

    Attributes:
        bags: M + 1 bags or more: the empty one, that of each symbol, then those of symbols with a context.
        outputs: (M, S) int8 or int32: the class of each output that a symbol is.
        variants: copies of the symbols one after the other, such as transpositions: variant v of symbol m is
            m + v * (M / variants). Training draws one for each sequence; variant 0 is the symbol itself.
    """

    bags: Bags
    outputs: np.ndarray
    variants: int = 1

    @classmethod
    def classes(cls, count: int, with_context: Sequence[Sequence[int]] = ()) -> "Symbols":
        """Symbols that are the classes of a softmax.

        Args:
            count: M.
            with_context: rows of symbols with what is fed in beside them, numbered from M on.
        """
        symbols = np.arange(count, dtype=np.int32)
        rows = np.concatenate([symbols, *(np.array(bag, np.int32) for bag in with_context)])
        offsets = np.append(0, offsets_of([1] * count + [len(bag) for bag in with_context]))
        every = np.arange(len(offsets) - 1, dtype=np.int32)
        return cls(Bags(rows, offsets, every), symbols[:, None])

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

    def prior_logits(self, some: Int32, classes: int) -> Floats:
        """Logits (S*G,) that give some symbols their share, counted in all variants, and one more over all.

        Of a softmax they are logarithms of the shares, of a sigmoid log odds.

        Args:
            some: symbols, each as often as it counts.
            classes: G; 1 for keys.
        """
        every = np.concatenate([some + variant * self.distinct for variant in range(self.variants)])
        chosen, n = self.outputs[every], len(every)
        if classes > 1:
            share: Floats = (np.bincount(chosen[:, 0], minlength=classes) + 1 / classes) / (n + 1)
            return np.log(share).astype(np.float32)
        share = (chosen.sum(axis=0) + 1 / chosen.shape[1]) / (n + 1)
        return np.log(share / (1 - share)).astype(np.float32)


def fed_back(symbols: Int32, offsets: Int64, first: Int32 | None = None) -> Sequences:
    """Sequences whose step t is fed the symbol of step t - 1.

    Args:
        symbols: (N,) of all sequences, flat; with a context, as `Symbols.classes` numbers them.
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
