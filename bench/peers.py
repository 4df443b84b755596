"""Peers of bench/speed.py: the same tagger in PyTorch, ONNX Runtime and JAX, on batches made beforehand."""

import io
import warnings
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import onnxruntime
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from elman.rnn.compute.batches import Sequences, pack

MODULES = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


class Size(NamedTuple):
    """Size of a tagger: a cell of so many hidden units, one way or both, for so many symbols and tags."""

    cell: str
    hidden: int
    both: bool
    symbols: int
    tags: int


class Ready(NamedTuple):
    """A length-sorted batch: padded ids and tags (T, B), -1 beyond the end; packed ids (N,), sizes (T,)."""

    ids: torch.Tensor
    tags: torch.Tensor
    flat: torch.Tensor
    sizes: torch.Tensor


class Tagger(torch.nn.Module):
    """Embedding, recurrent module, linear head."""

    def __init__(self, size: Size, sparse: bool = False) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(size.symbols, size.hidden, sparse=sparse)
        self.cell = MODULES[size.cell](size.hidden, size.hidden, bidirectional=size.both)
        self.head = torch.nn.Linear(size.hidden * (1 + size.both), size.tags)

    def forward(self, ids: torch.Tensor, sizes: torch.Tensor | None = None) -> torch.Tensor:
        """Logits of padded ids (T, B), or of packed ones (N,) where sizes are given."""
        x = self.table(ids)
        if sizes is None:
            return self.head(self.cell(x)[0])
        return self.head(self.cell(PackedSequence(x, sizes))[0].data)


def batches(some: Sequences, batch: int) -> list[Ready]:
    """All sequences, longest first, cut into batches."""
    order = np.argsort(-some.lengths, kind="stable")
    ready = []
    for i in range(0, len(order), batch):
        packed = pack(some, order[i : i + batch])
        sizes = torch.tensor(packed.counts)
        places, _ = pad_packed_sequence(PackedSequence(torch.tensor(packed.places), sizes), padding_value=-1)
        ids = torch.where(places >= 0, torch.tensor(some.tokens)[places].long(), 0)
        tags = torch.where(places >= 0, torch.tensor(some.targets)[places].long(), -1)
        ready.append(Ready(ids, tags, torch.tensor(packed.tokens).long(), sizes))
    return ready


def torch_trainer(
    size: Size, ready: list[Ready], epochs: int, packed: bool, sparse: bool
) -> Callable[[], None]:
    """PyTorch training, SparseAdam for the table or fused Adam for everything."""
    model = Tagger(size, sparse)
    if sparse:
        rest = [p for name, p in model.named_parameters() if name != "table.weight"]
        steps = [torch.optim.SparseAdam([model.table.weight]), torch.optim.Adam(rest, fused=True)]
    else:
        steps = [torch.optim.Adam(model.parameters(), fused=True)]
    targets = [
        pack_padded_sequence(batch.tags, (batch.tags >= 0).sum(0)).data if packed else batch.tags.reshape(-1)
        for batch in ready
    ]

    def run() -> None:
        for batch, y in zip(ready * epochs, targets * epochs, strict=True):
            for step in steps:
                step.zero_grad(set_to_none=True)
            logits = model(batch.flat, batch.sizes) if packed else model(batch.ids).reshape(-1, size.tags)
            torch.nn.functional.cross_entropy(logits, y, ignore_index=-1).backward()
            for step in steps:
                step.step()

    return run


def torch_tagger(size: Size, ready: list[Ready], packed: bool) -> Callable[[], None]:
    """PyTorch tagging all batches."""
    model = Tagger(size).eval()

    def run() -> None:
        with torch.inference_mode():
            for batch in ready:
                (model(batch.flat, batch.sizes) if packed else model(batch.ids)).argmax(-1)

    return run


def onnx_tagger(size: Size, ready: list[Ready]) -> Callable[[], None]:
    """ONNX Runtime tagging all batches, padded."""
    model, file = Tagger(size).eval(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        axes = {"ids": {0: "T", 1: "B"}, "logits": {0: "T", 1: "B"}}
        names = {"input_names": ["ids"], "output_names": ["logits"], "dynamic_axes": axes}
        torch.onnx.export(model, (torch.zeros(7, 3, dtype=torch.long),), file, dynamo=False, **names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    ids = [batch.ids.numpy() for batch in ready]
    return lambda: [session.run(None, {"ids": some})[0].argmax(-1) for some in ids] and None


def jax_tagger(size: Size, ready: list[Ready]) -> Callable[[], None]:
    """JAX tagging all batches: a jitted scan, the input product folded into the table; one direction only.

    Steps are rounded up to 8, so that few shapes are compiled.
    """
    H, F = size.hidden, {"elman": 1, "gru": 3, "lstm": 4}[size.cell]
    rng = np.random.default_rng(0)
    table, Wh, Wy = (
        jax.numpy.asarray(rng.standard_normal(shape, np.float32) * 0.1)
        for shape in ((size.symbols, F * H), (H, F * H), (H, size.tags))
    )
    tanh, sigmoid = jax.numpy.tanh, jax.nn.sigmoid

    def step(state, x):  # type: ignore[no-untyped-def]
        h, c = state
        u = h @ Wh
        if size.cell == "elman":
            h = tanh(x + u)
        elif size.cell == "gru":
            r, z = sigmoid(x[:, :H] + u[:, :H]), sigmoid(x[:, H : 2 * H] + u[:, H : 2 * H])
            n = tanh(x[:, 2 * H :] + r * u[:, 2 * H :])
            h = n + z * (h - n)
        else:
            i, f, g, o = jax.numpy.split(x + u, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            h = sigmoid(o) * tanh(c)
        return (h, c), h

    @jax.jit
    def tag(ids):  # type: ignore[no-untyped-def]
        zero = jax.numpy.zeros((ids.shape[1], H), np.float32)
        return (jax.lax.scan(step, (zero, zero), table[ids])[1] @ Wy).argmax(-1)

    padded = []
    for batch in ready:
        ids = batch.ids.numpy()
        padded.append(np.pad(ids, ((0, -len(ids) % 8), (0, 0))).astype(np.int32))
    return lambda: [np.asarray(tag(ids)) for ids in padded] and None
