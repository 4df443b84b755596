"""Networks prepared for inference: logits without backprop, by kernels, weights packed once for all batches.

The inputs of the first cells for a symbol depend on the symbol alone: the sum of its features, its encoded
characters, and their product with Wx. So they are computed apart (`first_inputs`) and cached from batch to
batch (rnn/inference/input_cache.py). float32 only; both have the same bits whatever is computed beside them.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from elman.rnn.compute import matmul
from elman.rnn.compute.arrays import Floats, Int32, Params, use_kernels
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.layers import embedding_kernels, flags
from elman.rnn.layers.characters import CharacterEncoder, PackedWords, pack_tail
from elman.rnn.layers.pooling import pool
from elman.rnn.layers.recurrent import cell_named
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.classifier import ClassifierConfig
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.tagger import NetworkConfig


class PreparedNetwork(Protocol):
    """A network as `InputCache` needs it.

    Attributes:
        widths: of the arrays that `first_inputs` gives.
    """

    widths: tuple[int, ...]

    def first_inputs(self, bags: Bags, symbols: Int32) -> list[Floats]:
        """Arrays (U, width): for each of the symbols (U,), all that depends on its bag alone."""
        ...

    def logits(self, inputs: Sequence[Floats], rows: Int32, batch: Batch) -> Floats:
        """Logits (N, S*G) of a batch, of a classifier (B, G).

        Row n of the batch is row `rows[n]` of arrays as of `first_inputs`.
        """
        ...


class PreparedTagger:
    """A single network."""

    def __init__(self, config: NetworkConfig, params: Params) -> None:
        self.config, self.params, self._cell = config, params, cell_named(config.cell)
        self.widths = (len(self._cell.gates) * config.hidden,) * len(config.directions)
        self._first_character = config.rows - config.letters
        self._characters = (
            CharacterEncoder(params, self._cell, self._first_character) if config.letters else None
        )
        names = [f"{layer}.{direction}" for layer in range(config.layers) for direction in config.directions]
        self._recurrent = {name: self._cell.pack(params, name) for name in names}
        self._Wx = {n: matmul.packed(params[f"{n}.Wx"]) for n in names if f"{n}.Wx" in params}
        self._flag_rows = self._flag_inputs() if config.flags else []
        self._heads = [matmul.packed(part) for part in np.split(params["head.Wy"], len(config.directions))]

    def first_inputs(
        self, bags: Bags, symbols: Int32, words: Sequence[PackedWords] | None = None
    ) -> list[Floats]:
        """Inputs of the first cell of each direction; `words` as of `pack_tail`, where they are known."""
        params, config, first = self.params, self.config, self._first_character
        sums = embedding_kernels.bag_sums(params["table"], bags.rows, bags.offsets, symbols, first)
        if self._characters:
            words = pack_tail(bags, symbols, first) if words is None else words
            sums[:, : config.embedding // 2] += self._characters.encode(words, len(symbols))
        inputs = []
        for d, direction in enumerate(config.directions):
            width, name = self.widths[d], f"0.{direction}"
            if name in self._Wx:
                inputs.append(self._project(name, sums))
            else:
                inputs.append(sums[:, d * width : (d + 1) * width] + params[f"{name}.b"])
        return inputs

    def _flag_inputs(self) -> list[Floats]:
        """What each flag adds to the inputs of the first cell of each direction, (R, F*H)."""
        names = [f"0.{direction}.Wx" for direction in self.config.directions]
        return [matmul.product(self.params["flags.table"], self.params[name]) for name in names]

    def _with_flags(self, inputs: Sequence[Floats], rows: Int32, batch: Batch) -> tuple[list[Floats], Int32]:
        """Inputs with what flags add to them: a row for each symbol with other flags, and their numbers."""
        if batch.flags is None:
            raise ValueError(f"expected {self.config.flags} flags of each symbol. Got none")
        pairs = rows.astype(np.int64) << 32 | batch.flags
        different, which = np.unique(pairs, return_inverse=True)
        own, found = different >> 32, (different & 0xFFFFFFFF).astype(np.int32)
        present = flags.bits(found, self.config.flags, np.dtype(np.float32))
        summed = []
        for x, flag_rows in zip(inputs, self._flag_rows, strict=True):
            out = x[own]
            out += matmul.product(present, flag_rows)
            summed.append(out)
        return summed, which.astype(np.int32)

    def dense_inputs(self, x: Floats) -> list[Floats]:
        """As `first_inputs`, from rows x (U, E) in the place of the embedding."""
        return [self._project(f"0.{direction}", x) for direction in self.config.directions]

    def logits(self, inputs: Sequence[Floats], rows: Int32, batch: Batch) -> Floats:
        """Logits of a batch, as `RecurrentNetwork.forward` computes them."""
        return self.head(self.states(inputs, rows, batch))

    def states(self, inputs: Sequence[Floats], rows: Int32, batch: Batch) -> list[Floats]:
        """States of the last layer, (N, H) of each direction; arguments as of `logits`."""
        config = self.config
        if config.flags:
            inputs, rows = self._with_flags(inputs, rows, batch)
        h = self._states(0, inputs, rows, batch)
        for layer in range(1, config.layers):
            below, every = np.hstack(h), np.arange(len(rows), dtype=np.int32)
            x = [self._project(f"{layer}.{direction}", below) for direction in config.directions]
            h = self._states(layer, x, every, batch)
        return h

    def head(self, h: Sequence[Floats]) -> Floats:
        """Logits (M, S*G) of M states (M, H) of each direction."""
        by = self.params["head.by"]
        out = np.empty((len(h[0]), len(by)), np.float32)
        out[:] = by
        for state, head in zip(h, self._heads, strict=True):
            matmul.times(np.ascontiguousarray(state), head, out, True)
        return out

    def step(self, inputs: Sequence[Floats], before: Sequence[Floats]) -> tuple[Floats, list[Floats]]:
        """One time step of B sequences in a network that runs forward alone.

        Args:
            inputs: as of `first_inputs`, a row for each sequence.
            before: state of each layer before the step, (B, H).

        Returns:
            logits (B, S*G), and the states after it; a row has the same bits whatever rows are beside it.
        """
        every = np.arange(len(inputs[0]), dtype=np.int32)
        batch = Batch(every.astype(np.int64), np.array([0, len(every)]), every.astype(np.int64), every)
        x, after = inputs[0], list[Floats]()
        for layer, h0 in enumerate(before):
            name = f"{layer}.forward"
            z = self._project(name, x) if layer else x
            weights = {**self._recurrent[name], "h0": h0}
            x = self._cell.states(z, every, weights, batch, False)
            after.append(x)
        logits = np.empty((len(every), len(self.params["head.by"])), np.float32)
        logits[:] = self.params["head.by"]
        matmul.times(x, self._heads[0], logits, True)
        return logits, after

    def _states(self, layer: int, x: Sequence[Floats], rows: Int32, batch: Batch) -> list[Floats]:
        """The states of a layer's cells, those of each direction on its x[rows]."""
        return [
            self._cell.states(own, rows, self._recurrent[f"{layer}.{name}"], batch, name == "backward")
            for own, name in zip(x, self.config.directions, strict=True)
        ]

    def _project(self, name: str, x: Floats) -> Floats:
        """x @ Wx + b of a cell."""
        b = self.params[f"{name}.b"]
        z = np.empty((len(x), len(b)), np.float32)
        z[:] = b
        matmul.times(x, self._Wx[name], z, True)
        return z


class PreparedClassifier:
    """A classifier: logits of whole sequences."""

    def __init__(self, config: ClassifierConfig, params: Params) -> None:
        self.config, self._tagger = config, PreparedTagger(config.network, params)
        self.widths = self._tagger.widths

    def first_inputs(self, bags: Bags, symbols: Int32) -> list[Floats]:
        """Inputs of the first cell of each direction."""
        return self._tagger.first_inputs(bags, symbols)

    def logits(self, inputs: Sequence[Floats], rows: Int32, batch: Batch) -> Floats:
        """Logits (B, G) of a batch, as `Classifier.forward` computes them."""
        h = self._tagger.states(inputs, rows, batch)
        ways = zip(h, self.config.network.directions, strict=True)
        return self._tagger.head([pool(own, batch, self.config.pooling, (way,))[0] for own, way in ways])


class PreparedEnsemble:
    """An ensemble: the mean of its members' logits."""

    def __init__(self, members: Sequence[PreparedTagger]) -> None:
        self.members = members
        self.widths = tuple(width for member in members for width in member.widths)

    def first_inputs(self, bags: Bags, symbols: Int32) -> list[Floats]:
        """The arrays of the members one after the other."""
        config = self.members[0].config
        words = pack_tail(bags, symbols, config.rows - config.letters) if config.letters else []
        return [array for member in self.members for array in member.first_inputs(bags, symbols, words)]

    def logits(self, inputs: Sequence[Floats], rows: Int32, batch: Batch) -> Floats:
        """The mean of the members' logits."""
        ends = np.cumsum([len(member.widths) for member in self.members])
        parts = [
            member.logits(inputs[end - len(member.widths) : end], rows, batch)
            for member, end in zip(self.members, ends, strict=True)
        ]
        total = parts[0]
        for part in parts[1:]:
            total += part
        total /= len(self.members)
        return total


def prepare(architecture: Architecture, params: Params) -> PreparedNetwork | None:
    """A network prepared for inference; None where only its `forward` computes logits."""
    if not all(use_kernels(value.dtype) for value in params.values()):
        return None
    if isinstance(architecture, EnsembleConfig):
        members = architecture.member_params(params)
        return PreparedEnsemble([PreparedTagger(architecture.member, own) for own in members])
    if isinstance(architecture, ClassifierConfig):
        return PreparedClassifier(architecture, params)
    return PreparedTagger(architecture, params) if isinstance(architecture, NetworkConfig) else None
