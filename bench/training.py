# ruff: noqa: E402  (thread pools are limited before they are loaded)
"""Training as users run it beside PyTorch: the presets' networks on a corpus; see bench/README.md."""

from bench import processor

processor.limit_pools()

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from bench.training_peer import MODULES, Packed, Tagger, Training, packed
from elman.data.encoding import encoded_corpus
from elman.rnn.compute import ragged
from elman.rnn.compute.batches import Sequences, shuffled
from elman.rnn.compute.threads import single_threaded
from elman.rnn.layers.recurrent import cell_named
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Callbacks, Data, Trainer
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models.presets import preset
from elman.tasks.runtime.environment import cores
from elman.tasks.training.text import encode_corpus, fit_config, network_config
from elman.tasks.training.training_data import TrainingData

TOLERANCE = 1e-3  # of losses, relative
CHECKED = 3  # updates whose losses must agree


class Taken(NamedTuple):
    """Seconds of a pass."""

    wall: float
    cpu: float


Run = Callable[[], Taken]


class Case(NamedTuple):
    """A training: network, settings, and the sentences it sees."""

    config: NetworkConfig
    how: FitConfig
    data: TrainingData
    some: Sequences

    def trainer(self, how: FitConfig, workers: int = 1) -> Trainer:
        """Our training with these settings."""
        data = Data(self.data.bags, self.some)
        return Trainer(self.config, how, data, scheme=self.data.scheme, workers=workers)

    def peer(self, sparse: bool, how: FitConfig) -> Training:
        """PyTorch's, with the first weights of ours."""
        params = self.trainer(how).first_state().params
        return Training(Tagger(self.config, params, self.data.bags, self.data.scheme, sparse), how, sparse)

    def batches(self) -> list[Packed]:
        """The batches of an epoch, packed."""
        order = shuffled(self.some.lengths, self.how.batch, np.random.default_rng(0))
        return [packed(self.some, chosen) for chosen in order]


def case_of(corpus: Path, name: str, batch: int, sentences: int) -> Case:
    """The network of a preset, or one member of its ensemble, and so many training sentences of a corpus."""
    data = TrainingData.of(encoded_corpus.read(Path(encode_corpus(str(corpus), name))))
    config = network_config(data, preset(name).network)
    if config.cell not in MODULES:
        raise SystemExit(f"{name}: PyTorch has no cell {config.cell!r}, so there is nothing to compare.")
    chosen = np.random.default_rng(0).permutation(len(data.train))[: sentences // batch * batch]
    how = fit_config(name, {"batch": batch, "epochs": 2, "patience": 0}, len(data.train))
    return Case(config, how, data, data.train.take(np.sort(chosen)))


def check_losses(case: Case) -> None:
    """Refuse to measure unless the losses of some updates agree: same weights, same batch, no noise."""
    few = case._replace(some=case.some.take(np.arange(case.how.batch)))
    how = replace(case.how, epochs=CHECKED, dropout=0, blocks=0, unknown=0, average=1)
    records: list[dict[str, float]] = []
    few.trainer(how).run(Callbacks(records.append))
    batch = packed(few.some, np.arange(len(few.some)))
    for sparse in (True, False):
        peer = few.peer(sparse, how)
        theirs = [float(peer.update(batch, record["learning_rate"], None)) for record in records]
        ours = [record["loss"] for record in records]
        if not np.allclose(ours, theirs, rtol=TOLERANCE):
            raise SystemExit(
                f"expected the same losses of {CHECKED} updates. Got {ours} of ours, {theirs} of PyTorch "
                f"with {'SparseAdam' if sparse else 'fused Adam'}: nothing is measured."
            )


def ours(case: Case, workers: int) -> Run:
    """An epoch of our training, after a first one that is not timed."""

    def measure() -> Taken:
        ends: list[Taken] = []
        case.trainer(case.how, workers).run(
            Callbacks(lambda _: ends.append(Taken(time.perf_counter(), time.process_time())))
        )
        return Taken(*(after - before for before, after in zip(*ends, strict=True)))

    return measure


def theirs(training: Training, batches: list[Packed], threads: int) -> Run:
    """The same updates by PyTorch."""

    def measure() -> Taken:
        torch.set_num_threads(threads)
        began = Taken(time.perf_counter(), time.process_time())
        for batch in batches:
            training.update(batch, training.how.learning_rate, training.how)
        ended = Taken(time.perf_counter(), time.process_time())
        torch.set_num_threads(1)
        return Taken(*(after - before for before, after in zip(began, ended, strict=True)))

    return measure


def best_of_torch(case: Case, batches: list[Packed]) -> dict[str, Run]:
    """PyTorch's quickest by wall time and by CPU time, of SparseAdam and fused Adam, one and two threads."""
    runs, taken = {}, {}
    for sparse in (True, False):
        training = case.peer(sparse, case.how)
        for threads in (1, 2):
            name = f"torch, {'SparseAdam' if sparse else 'fused Adam'}, {threads} thread{'s' * (threads > 1)}"
            few = theirs(training, batches[: max(len(batches) // 4, 1)], threads)
            runs[name] = theirs(training, batches, threads)
            few()
            taken[name] = few()
    quickest = {min(taken, key=lambda name: taken[name][k]): None for k in (0, 1)}
    return {name: runs[name] for name in quickest}


def arithmetic(case: Case, batches: list[Packed]) -> float:
    """Floating-point operations of the matrix products of all these updates, forward and backward."""
    config = case.config
    F, D = len(cell_named(config.cell).gates), len(config.directions)
    step = D * config.hidden * (F * (config.hidden + config.embedding) + config.classes)
    work = step * sum(len(batch.tokens) for batch in batches)
    if config.letters:
        _, spelling = case.data.bags.split_at(config.rows - config.letters)
        C = config.embedding // 4
        for batch in batches:
            _, places = ragged.take(spelling.offsets, np.unique(batch.tokens))
            letters = spelling.rows[places]
            work += 2 * F * C * (C * len(letters) + config.embedding * len(np.unique(letters)))
    return 6.0 * work


def large_product() -> float:
    """Floating-point operations a second of a product of 2048 x 2048, one thread."""
    a, b = (np.random.default_rng(i).standard_normal((2048, 2048), np.float32) for i in (0, 1))
    seconds = []
    with single_threaded():
        for _ in range(4):
            began = time.process_time()
            a @ b
            seconds.append(time.process_time() - began)
    return 2 * 2048**3 / min(seconds)


def compare(name: str, case: Case, passes: int, peak: float) -> None:
    """Print one network and batch size beside PyTorch."""
    check_losses(case)
    batches = case.batches()
    tokens, updates = len(case.some.tokens), len(batches)
    runs = {"ours": ours(case, min(case.how.parts, cores())), **best_of_torch(case, batches)}
    runs["ours"]()
    taken: dict[str, list[Taken]] = {each: [] for each in runs}
    for _ in range(passes):
        for each, run in runs.items():
            taken[each].append(run())
    middle = {
        each: Taken(*(statistics.median(seconds) for seconds in zip(*all_, strict=True)))
        for each, all_ in taken.items()
    }
    least = arithmetic(case, batches) / peak
    best = [min(middle[each][k] for each in runs if each != "ours") / middle["ours"][k] for k in (0, 1)]
    for each, (wall, cpu) in middle.items():
        rates = f"{tokens / wall / 1e3:9.1f}{tokens / cpu / 1e3:9.1f}"
        costs = f"{wall / updates * 1e3:10.2f}{cpu / updates * 1e3:9.2f}{least / updates * 1e3:10.2f}"
        ratios = f"{best[0]:8.1f}x{best[1]:8.1f}x" if each == "ours" else ""
        line = f"{name:9}{case.how.batch:6}  {each:31}{rates}{costs}{cpu / least:8.1f}x{ratios}"
        print(line, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="name of an ingested corpus, or its folder")
    parser.add_argument("--presets", default="article,fast,default", help="comma-separated")
    parser.add_argument("--batches", default="4,8,16,64", help="sentences in an update, comma-separated")
    parser.add_argument("--sentences", type=int, default=1600, help="of the corpus, in a pass")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--avx2", action="store_true", help=processor.HELP)
    options = parser.parse_args()
    corpus = corpus_folder(options.corpus)
    torch.set_num_threads(1)
    peak = large_product()
    print(
        f"{cores()} cores, {peak / 1e9:.0f} GF/s in a large product, load {os.getloadavg()[0]:.1f}, "
        f"torch {version('torch')}; {corpus.name}, {options.sentences} sentences a pass, "
        f"medians of {options.passes} alternated passes"
    )
    print(
        f"{'preset':9}{'batch':>6}  {'':31}{'ktok/s':>9}{'/CPU s':>9}{'ms/update':>10}{'CPU ms':>9}"
        f"{'products':>10}{'CPU to':>9}{'ours, wall':>11}{'CPU':>6}"
    )
    for name in options.presets.split(","):
        for batch in map(int, options.batches.split(",")):
            compare(name, case_of(corpus, name, batch, options.sentences), options.passes, peak)


if __name__ == "__main__":
    main()
