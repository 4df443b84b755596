"""Two-strand tagger: a GRU over both strands of DNA with a tied head.

Its output for the reverse complement is exactly the mirror image of its output for the sequence, as one cell
reads both strands and the head is tied.

T time steps, B sequences, K = 2B columns (every sequence, then every reverse complement, each from its own
first step), S symbols a step, I table rows, E embedding width of a slot, H hidden units.

    x[t]    = the S table rows of step t, concatenated                       (S * E,)
    r, z, n = gates of a GRU on x[t] and h[t-1]                              (Cho et al., 2014, with the reset
                                                                             gate after the product)
    logits  = for each symbol: none; for each strand three codon positions and the start of a gene

With f, g the states of the two readings at the same step, symbol s of step t has
    none = f @ C[s] + g @ C[S-1-s],  + = f @ A[s] + g @ B[s],  - = g @ A[S-1-s] + f @ B[S-1-s].
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from elman.rnn.compute.arrays import Floats, Gradients, Params
from elman.rnn.compute.batches import Batch
from elman.rnn.compute.threads import single_threaded
from elman.rnn.layers import dense
from elman.rnn.layers.recurrent import cell_named
from elman.rnn.networks.weights import KINDS

STRAND_LOGITS = 4  # logits a strand: three codon positions, and the start of a gene
LOGITS = 1 + 2 * STRAND_LOGITS  # logits a symbol: none, forward, reverse
CLASSES = 7  # none, three positions forward, three reverse: the softmax
Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class StrandConfig:
    """Shape of the two-strand network.

    Attributes:
        rows: I, a multiple of S: each slot has table rows of its own.
        slots: S, symbols in a step.
        embedding: E
        hidden: H
    """

    rows: int
    slots: int = 6
    embedding: int = 16
    hidden: int = 96

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `kind` names the architecture."""
        return {"kind": "strands", **asdict(self)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "StrandConfig":
        """Undo `to_dict`."""
        return cls(**{name: value for name, value in fields.items() if name != "kind"})

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        H, S = self.hidden, self.slots
        return {
            "table": (self.rows, self.embedding),
            "Wx": (S * self.embedding, 3 * H),
            "b": (3 * H,),
            "Wh": (H, 3 * H),
            "bn": (H,),
            "A": (H, S, STRAND_LOGITS),
            "B": (H, S, STRAND_LOGITS),
            "C": (H, S),
            "by": (1 + STRAND_LOGITS,),
        }

    def size(self) -> int:
        """Number of parameters."""
        return sum(math.prod(shape) for shape in self.parameters().values())


KINDS["strands"] = StrandConfig


def init(config: StrandConfig, seed: int) -> Params:
    """Initial weights, float32: orthogonal Wh, normal table, Glorot elsewhere, zero biases."""
    rng = np.random.default_rng([seed, 0])
    params: Params = {}
    for name, shape in config.parameters().items():
        if name == "table":
            value = rng.standard_normal(shape) * 0.5
        elif name == "Wh":
            value = np.hstack([np.linalg.qr(rng.standard_normal((shape[0],) * 2))[0] for _ in range(3)])
        elif name in ("b", "bn", "by"):
            value = np.zeros(shape)
        else:
            value = rng.uniform(-1, 1, shape) * math.sqrt(6 / (shape[0] + math.prod(shape[1:])))
        params[name] = np.ascontiguousarray(value, np.float32)
    return params


def head(params: Params) -> tuple[Floats, Floats]:
    """The tied head as one matrix: Wy (2H, S*LOGITS), by (S*LOGITS,)."""
    A, B, C = params["A"], params["B"], params["C"]
    H, S = C.shape
    Wy = np.empty((2, H, S, LOGITS), A.dtype)
    Wy[0, :, :, 0], Wy[1, :, :, 0] = C, C[:, ::-1]
    Wy[0, :, :, 1 : 1 + STRAND_LOGITS], Wy[1, :, :, 1 : 1 + STRAND_LOGITS] = A, B
    Wy[0, :, :, 1 + STRAND_LOGITS :], Wy[1, :, :, 1 + STRAND_LOGITS :] = B[:, ::-1], A[:, ::-1]
    by = params["by"]
    return Wy.reshape(2 * H, S * LOGITS), np.tile(np.concatenate([by, by[1:]]), S)


def _head_back(dWy: Floats, dby: Floats, S: int) -> Gradients:
    d = dWy.reshape(2, -1, S, LOGITS)
    wide = dby.reshape(S, LOGITS).sum(axis=0)
    side = slice(1, 1 + STRAND_LOGITS), slice(1 + STRAND_LOGITS, LOGITS)
    return {
        "C": d[0, :, :, 0] + d[1, :, ::-1, 0],
        "A": d[0, :, :, side[0]] + d[1, :, ::-1, side[1]],
        "B": d[1, :, :, side[0]] + d[0, :, ::-1, side[1]],
        "by": np.concatenate([wide[:1], wide[side[0]] + wide[side[1]]]),
    }


def forward(params: Params, rows: Rows, mirrored: Rows) -> tuple[Floats, Callable[[Floats], Gradients]]:
    """Logits of sequences of one length.

    Args:
        params: of `StrandConfig.parameters`; float32, or float64 to check gradients.
        rows: (T, B, S) table rows of each step.
        mirrored: (T, B, S) of the reverse complements, from their own first step.

    Returns:
        logits (T, B, S, LOGITS), and backprop: dlogits -> gradients by parameter name.
    """
    from elman.rnn.networks import both_strands_kernels as kernels

    T, B, S = rows.shape
    both = np.concatenate([rows, mirrored], axis=1).reshape(-1, S)
    table, Wx, Wh = params["table"], params["Wx"], params["Wh"]
    H = len(Wh)
    x = np.empty((len(both), S * table.shape[1]), table.dtype)
    kernels.gather(table, both, x)
    a, inputs_back = dense.linear(x, Wx, params["b"])
    h, cell_back = cell_named("gru").run(a, {"Wh": Wh, "bh": params["bn"]}, _columns(T, 2 * B))
    h = h.reshape(T, 2 * B, H)
    states = np.concatenate([h[:, :B], h[::-1, B:]], axis=2).reshape(T * B, 2 * H)
    Wy, by = head(params)
    logits, head_back = dense.linear(states, Wy, by)

    def backprop(dlogits: Floats) -> Gradients:
        dstates, dWy, dby = head_back(np.ascontiguousarray(dlogits).reshape(T * B, S * LOGITS))
        gradients = _head_back(dWy, dby, S)
        dstates = dstates.reshape(T, B, 2 * H)
        dh = np.concatenate([dstates[:, :, :H], dstates[::-1, :, H:]], axis=1)
        da, recurrent = cell_back(dh.reshape(-1, H))
        gradients["Wh"], gradients["bn"] = recurrent["Wh"], recurrent["bh"]
        dx, gradients["Wx"], gradients["b"] = inputs_back(da)
        gradients["table"] = dtable = np.zeros_like(table)
        kernels.scatter(dx, both, dtable)
        return gradients

    return logits.reshape(T, B, S, LOGITS), backprop


def _columns(T: int, K: int) -> Batch:
    """K sequences of T steps as a packed batch."""
    every = np.arange(T * K)
    return Batch(np.arange(K), np.arange(T + 1) * K, every, every.astype(np.int32))


def load_blas() -> None:
    """Load the BLAS of SciPy, which the kernels call: threads are limited only of loaded libraries."""
    import scipy.linalg  # noqa: F401


class PreparedNetwork(NamedTuple):
    """Weights packed for inference: table rows are already multiplied by Wx.

    Attributes:
        table: (I, 3H) each row times the part of Wx of its slot; rows of the first slot include b.
        Wh, bn: as in training.
        Wy, by: the head, (2H, S*LOGITS) and (S*LOGITS,).
    """

    table: Floats
    Wh: Floats
    bn: Floats
    Wy: Floats
    by: Floats

    def with_ambiguous(self, rows: Sequence[npt.NDArray[np.int64]]) -> "PreparedNetwork":
        """Append table rows, each the mean of these rows of one slot."""
        return self._replace(
            table=np.concatenate([self.table, [self.table[some].mean(axis=0) for some in rows]])
        )


def prepare(params: Params) -> PreparedNetwork:
    """Pack weights for inference."""
    table, Wx, S = params["table"], params["Wx"], params["C"].shape[1]
    size, E = len(table) // S, table.shape[1]
    slots = [table[s * size : (s + 1) * size] @ Wx[s * E : (s + 1) * E] for s in range(S)]
    slots[0] += params["b"]
    return PreparedNetwork(np.concatenate(slots), params["Wh"], params["bn"], *head(params))


def predict(weights: PreparedNetwork, rows: Rows, mirrored: Rows, lengths: npt.NDArray[np.int64]) -> Floats:
    """Logits of sequences of any lengths; they do not depend on the padding.

    Args:
        weights: of `prepare`.
        rows: (T, B, S), padded at the end with any row.
        mirrored: (T, B, S) reverse complements from their own first step, padded at the end.
        lengths: (B,) steps of each.

    Returns:
        (B, T, S, LOGITS); undefined beyond the end of a sequence.
    """
    from elman.rnn.networks import both_strands_kernels as kernels

    T, B, S = rows.shape
    both = np.empty((T, 2 * B, S), rows.dtype)  # in this order, whatever that of the rows: one kernel for all
    np.concatenate([rows, mirrored], axis=1, out=both)
    logits = np.empty((B, T, S * LOGITS), np.float32)
    logits[:] = weights.by
    load_blas()
    with single_threaded():
        kernels.tag(weights.table, both, weights.Wh, weights.bn, weights.Wy, lengths, logits)
    return logits.reshape(B, T, S, LOGITS)
