# ruff: noqa: E402  (the pools are limited before they are loaded)
"""Rates of our matrix product beside NumPy's BLAS, and what training and tagging spend on each kernel.

See bench/README.md. Every figure is the best of several passes, in CPU seconds of one thread.
"""

from bench import processor

processor.limit_pools()

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, RowGradient
from elman.rnn.compute.batches import Bags, Batch, Sequences, pack, shuffled
from elman.rnn.compute.jit import jit
from elman.rnn.compute.matmul import empty_panels, packed, product, times
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.compute.threads import single_threaded
from elman.rnn.compute.tiles import LANES, ROWS, VECTORS
from elman.rnn.inference.decode import Decoder
from elman.rnn.layers import embedding_kernels
from elman.rnn.layers.dense import linear, softmax_cross_entropy
from elman.rnn.layers.embedding import CompiledOneHot
from elman.rnn.layers.recurrent import cell_named
from elman.rnn.layers.recurrent_kernels import CHUNK, gather_inputs, previous_step, recurrent_gradient
from elman.rnn.networks.architecture import init
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.optimiser import Adam
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Callbacks, Data, Trainer

SYMBOLS, TAGS = 10_000, 9
SHAPES = ((100, 100), (112, 448), (448, 112), (128, 384), (128, 512), (256, 256))  # K, N of a product
ROWS_OF_A = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)
CELLS = (("elman", 100), ("gru", 128), ("lstm", 128), ("lstm", 112))
BATCHES = (64, 16, 8)
Times = dict[str, float]


def best(run: Callable[[], object], passes: int) -> float:
    """CPU seconds of the quickest of several runs, after one to warm up."""
    run()
    taken = []
    for _ in range(passes):
        began = time.process_time()
        run()
        taken.append(time.process_time() - began)
    return min(taken)


@jit
def _repeated(a: Any, panels: Any, c: Any, count: int) -> None:
    for _ in range(count):
        times(a, panels, c, False)


def rates_of(W: Floats, rows: int, passes: int) -> tuple[float, float]:
    """GF/s of our product and of NumPy's with so many rows."""
    K, N = W.shape
    a, c, panels = np.full((rows, K), 0.5, np.float32), np.empty((rows, N), np.float32), packed(W)
    count = max(int(1e8 / (rows * K * N)), 1)
    work = 2e-9 * rows * K * N * count
    ours = best(lambda: _repeated(a, panels, c, count), passes)
    return work / ours, work / best(lambda: [np.matmul(a, W, out=c) for _ in range(count)], passes)


def packing_time(W: Floats, passes: int) -> float:
    """Microseconds that packing a matrix takes."""
    return best(lambda: [packed(W) for _ in range(100)], passes) * 1e4


def rates(passes: int) -> None:
    """Print rates by shape, and microseconds that packing takes."""
    print("GF/s of our product / NumPy's, by rows; microseconds to pack a matrix / its transpose")
    print(f"{'K x N':>10}" + "".join(f"{rows:>10}" for rows in ROWS_OF_A) + f"{'pack':>14}")
    for K, N in SHAPES:
        W = np.random.default_rng(0).standard_normal((K, N), np.float32)
        cells = ["{:.0f} / {:.0f}".format(*rates_of(W, rows, passes)) for rows in ROWS_OF_A]
        packing = "{:.1f} / {:.1f}".format(
            *(packing_time(some, passes) for some in (W, np.asfortranarray(W)))
        )
        print(f"{K:>4} x {N:<4}" + "".join(f"{cell:>10}" for cell in cells) + f"{packing:>14}", flush=True)


def corpus(sentences: int) -> Sequences:
    """Sentences of 5 to 60 symbols, about 21 each, as of bench/speed.py."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.gamma(2.5, 8.2, sentences), 5, 60).astype(int)
    offsets, p = offsets_of(lengths), 1 / np.arange(1, SYMBOLS + 1) ** 1.05
    tokens = rng.choice(SYMBOLS, offsets[-1], p=p / p.sum()).astype(np.int32)
    return Sequences(tokens, offsets, rng.integers(0, TAGS, offsets[-1]).astype(np.int32))


@jit
def _forward_products(h: Any, Wh: Any, starts: Any, c: Any) -> None:
    for t in range(len(starts) - 1):
        before, m = previous_step(starts, t, False)
        times(h[before : before + m], Wh, c[:m], True)


@jit
def _backward_products(dz: Any, WhT: Any, starts: Any, c: Any) -> None:
    for t in range(len(starts) - 1):
        _, m = previous_step(starts, t, False)
        times(dz[starts[t] : starts[t] + m], WhT, c[:m], False)


@jit
def _gradient_products(state: Any, panel: Any, rows: int, dWh: Any) -> None:
    for begin in range(0, rows, len(state)):
        times(state[: min(len(state), rows - begin)].T, panel, dWh, True)


@jit
def _gather_all(x: Any, rows: Any, starts: Any, out: Any) -> None:
    for t in range(len(starts) - 1):
        gather_inputs(x, rows, starts[t], out[: starts[t + 1] - starts[t]])


class Shares:
    """CPU seconds of the kernels of one network on some batches; each kernel runs by itself."""

    def __init__(self, cell: str, hidden: int, some: Sequences, batch: int, passes: int) -> None:
        self.cell, self.some, self.batch, self.passes = cell_named(cell), some, batch, passes
        self.config = NetworkConfig(rows=SYMBOLS, classes=TAGS, hidden=hidden, cell=cell, bidirectional=False)
        self.params, self.bags = init(self.config, 0), Bags.single(SYMBOLS)
        chosen = shuffled(some.lengths, batch, np.random.default_rng(0))
        self.batches = [pack(some, numbers) for numbers in chosen]

    def of(self, run: Callable[[Batch], object]) -> float:
        """CPU seconds of a run on every batch."""
        return best(lambda: [run(batch) for batch in self.batches], self.passes)

    def training(self) -> Times:
        """Seconds by kernel of an epoch of training, and of all of it."""
        Wh, taken = self.params["0.forward.Wh"], Times()
        H, FH = Wh.shape
        forward, backward = packed(Wh), packed(Wh.T)
        longest = max(len(batch.tokens) for batch in self.batches)
        h, dz = np.full((longest, H), 0.5, np.float32), np.full((longest, FH), 0.01, np.float32)
        c, d = np.zeros((self.batch, FH), np.float32), np.zeros((self.batch, H), np.float32)
        state, panel = np.full((CHUNK, H), 0.5, np.float32), empty_panels(CHUNK, FH)
        panel[:] = 0
        dWh = np.zeros((H, FH), np.float32)
        gradient = self.of(lambda b: _gradient_products(state, panel, len(b.previous), dWh))
        taken["products"] = gradient
        taken["products"] += self.of(lambda b: _forward_products(h, forward, b.starts, c))
        taken["products"] += self.of(lambda b: _backward_products(dz, backward, b.starts, d))
        pack_gradient = self.of(
            lambda b: recurrent_gradient(h[: len(b.tokens)], dz[: len(b.tokens)], b, False)
        )
        taken["packing"] = pack_gradient - gradient + self.of(lambda b: (packed(Wh), packed(Wh.T)))
        rows = np.zeros(longest, np.int32)
        gather = self.of(lambda b: _gather_all(dz, rows[: len(b.tokens)], b.starts, c))
        taken["activations"] = self.of(self._cell_both_ways) - sum(taken.values()) - gather
        taken["gather"] = gather + self.of(self._table_both_ways)
        taken["head, loss"] = self.of(lambda b: self._head_both_ways(b, h))
        taken["Adam"] = self._adam()
        taken["all"] = self._epoch()
        return taken

    def _weights(self) -> dict[str, Floats]:
        return self.cell.recurrent(self.params, "0.forward")

    def _cell_both_ways(self, batch: Batch) -> None:
        FH = len(self.params["0.forward.b"])
        x, rows = np.full((8, FH), 0.1, np.float32), np.zeros(len(batch.tokens), np.int32)
        h, back = self.cell.forward_compiled(x, rows, self._weights(), batch, False)
        back(h)

    def _table_both_ways(self, batch: Batch) -> None:
        table, onehot = self.params["table"], CompiledOneHot(self.bags, batch.tokens, SYMBOLS)
        _, back = onehot.cell_inputs(table, [self.params["0.forward.b"]])
        back([np.zeros((len(batch.tokens), table.shape[1]), np.float32)])

    def _head_both_ways(self, batch: Batch, h: Floats) -> None:
        logits, back = linear(h[: len(batch.tokens)], self.params["head.Wy"], self.params["head.by"])
        targets = self.some.targets
        assert targets is not None
        back(softmax_cross_entropy(logits, targets[batch.places])[2])

    def _adam(self) -> float:
        params = {name: value.copy() for name, value in self.params.items()}
        adam = Adam.of(params)
        some = {name: np.full_like(value, 0.01) for name, value in params.items() if name != "table"}
        width = params["table"].shape[1]
        gradients = []
        for batch in self.batches:
            touched: Int32 = np.unique(batch.tokens)
            values = np.full((len(touched), width), 0.01, np.float32)
            gradients.append({**some, "table": RowGradient(touched, values)})
        return best(lambda: [adam.update(params, g, 1e-3) for g in gradients], self.passes)

    def _epoch(self) -> float:
        how = FitConfig(epochs=self.passes + 2, batch=self.batch, dropout=0, blocks=0, unknown=0, patience=0)
        ends: list[float] = []
        Trainer(self.config, how, Data(self.bags, self.some)).run(
            Callbacks(lambda _: ends.append(time.process_time()))
        )
        return float(np.diff(ends).min())

    def tagging(self) -> Times:
        """Seconds by kernel of tagging all sentences, and of all of it."""
        taken, weights = Times(), self.cell.pack(self.params, "0.forward")
        H, FH = self.params["0.forward.Wh"].shape
        longest = max(len(batch.tokens) for batch in self.batches)
        h, c = np.full((longest, H), 0.5, np.float32), np.zeros((self.batch, FH), np.float32)
        x, rows = np.full((8, FH), 0.1, np.float32), np.zeros(longest, np.int32)
        taken["products"] = self.of(lambda b: _forward_products(h, weights["Wh"], b.starts, c))
        gather = self.of(lambda b: _gather_all(x, rows[: len(b.tokens)], b.starts, c))
        taken["packing"] = best(lambda: self.cell.pack(self.params, "0.forward"), self.passes)
        whole = self.of(lambda b: self.cell.states(x, rows[: len(b.tokens)], weights, b, False))
        taken["activations"] = whole - taken["products"] - gather
        symbols: Int32 = np.unique(self.some.tokens)
        taken["gather"] = gather + best(lambda: self._lookup(symbols), self.passes)
        Wy, by = self.params["head.Wy"], self.params["head.by"]
        taken["head, loss"] = self.of(
            lambda b: embedding_kernels.argmax_rows(product(h[: len(b.tokens)], Wy, by))
        )
        decoder = Decoder(self.config, self.params, batch_tokens=self.batch * int(self.some.lengths.mean()))
        taken["all"] = best(lambda: decoder.tag(self.bags, self.some), self.passes)
        return taken

    def _lookup(self, symbols: Int32) -> Floats:
        bags, b = self.bags, self.params["0.forward.b"]
        sums: Floats = embedding_kernels.bag_sums(
            self.params["table"], bags.rows, bags.offsets, symbols, SYMBOLS
        )
        return sums + b


def shares(sentences: int, passes: int) -> None:
    """Print the share of each kernel in training and tagging."""
    some, head = corpus(sentences), ""
    for what in ("training", "tagging"):
        for cell, hidden in CELLS:
            for batch in BATCHES:
                measured = Shares(cell, hidden, some, batch, passes)
                taken = measured.training() if what == "training" else measured.tagging()
                whole = taken.pop("all")
                taken["rest"] = whole - sum(taken.values())
                if head != what:
                    head = what
                    print(
                        f"\n{what:28}"
                        + "".join(f"{n:>12}" for n in taken)
                        + "   k symbols/s   GF/s of products"
                    )
                H, FH = measured.params["0.forward.Wh"].shape
                work = 2e-9 * H * FH * (len(some.tokens) - len(some)) * (3 if what == "training" else 1)
                print(f"{cell} {hidden}, {batch:2} sentences".ljust(28), end="")
                print("".join(f"{seconds / whole:12.0%}" for seconds in taken.values()), end="")
                print(f"{len(some.tokens) / whole / 1000:14.0f}{work / taken['products']:14.0f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=1280)
    parser.add_argument("--only", default="rates,shares", help="parts, comma-separated")
    parser.add_argument("--avx2", action="store_true", help=processor.HELP)
    options = parser.parse_args()
    large = np.random.default_rng(0).standard_normal((2048, 2048), np.float32)
    with single_threaded():
        peak = 2e-9 * 2048**3 / best(lambda: large @ large, options.passes)
        print(f"large product: {peak:.0f} GF/s; tiles of {ROWS} rows, {VECTORS} vectors of {LANES} numbers")
        if "rates" in options.only:
            rates(options.passes)
        if "shares" in options.only:
            shares(options.sentences, options.passes)


if __name__ == "__main__":
    main()
