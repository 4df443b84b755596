"""Compilation of the kernels of a training in processes of their own, while the corpus is read.

Numba compiles a kernel for the types it is called with, whatever the sizes: a training of two sentences by a
small network of the preset's kind compiles all that a real one needs, and leaves it in the cache on disk. One
process compiles what an update needs, another, where there is a core for it, what decoding does.
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
from elman.rnn.networks.architecture import Architecture, init
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Data, Trainer
from elman.tasks.models.presets import preset
from elman.tasks.runtime import environment
from elman.tasks.runtime.console import print_status

_MODULE = "elman.tasks.training.kernels"
UPDATES, DECODING = "updates", "decoding"
SHOWN_EVERY_S = 5.0


class KernelCompilation:
    """Compiles the kernels of a preset beside other work; nothing is done where that was done before.

    Leaving the `with` block ends a compilation that nobody waited for.

    Args:
        preset_name: a preset of text.
        binary: True for a network with a sigmoid.
    """

    def __init__(self, preset_name: str, binary: bool = False) -> None:
        self._processes = list[subprocess.Popen[bytes]]()
        self._waited = False
        if "NUMBA_CACHE_DIR" not in os.environ or not arrays.COMPILED:
            return
        self._began, self._compiled = time.monotonic(), environment.kernels_compiled()
        missing = [part for part in (UPDATES, DECODING) if not _done(preset_name, binary, part).is_file()]
        at_once = len(missing) if environment.cores() == 1 else 1
        for parts in (missing[i : i + at_once] for i in range(0, len(missing), at_once or 1)):
            command = [*environment.command_of(_MODULE), preset_name, *(["binary"] if binary else []), *parts]
            nowhere = subprocess.DEVNULL
            process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere)
            self._processes.append(process)

    def wait(self) -> None:
        """Wait until the kernels are there, and say so meanwhile.

        A compilation that fails is left to the training, which compiles what it lacks.
        """
        shown = self._began
        while any(process.poll() is None for process in self._processes):
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
        if not self._waited:
            for process in self._processes:
                process.kill()
                process.wait()


def _done(preset_name: str, binary: bool, part: str) -> Path:
    """File that says that the kernels of a part of a preset are in the cache."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    return folder / f"{part}-{preset_name}{'-binary' if binary else ''}"


def compile_kernels(preset_name: str, part: str, binary: bool = False) -> None:
    """Compile the kernels of a part of a preset, unless that was done before.

    Where it is being done, wait for it.
    """
    done = _done(preset_name, binary, part)
    done.parent.mkdir(parents=True, exist_ok=True)
    with done.with_name(f"{done.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not done.is_file():
            _run_small_network(preset_name, part, binary)
            done.touch()


def _run_small_network(preset_name: str, part: str, binary: bool) -> None:
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
    if part == UPDATES:
        how = replace(FitConfig(**chosen.fit), epochs=1, batch=2, average=1)
        Trainer(network, how, Data(bags, train), scheme=scheme).run()
        return
    params = init(network, seed=0)
    decoder = Decoder(network, params, scheme)
    decoder.tag(bags, Sequences(tokens, train.offsets))
    decoder.tag_with_probabilities(bags, Sequences(tokens, train.offsets))
    calibrate(network, params, bags, train, scheme)
    if chosen.pool_documents and scheme is not None:
        weights = PoolingWeights(1.0, 1.0)
        first = PooledDecoder(decoder, weights).first_pass(bags, Sequences(tokens, train.offsets))
        found = Occurrences(np.zeros(3, np.int32), np.zeros(3, bool), train.offsets)
        evidence(first.posterior, found, weights)


def main() -> None:
    """Compile kernels: arguments are a preset, the parts wanted, and perhaps `binary`."""
    environment.prepare()
    for part in (UPDATES, DECODING):
        if part in sys.argv[2:]:
            compile_kernels(sys.argv[1], part, "binary" in sys.argv[2:])
