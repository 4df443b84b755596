# ruff: noqa: E402  (the pools are limited before they are loaded)
"""Training and tagging rates of `rnn` beside PyTorch's and ONNX Runtime's; see bench/README.md."""

import os

for pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[pool] = "1"

import argparse
import io
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import onnxruntime
import torch
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnn.batches import Bags, Sequences, by_length, pack
from rnn.decode import predict
from rnn.fit import FitConfig, fit
from rnn.network import NetworkConfig, init

SYMBOLS, TAGS, BATCH = 10_000, 9, 64
EPOCHS = 3  # of one pass of training, so that building a network counts little
MODULES = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def corpus(sentences: int, seed: int = 0) -> Sequences:
    """Sentences of 5 to 60 symbols, about 21 each."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.gamma(2.5, 8.2, sentences), 5, 60).astype(int)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    p = 1 / np.arange(1, SYMBOLS + 1) ** 1.05
    tokens = rng.choice(SYMBOLS, offsets[-1], p=p / p.sum()).astype(np.int32)
    return Sequences(tokens, offsets, rng.integers(0, TAGS, offsets[-1]).astype(np.int32))


class Tagger(torch.nn.Module):
    """Embedding, recurrent module, linear head."""

    def __init__(self, cell: str, hidden: int, both: bool, sparse: bool) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(SYMBOLS, hidden, sparse=sparse)
        self.cell = MODULES[cell](hidden, hidden, bidirectional=both)
        self.head = torch.nn.Linear(hidden * (1 + both), TAGS)

    def forward(self, ids: torch.Tensor, sizes: torch.Tensor | None = None) -> torch.Tensor:
        """Logits of padded ids (T, B), or of packed ones (N,) where sizes are given."""
        x = self.table(ids)
        if sizes is None:
            return self.head(self.cell(x)[0])
        return self.head(self.cell(PackedSequence(x, sizes))[0].data)


def batches(some: Sequences) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Length-sorted batches, ready made: padded ids, padded tags (-1 beyond the end), packed ids, sizes."""
    order = np.argsort(-some.lengths, kind="stable")
    ready = []
    for i in range(0, len(order), BATCH):
        batch = pack(some, order[i : i + BATCH])
        sizes = torch.tensor(batch.counts)
        both = PackedSequence(torch.tensor(batch.places), sizes)
        places, _ = pad_packed_sequence(both, padding_value=-1)
        ids = torch.where(places >= 0, torch.tensor(some.tokens)[places].long(), 0)
        tags = torch.where(places >= 0, torch.tensor(some.targets)[places].long(), -1)
        ready.append((ids, tags, torch.tensor(batch.tokens).long(), sizes))
    return ready


def torch_trainer(
    cell: str, hidden: int, both: bool, some: Sequences, packed: bool, sparse: bool
) -> Callable[[], None]:
    """PyTorch training, SparseAdam for the table or fused Adam for everything."""
    model = Tagger(cell, hidden, both, sparse)
    if sparse:
        rest = [p for name, p in model.named_parameters() if name != "table.weight"]
        steps = [torch.optim.SparseAdam([model.table.weight]), torch.optim.Adam(rest, fused=True)]
    else:
        steps = [torch.optim.Adam(model.parameters(), fused=True)]
    ready = batches(some)

    def run() -> None:
        for ids, tags, flat, sizes in ready * EPOCHS:
            for step in steps:
                step.zero_grad(set_to_none=True)
            logits = model(flat, sizes) if packed else model(ids).reshape(-1, TAGS)
            y = (
                torch.nn.utils.rnn.pack_padded_sequence(tags, (tags >= 0).sum(0)).data
                if packed
                else tags.reshape(-1)
            )
            torch.nn.functional.cross_entropy(logits, y, ignore_index=-1).backward()
            for step in steps:
                step.step()

    return run


def torch_tagger(cell: str, hidden: int, both: bool, some: Sequences, packed: bool) -> Callable[[], None]:
    """PyTorch tagging all batches."""
    model, ready = Tagger(cell, hidden, both, False).eval(), batches(some)

    def run() -> None:
        with torch.inference_mode():
            for ids, _, flat, sizes in ready:
                (model(flat, sizes) if packed else model(ids)).argmax(-1)

    return run


def onnx_tagger(cell: str, hidden: int, both: bool, some: Sequences) -> Callable[[], None]:
    """ONNX Runtime tagging all batches, padded."""
    model, file = Tagger(cell, hidden, both, False).eval(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        axes = {"ids": {0: "T", 1: "B"}, "logits": {0: "T", 1: "B"}}
        names = {"input_names": ["ids"], "output_names": ["logits"], "dynamic_axes": axes}
        torch.onnx.export(model, (torch.zeros(7, 3, dtype=torch.long),), file, dynamo=False, **names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    ready = [ids.numpy() for ids, *_ in batches(some)]
    return lambda: [session.run(None, {"ids": ids})[0].argmax(-1) for ids in ready] and None


def ours(
    cell: str, hidden: int, both: bool, some: Sequences
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Training with ours, everything from packing to Adam; and tagging."""
    config = NetworkConfig(rows=SYMBOLS, classes=TAGS, hidden=hidden, cell=cell, bidirectional=both)
    how = FitConfig(epochs=EPOCHS, batch=BATCH, dropout=0, blocks=0, unknown=0, states=0, patience=0)
    bags, params = Bags.single(SYMBOLS), init(config, 0)
    tokens = BATCH * int(some.lengths.mean())
    assert len(list(by_length(some.lengths, tokens))) > 1
    return (
        lambda: fit(config, how, bags, some) and None,
        lambda: predict(params, config, bags, some, probabilities=False, batch_tokens=tokens) and None,
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", default="elman:100,gru:128,lstm:128", help="cell:hidden, ...")
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--sentences", type=int, default=2560)
    parser.add_argument("--both", action="store_true", help="bidirectional")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    some = corpus(asked.sentences)
    print(
        f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}, numpy {np.__version__};", end=" "
    )
    print(f"{len(some)} sentences, {len(some.tokens)} symbols; thousand symbols per CPU second, ours to each")
    for name in asked.cells.split(","):
        cell, hidden = name.split(":")
        size = (cell, int(hidden), asked.both, some)
        train, tag = ours(*size)
        groups = {
            "training": {
                "ours": train,
                "torch padded, SparseAdam": torch_trainer(*size, packed=False, sparse=True),
                "torch packed, SparseAdam": torch_trainer(*size, packed=True, sparse=True),
                "torch padded, fused Adam": torch_trainer(*size, packed=False, sparse=False),
            },
            "tagging": {
                "ours": tag,
                "torch padded": torch_tagger(*size, packed=False),
                "torch packed": torch_tagger(*size, packed=True),
                "onnxruntime": onnx_tagger(*size),
            },
        }
        for what, runs in groups.items():
            rates: dict[str, list[float]] = {key: [] for key in runs}
            for run in runs.values():
                run()
            for _ in range(asked.passes):
                for key, run in runs.items():
                    began = time.process_time()
                    run()
                    seconds = time.process_time() - began
                    rates[key].append(
                        len(some.tokens) * (EPOCHS if what == "training" else 1) / seconds / 1000
                    )
            for key in runs:
                ratio = statistics.median(a / b for a, b in zip(rates["ours"], rates[key], strict=True))
                beside = "" if key == "ours" else f"{ratio:6.2f}x"
                print(
                    f"{cell:6}{hidden:>4} {what:9} {key:26}{statistics.median(rates[key]):8.0f} {beside}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
