"""Peer of bench/training.py: the networks of the presets in PyTorch, trained on batches packed beforehand.

The same network as rnn/networks/tagger.py with the same weights: one-hot features summed by an embedding bag,
letters of each distinct word once, packed sequences, dropout by sequence, CRF over the whole batch in
logarithms, gradients clipped by their common norm, SparseAdam for tables or fused Adam for everything.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from elman.rnn.compute import ragged
from elman.rnn.compute.arrays import Params
from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.inference.spans import TagScheme
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.state import FitConfig

MODULES = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
FORBIDDEN = -1e4  # log weight of an illegal transition: its exponential is 0


class Packed(NamedTuple):
    """A packed batch: B sequences, N rows of T steps.

    Attributes:
        tokens: (N,) bag of each row.
        sizes: (T,) rows of each step.
        columns: (N,) sequence of each row.
        targets: (N,)
        padded: (T, B) row of each place, 0 beyond the end of a sequence.
        alive: (T, B) whether there is one.
    """

    tokens: np.ndarray
    sizes: Tensor
    columns: Tensor
    targets: Tensor
    padded: Tensor
    alive: Tensor


def packed(some: Sequences, chosen: np.ndarray) -> Packed:
    """Pack sequences as training does."""
    assert some.targets is not None
    batch = pack(some, chosen)
    padded = np.zeros((len(batch.counts), len(chosen)), np.int64)
    alive = np.zeros(padded.shape, bool)
    padded[batch.steps, batch.columns], alive[batch.steps, batch.columns] = np.arange(len(batch.places)), True
    arrays = (batch.counts, batch.columns, some.targets[batch.places].astype(np.int64), padded, alive)
    return Packed(batch.tokens, *map(torch.from_numpy, arrays))


class Tagger(torch.nn.Module):
    """The network of a `NetworkConfig` with its weights.

    A table that feeds the cells directly goes through a frozen identity, which PyTorch's modules want.
    """

    def __init__(
        self, config: NetworkConfig, params: Params, bags: Bags, scheme: TagScheme, sparse: bool
    ) -> None:
        super().__init__()
        first, width = config.rows - config.letters, params["table"].shape[1]
        self.config, self.features, self.spelling = config, *bags.split_at(first)
        self.unknown = bags.unknown
        self.table = torch.nn.EmbeddingBag(first, width, mode="sum", sparse=sparse, include_last_offset=True)
        self.cell = MODULES[config.cell](width, config.hidden, bidirectional=config.bidirectional)
        self.head = torch.nn.Linear(len(config.directions) * config.hidden, config.classes)
        _set(self.table.weight, params["table"][:first])
        _set(self.head.weight, params["head.Wy"].T)
        _set(self.head.bias, params["head.by"])
        _set_cell(self.cell, params, "0.", config)
        if config.letters:
            self.characters = torch.nn.Embedding(config.letters, width, sparse=sparse)
            self.letters = MODULES[config.cell](width, width // 4, bidirectional=True)
            _set(self.characters.weight, params["table"][first:])
            _set_cell(self.letters, params, "letters.", config)
        if config.output == "crf":
            chain = {
                name: torch.from_numpy(params[f"chain.{name}"]) for name in ("start", "transition", "end")
            }
            self.chain = torch.nn.ParameterDict(chain)
            forbidden = (np.where(legal, 0, FORBIDDEN) for legal in (scheme.start, scheme.transition))
            self.start, self.transition = (torch.tensor(each, dtype=torch.float32) for each in forbidden)

    def forward(self, batch: Packed, noise: FitConfig | None) -> Tensor:
        """Mean loss of a symbol."""
        tokens = batch.tokens
        if noise:
            swap = np.random.random(len(tokens)) < noise.unknown
            tokens = np.where(swap, self.unknown[tokens], tokens)
        symbols, which = np.unique(tokens, return_inverse=True)
        x = self._embed(symbols, noise)[torch.from_numpy(which)]
        if self.config.embedding:
            x = _dropout(x, batch, noise)
        h = self.cell(PackedSequence(x, batch.sizes))[0].data
        logits = self.head(_dropout(h, batch, noise))
        if self.config.output == "crf":
            return self._chain_loss(logits, batch) / len(batch.targets)
        return functional.cross_entropy(logits, batch.targets)

    def _embed(self, symbols: np.ndarray, noise: FitConfig | None) -> Tensor:
        """Summed rows of each symbol, (U, E), and its letters."""
        ends, places = ragged.take(self.features.offsets, symbols)
        rows = torch.from_numpy(self.features.rows[places])
        keep = None if noise is None else _kept((len(rows),), noise.blocks)
        x = self.table(rows, torch.from_numpy(ends.astype(np.int32)), per_sample_weights=keep)
        if not self.config.letters:
            return x
        ends, places = ragged.take(self.spelling.offsets, symbols)
        spelt = np.flatnonzero(np.diff(ends))
        rows = self.spelling.rows[places] - np.int32(self.config.rows - self.config.letters)
        words = pack(Sequences(rows, np.concatenate([[0], ends[1:][spelt]])), np.arange(len(spelt)))
        letters = self.characters(torch.from_numpy(words.tokens))
        state = self.letters(PackedSequence(letters, torch.from_numpy(words.counts)))[1]
        last = state[0] if isinstance(state, tuple) else state
        own = torch.from_numpy(spelt[words.sequences])
        half = torch.zeros(len(symbols), x.shape[1] // 2).index_copy(0, own, torch.cat(list(last), dim=1))
        return torch.cat([x[:, : half.shape[1]] + half, x[:, half.shape[1] :]], dim=1)

    def _chain_loss(self, logits: Tensor, batch: Packed) -> Tensor:
        """Negative log likelihood of the tag sequences of a batch, summed."""
        start, end = self.chain["start"] + self.start, self.chain["end"]
        transition = self.chain["transition"] + self.transition
        emission, tags = logits[batch.padded], batch.targets[batch.padded]  # (T, B, G), (T, B)
        alpha = start + emission[0]
        for t in range(1, len(emission)):
            n = int(batch.sizes[t])  # sequences that go on stand first
            onward = torch.logsumexp(alpha[:n, :, None] + transition, dim=1) + emission[t, :n]
            alpha = onward if n == len(alpha) else torch.cat([onward, alpha[n:]])
        both = batch.alive[1:]
        last = tags.gather(0, (batch.alive.sum(0) - 1)[None])[0]
        right = (
            logits.gather(1, batch.targets[:, None]).sum()
            + start[tags[0]].sum()
            + transition[tags[:-1][both], tags[1:][both]].sum()
            + end[last].sum()
        )
        return torch.logsumexp(alpha + end, dim=1).sum() - right


def _set(parameter: torch.nn.Parameter, value: np.ndarray) -> None:
    parameter.data = torch.from_numpy(np.array(value, np.float32))


def _set_cell(module: torch.nn.RNNBase, params: Params, prefix: str, config: NetworkConfig) -> None:
    """Set the weights of a recurrent module; ours has one bias where PyTorch has two."""
    for suffix, way in (("", "forward"), ("_reverse", "backward")):
        weights = {name: getattr(module, f"{name}_l0{suffix}", None) for name in ("weight_ih", "weight_hh")}
        if weights["weight_ih"] is None:
            return
        Wh, b = params[f"{prefix}{way}.Wh"], params[f"{prefix}{way}.b"]
        Wx = params.get(f"{prefix}{way}.Wx")
        _set(weights["weight_ih"], np.eye(len(b)) if Wx is None else Wx.T)
        weights["weight_ih"].requires_grad = Wx is not None
        _set(weights["weight_hh"], Wh.T)
        _set(getattr(module, f"bias_ih_l0{suffix}"), b)
        second = getattr(module, f"bias_hh_l0{suffix}")
        _set(second, np.zeros_like(b))
        second.requires_grad = False


def _kept(shape: Sequence[int], rate: float) -> Tensor:
    return (torch.rand(*shape) >= rate).float().div_(1 - rate)


def _dropout(x: Tensor, batch: Packed, noise: FitConfig | None) -> Tensor:
    """Zero units, the same ones at every step of a sequence."""
    if noise is None or not noise.dropout:
        return x
    return x * _kept((batch.alive.shape[1], x.shape[1]), noise.dropout)[batch.columns]


class Training:
    """Training of a tagger in PyTorch, an update at a time."""

    def __init__(self, model: Tagger, how: FitConfig, sparse: bool) -> None:
        self.model, self.how, self.sparse = model, how, sparse
        self.trained = [p for p in model.parameters() if p.requires_grad]
        tables = [model.table.weight] + ([model.characters.weight] if model.config.letters else [])
        rest = [p for p in self.trained if not any(p is table for table in tables)]
        if sparse:
            self.optimisers = [torch.optim.SparseAdam(tables), torch.optim.Adam(rest, fused=True)]
        else:
            self.optimisers = [torch.optim.Adam([*tables, *rest], fused=True)]

    def update(self, batch: Packed, rate: float, noise: FitConfig | None) -> Tensor:
        """One update; return the loss before it."""
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss = self.model(batch, noise)
        loss.backward()
        self._clip()
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
        return loss.detach()

    def _clip(self) -> None:
        gradients = []
        for p in self.trained:
            if p.grad is not None and p.grad.is_sparse:
                p.grad = p.grad.coalesce()
                gradients.append(p.grad.values())
            elif p.grad is not None:
                gradients.append(p.grad)
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        if norm > self.how.clip:
            torch._foreach_mul_(gradients, float(self.how.clip / norm))
