# ruff: noqa: E402  (the pools are limited before they are loaded)
"""Training and tagging rates of `rnn` beside PyTorch's, ONNX Runtime's and JAX's; see bench/README.md."""

from bench import processor

processor.limit_pools()

import argparse
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import numpy as np
import torch

from bench import peers
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.decode import Decoder
from elman.rnn.inference.spans import TagScheme
from elman.rnn.layers.recurrent import cell_named
from elman.rnn.networks.architecture import init
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Callbacks, Data, Trainer

SYMBOLS, TAGS, BATCH = 10_000, 9, 64
EPOCHS = 3  # of one timed pass of training
CELLS = (("elman", 100), ("gru", 128), ("lstm", 128))
PEERS = ("torch", "onnxruntime", "jax", "numpy", "numba", "scipy")
BARS = {  # goals by cell: of training; of tagging beside each peer
    ("elman", "training"): 4.0,
    ("gru", "training"): 3.3,
    ("lstm", "training"): 2.4,
    ("elman", "torch padded"): 3.5,
    ("gru", "torch padded"): 2.7,
    ("lstm", "torch padded"): 2.2,
    ("elman", "torch packed"): 2.8,
    ("lstm", "torch packed"): 1.9,
    ("elman", "onnxruntime"): 3.5,
    ("gru", "onnxruntime"): 2.0,
    ("lstm", "onnxruntime"): 1.4,
}
Run = Callable[[], float]


def corpus(sentences: int, seed: int = 0) -> Sequences:
    """Sentences of 5 to 60 symbols, about 21 each."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.gamma(2.5, 8.2, sentences), 5, 60).astype(int)
    offsets = offsets_of(lengths)
    p = 1 / np.arange(1, SYMBOLS + 1) ** 1.05
    tokens = rng.choice(SYMBOLS, offsets[-1], p=p / p.sum()).astype(np.int32)
    return Sequences(tokens, offsets, rng.integers(0, TAGS, offsets[-1]).astype(np.int32))


def timed(run: Callable[[], object]) -> Run:
    """CPU seconds that a run takes."""

    def measure() -> float:
        began = time.process_time()
        run()
        return time.process_time() - began

    return measure


def network(size: peers.Size, output: str = "softmax") -> NetworkConfig:
    """Our network of a size."""
    return NetworkConfig(
        rows=SYMBOLS,
        classes=TAGS,
        hidden=size.hidden,
        cell=size.cell,
        bidirectional=size.both,
        output=output,
    )


def trainer(size: peers.Size, some: Sequences) -> Run:
    """Our training, from packing to Adam, EPOCHS epochs after a first one that is not timed."""
    how = FitConfig(epochs=EPOCHS + 1, batch=BATCH, dropout=0, blocks=0, unknown=0, patience=0)

    def measure() -> float:
        ends: list[float] = []
        training = Trainer(network(size), how, Data(Bags.single(SYMBOLS), some))
        training.run(Callbacks(lambda _: ends.append(time.process_time())))
        return ends[-1] - ends[0]

    return measure


def tagger(size: peers.Size, some: Sequences) -> Run:
    """Our tagging, from ids to tags, in batches of about BATCH sentences."""
    decoder = Decoder(network(size), init(network(size), 0), batch_tokens=BATCH * int(some.lengths.mean()))
    return timed(lambda: decoder.tag(Bags.single(SYMBOLS), some))


def crf_tagger(size: peers.Size, some: Sequences) -> Run:
    """Our tagging with a CRF: legal sequences, probabilities of tokens and entities.

    The first tag is favoured so that about one token in ten is in an entity, as in text.
    """
    config, bags = network(size, "crf"), Bags.single(SYMBOLS)
    params = init(config, 0)
    params["head.by"][0] += 1.5
    kind = np.array([-1, *np.repeat(np.arange(TAGS // 2), 2)], np.int32)
    begin = np.array([False, *[True, False] * (TAGS // 2)])
    inside = (kind >= 0) & ~begin
    scheme = TagScheme(begin, kind, ~inside, (kind[:, None] == kind[None, :]) | ~inside[None, :])
    decoder = Decoder(config, params, scheme, batch_tokens=BATCH * int(some.lengths.mean()))
    return timed(lambda: decoder.tag_with_probabilities(bags, some))


def alternated(runs: dict[str, Run], passes: int) -> dict[str, list[float]]:
    """Seconds of each pass of each run: once to warm up, then in turn."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(passes):
        for name, run in runs.items():
            taken[name].append(run())
    return taken


def print_line(
    what: str, name: str, rate: float, ratio: float | None = None, bar: float | None = None
) -> None:
    """One line of the table: thousand symbols a CPU second, and how many times a peer's that is."""
    beside = "" if ratio is None else f"{ratio:7.2f}x"
    goal = "" if bar is None else f"   goal {bar}x: {'held' if ratio and ratio >= bar else 'missed'}"
    print(f"{what:30}{name:28}{rate / 1000:8.0f} {beside}{goal}", flush=True)


def compare(size: peers.Size, some: Sequences, passes: int) -> None:
    """Training and tagging of one cell beside all peers."""
    ready, both = peers.batches(some, BATCH), " both ways" if size.both else ""
    label = f"{size.cell} {size.hidden}{both}"
    training = {"ours": trainer(size, some)}
    for packed, sparse in ((False, True), (True, True), (False, False)):
        name = f"torch {'packed' if packed else 'padded'}, {'SparseAdam' if sparse else 'fused Adam'}"
        training[name] = timed(peers.torch_trainer(size, ready, EPOCHS, packed, sparse))
    tagging = {
        "ours": tagger(size, some),
        "torch padded": timed(peers.torch_tagger(size, ready, packed=False)),
        "torch packed": timed(peers.torch_tagger(size, ready, packed=True)),
        "onnxruntime": timed(peers.onnx_tagger(size, ready)),
    }
    if not size.both:
        tagging["jax"] = timed(peers.jax_tagger(size, ready))
    for what, runs, symbols in (
        ("training", training, len(some.tokens) * EPOCHS),
        ("tagging", tagging, len(some.tokens)),
    ):
        taken = alternated(runs, passes)
        middle = {name: statistics.median(seconds) for name, seconds in taken.items()}
        best = min((name for name in runs if name != "ours"), key=middle.__getitem__)
        for name in runs:
            ratio = statistics.median(b / a for a, b in zip(taken["ours"], taken[name], strict=True))
            bar = BARS.get(
                (size.cell, "training") if what == "training" and name == best else (size.cell, name)
            )
            share = 0.85 if size.both else 1  # both ways may lose 15 %
            print_line(
                f"{label} {what}",
                name,
                symbols / middle[name],
                None if name == "ours" else ratio,
                None if bar is None else round(bar * share, 2),
            )


def roofline(some: Sequences, passes: int) -> None:
    """Share of the rate of large products that training reaches at H = 256."""
    size = peers.Size("elman", 256, False, SYMBOLS, TAGS)
    a, b = (np.random.default_rng(i).standard_normal((2048, 2048), np.float32) for i in (0, 1))
    runs = {"sgemm": timed(lambda: a @ b)}
    runs |= {cell: trainer(size._replace(cell=cell), some) for cell, _ in CELLS}
    with single_threaded():
        taken = alternated(runs, passes)
    peak = 2 * 2048**3 / statistics.median(taken["sgemm"])
    print(f"large product: {peak / 1e9:.0f} GF/s")
    for cell, _ in CELLS:
        work = 6 * len(cell_named(cell).gates) * size.hidden**2 * len(some.tokens) * EPOCHS
        rate = work / statistics.median(taken[cell])
        held = "held" if rate >= 0.6 * peak else "missed"
        print(
            f"{cell} 256 training: {rate / 1e9:.0f} GF/s, {rate / peak:.0%} of it   goal 60%: {held}",
            flush=True,
        )


def workers(sentences: int, passes: int) -> None:
    """Wall time of two threads beside one: only a quiet machine shows it."""
    some = corpus(sentences)
    size = peers.Size("elman", 100, True, SYMBOLS, TAGS)

    def wall(threads: int, train: bool) -> Run:
        settings = FitConfig(epochs=2, batch=BATCH, parts=2, patience=0)
        config, bags = network(size), Bags.single(SYMBOLS)
        decoder = Decoder(config, init(config, 0), batch_tokens=1 << 11)
        shares = [some.take(np.arange(k, len(some), threads)) for k in range(threads)]

        def measure() -> float:
            began = time.perf_counter()
            if train:
                Trainer(config, settings, Data(bags, some), workers=threads).run()
            else:
                with ThreadPoolExecutor(threads) as pool:
                    list(pool.map(lambda share: decoder.tag(bags, share), shares))
            return time.perf_counter() - began

        return measure

    for what in ("tagging", "training"):
        taken = alternated({str(n): wall(n, what == "training") for n in (1, 2)}, passes)
        ratio = min(taken["1"]) / min(taken["2"])
        print(
            f"two workers beside one, {what}: {ratio:.2f}x in wall time, best of {passes}; "
            f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
            flush=True,
        )


def crf_cost(some: Sequences, passes: int) -> None:
    """Cost of legal sequences and their probabilities on top of tagging."""
    for cell, hidden in CELLS:
        size = peers.Size(cell, hidden, True, SYMBOLS, TAGS)
        taken = alternated({"plain": tagger(size, some), "crf": crf_tagger(size, some)}, passes)
        more = statistics.median(b / a - 1 for a, b in zip(taken["plain"], taken["crf"], strict=True))
        held = "held" if more <= 0.25 else "missed"
        print(
            f"{cell} {hidden} both ways: CRF with probabilities adds {more:.0%}   goal 25%: {held}",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--sentences", type=int, default=2560)
    parser.add_argument("--only", default="cells,both,roofline,crf,workers", help="parts, comma-separated")
    parser.add_argument("--avx2", action="store_true", help=processor.HELP)
    options = parser.parse_args()
    torch.set_num_threads(1)
    some = corpus(options.sentences)
    print(f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f};", end=" ")
    print(", ".join(f"{name} {version(name)}" for name in PEERS), f"python {platform.python_version()}")
    print(
        f"{len(some)} sentences of 5 to 60 symbols, {len(some.tokens)} in all; {BATCH} a batch, {TAGS} tags;"
        f"\nthousand real symbols per CPU second of one thread, median of {options.passes} alternated passes;"
        "\nratios are ours to each peer's, medians of the passes; training with gradients and Adam"
    )
    parts = options.only.split(",")
    for name, both in (("cells", False), ("both", True)):
        if name in parts:
            for cell, hidden in CELLS:
                compare(peers.Size(cell, hidden, both, SYMBOLS, TAGS), some, options.passes)
    for name, part in (("roofline", roofline), ("crf", crf_cost)):
        if name in parts:
            part(some, options.passes)
    if "workers" in parts:
        workers(10 * options.sentences, options.passes)  # the start of threads is too much of a short run
    print(f"peak RSS of all of it: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
