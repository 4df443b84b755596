"""Compilation of the kernels of a training in a process of its own, while the corpus is read.

Numba compiles a kernel for the types it is called with, whatever the sizes: a training of two sentences by a
small network of the preset's kind compiles all that a real one needs, and leaves it in the cache on disk.
"""

import fcntl
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from elman.rnn.compute import arrays
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.inference.decode import Decoder, calibrate
from elman.rnn.inference.pooling import Occurrences, PooledDecoder, PoolingWeights, evidence
from elman.rnn.inference.spans import TagScheme
from elman.rnn.networks.architecture import Architecture
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Callbacks, Data, Trainer
from elman.tasks.models.presets import preset
from elman.tasks.runtime import environment
from elman.tasks.runtime.console import print_status

_MODULE = "elman.tasks.training.kernels"
SHOWN_EVERY_S = 5.0


class KernelCompilation:
    """Compiles the kernels of a preset beside other work; nothing is done where that was done before.

    Leaving the `with` block ends a compilation that nobody waited for.

    Args:
        preset_name: a preset of text.
        binary: True for a network with a sigmoid.
    """

    def __init__(self, preset_name: str, binary: bool = False) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waited = False
        if "NUMBA_CACHE_DIR" not in os.environ or not arrays.COMPILED:
            return
        self._began, self._compiled = time.monotonic(), environment.kernels_compiled()
        self._updates = _updates(preset_name, binary)
        if not _done(preset_name, binary).is_file():
            command = [*environment.command_of(_MODULE), preset_name, *(["binary"] if binary else [])]
            nowhere = subprocess.DEVNULL
            self._process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere)

    def wait(self) -> None:
        """Wait until the kernels of an update are there, and say so meanwhile; those of decoding may follow.

        A compilation that fails is left to the training, which compiles what it lacks.
        """
        if self._process is None:
            return
        shown = self._began
        while self._process.poll() is None and not self._updates.is_file():
            time.sleep(0.05)
            now = time.monotonic()
            if now - shown >= SHOWN_EVERY_S:
                shown, kernels = now, environment.kernels_compiled() - self._compiled
                print_status(
                    f"Compiling the network for this processor, once: {kernels} kernels, "
                    f"{now - self._began:.0f} s."
                )
        self._waited = True

    def __enter__(self) -> "KernelCompilation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and not self._waited:
            self._process.kill()
            self._process.wait()


def _done(preset_name: str, binary: bool) -> Path:
    """File that says that the kernels of a preset are in the cache."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    return folder / f"compiled-{preset_name}{'-binary' if binary else ''}"


def _updates(preset_name: str, binary: bool) -> Path:
    """File that says that the kernels of an update are, while those of decoding are still compiled."""
    return _done(preset_name, binary).with_suffix(".updates")


def compile_kernels(preset_name: str, binary: bool = False) -> None:
    """Compile the kernels of a preset, unless that was done before or is being done, and then wait for it."""
    done = _done(preset_name, binary)
    done.parent.mkdir(parents=True, exist_ok=True)
    with done.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not done.is_file():
            _train_small_network(preset_name, binary)
            done.touch()


def _train_small_network(preset_name: str, binary: bool) -> None:
    chosen = preset(preset_name)
    templates = {template.name for blocks in chosen.blocks.values() for template in blocks}
    letters = 4 if "letters" in templates else 0
    fields = {**chosen.network, **({"output": "sigmoid"} if binary else {})}
    member = NetworkConfig(rows=12, classes=1 if binary else 3, letters=letters, **fields)
    network: Architecture = (
        member if chosen.members == 1 else EnsembleConfig(member=member, members=chosen.members)
    )
    rows = np.array([2, 8, 9, 3, 4, 10], np.int32) % (12 if letters else 8)
    bags = Bags(rows, np.array([0, 3, 6]), np.array([0, 1], np.int32))
    tokens, targets = np.array([0, 1, 0], np.int32), np.array([0, 1, 0], np.int32)
    train = Sequences(tokens, np.array([0, 2, 3]), targets)
    scheme = None if binary else TagScheme(np.array([False, True, False]), np.array([-1, 0, 0], np.int32))
    data = Data(bags, train, train, lambda prediction: 0.0)
    how = replace(FitConfig(**chosen.fit), epochs=1, batch=2, average=1)
    updates = _updates(preset_name, binary)
    result = Trainer(network, how, data, scheme=scheme).run(Callbacks(on_update=lambda _: updates.touch()))
    decoder = Decoder(network, result.params, scheme)
    decoder.tag_with_probabilities(bags, Sequences(tokens, train.offsets))
    calibrate(network, result.params, bags, train, scheme)
    if chosen.pool_documents and scheme is not None:
        weights = PoolingWeights(1.0, 1.0)
        first = PooledDecoder(decoder, weights).first_pass(bags, Sequences(tokens, train.offsets))
        found = Occurrences(np.zeros(3, np.int32), np.zeros(3, bool), train.offsets)
        evidence(first.posterior, found, weights)


def main() -> None:
    """Compile the kernels of the preset that the first argument names; the second may be `binary`."""
    environment.prepare()
    compile_kernels(sys.argv[1], "binary" in sys.argv[2:])
