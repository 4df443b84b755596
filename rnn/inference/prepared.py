"""Networks made ready to tag: logits without a way back, by kernels, the weights packed once for all batches.

What enters the first cells for a symbol depends on the symbol alone: the sum of its blocks, its letters read,
and their product with Wx. So it is computed apart (`first_inputs`), to be looked up for every batch
(rnn/inference/input_cache.py). float32 only; rows of both have the same bits whatever stands beside them.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from elman.rnn.compute import matmul
from elman.rnn.compute.arrays import Floats, Int32, Params, compiled
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.layers import dense, embedding_kernels, recurrent_kernels
from elman.rnn.layers.characters import Speller, Spelling, spell
from elman.rnn.layers.recurrent import GATES
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.ensemble import Ensemble
from elman.rnn.networks.tagger import NetworkConfig


class PreparedNetwork(Protocol):
    """What `InputCache` asks of a network.

    Attributes:
        widths: of the arrays that `first_inputs` gives.
    """

    widths: tuple[int, ...]

    def first_inputs(self, bags: Bags, symbols: Int32) -> list[Floats]:
        """Arrays (U, width): for each of the symbols (U,), all that depends on its bag alone."""
        ...

    def logits(self, entered: Sequence[Floats], rows: Int32, batch: Batch) -> Floats:
        """Logits (N, S*G) of a batch; row n of it is row `rows[n]` of arrays as of `first_inputs`."""
        ...


class PreparedTagger:
    """One network."""

    def __init__(self, config: NetworkConfig, params: Params) -> None:
        self.config, self.params = config, params
        FH, outputs = GATES[config.cell] * config.hidden, config.classes * config.outputs_per_step
        self.widths = (FH,) * len(config.directions) + (config.direct * outputs,) * bool(config.direct)
        self._first = config.rows - config.letters  # row of the letters
        self._speller = Speller(params, config.cell, self._first) if config.letters else None
        names = [f"{layer}.{direction}" for layer in range(config.layers) for direction in config.directions]
        self._cells = {name: recurrent_kernels.recurrent(params, name) for name in names}
        self._Wx = {n: matmul.packed(params[f"{n}.Wx"]) for n in names if f"{n}.Wx" in params}
        self._heads = [matmul.packed(part) for part in np.split(params["head.Wy"], len(config.directions))]

    def first_inputs(
        self, bags: Bags, symbols: Int32, spelt: Sequence[Spelling] | None = None
    ) -> list[Floats]:
        """What enters the first cell of each direction, and what goes straight to the tags, if anything."""
        params, config = self.params, self.config
        sums = embedding_kernels.bag_sums(params["table"], bags.rows, bags.offsets, symbols, self._first)
        if self._speller:
            spelt = spell(bags, symbols, self._first) if spelt is None else spelt
            sums[:, : config.embedding // 2] += self._speller.read(spelt, len(symbols))
        entered = []
        for d, direction in enumerate(config.directions):
            width, name = self.widths[d], f"0.{direction}"
            if name in self._Wx:
                entered.append(self._into(name, sums))
            else:
                entered.append(sums[:, d * width : (d + 1) * width] + params[f"{name}.b"])
        if config.direct:
            every = (bags.rows, bags.offsets, symbols, config.rows)
            entered.append(embedding_kernels.bag_sums(params["direct"], *every))
        return entered

    def logits(self, entered: Sequence[Floats], rows: Int32, batch: Batch) -> Floats:
        """Logits of a batch, as `NetworkConfig.forward` computes them."""
        config, by = self.config, self.params["head.by"]
        h = self._states(0, entered, rows, batch)
        for layer in range(1, config.layers):
            below, every = np.hstack(h), np.arange(len(rows), dtype=np.int32)
            x = [self._into(f"{layer}.{direction}", below) for direction in config.directions]
            h = self._states(layer, x, every, batch)
        out = np.empty((len(rows), len(by)), np.float32)
        out[:] = by
        for state, head in zip(h, self._heads, strict=True):
            matmul.times(state, head, out, True)
        if config.direct:
            out += dense.window_sum(entered[-1][rows], config.direct, batch)[0]
        return out

    def _states(self, layer: int, x: Sequence[Floats], rows: Int32, batch: Batch) -> list[Floats]:
        """The states of a layer's cells, those of each direction on its x[rows]."""
        return [
            recurrent_kernels.states(
                self.config.cell, own, rows, self._cells[f"{layer}.{name}"], batch, name == "backward"
            )
            for own, name in zip(x, self.config.directions, strict=False)  # direct weights come after these
        ]

    def _into(self, name: str, x: Floats) -> Floats:
        """x @ Wx + b of a cell."""
        b = self.params[f"{name}.b"]
        z = np.empty((len(x), len(b)), np.float32)
        z[:] = b
        matmul.times(x, self._Wx[name], z, True)
        return z


class PreparedEnsemble:
    """Networks that answer together: the mean of their logits."""

    def __init__(self, members: Sequence[PreparedTagger]) -> None:
        self.members = members
        self.widths = tuple(width for member in members for width in member.widths)

    def first_inputs(self, bags: Bags, symbols: Int32) -> list[Floats]:
        """The arrays of the members one after the other."""
        config = self.members[0].config
        spelt = spell(bags, symbols, config.rows - config.letters) if config.letters else []
        return [array for member in self.members for array in member.first_inputs(bags, symbols, spelt)]

    def logits(self, entered: Sequence[Floats], rows: Int32, batch: Batch) -> Floats:
        """The mean of the members' logits."""
        ends = np.cumsum([len(member.widths) for member in self.members])
        parts = [
            member.logits(entered[end - len(member.widths) : end], rows, batch)
            for member, end in zip(self.members, ends, strict=True)
        ]
        total = parts[0]
        for part in parts[1:]:
            total += part
        total /= len(self.members)
        return total


def prepare(config: Architecture, params: Params) -> PreparedNetwork | None:
    """A network with these weights ready to tag; None where only its `forward` computes it."""
    if not all(compiled(value.dtype) for value in params.values()):
        return None
    if isinstance(config, Ensemble):
        return PreparedEnsemble([PreparedTagger(config.member, own) for own in config.member_params(params)])
    return PreparedTagger(config, params) if isinstance(config, NetworkConfig) else None
