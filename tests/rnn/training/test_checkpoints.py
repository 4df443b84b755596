"""A training killed anywhere and resumed from its checkpoint ends with the bytes of the undisturbed one."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import to_bytes
from elman.rnn.training import checkpoints
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Callbacks, Data, Trainer

CONFIG = NetworkConfig(rows=12, classes=3, hidden=8, cell="lstm", embedding=6, output="crf")
HOW = FitConfig(epochs=4, batch=10, blocks=0.1, average=2)
BAGS = Bags.single(12, unknown=1)

TRAINER = """
import os, sys
sys.path.insert(0, {here!r})
from test_checkpoints import *
folder, stop = sys.argv[1], int(sys.argv[2])
path = os.path.join(folder, "checkpoint")
steps = 0
def keep(state):
    global steps
    steps += 1
    with open(path + ".new", "wb") as file:
        file.write(checkpoints.to_bytes(state))
    os.replace(path + ".new", path)
    if steps == stop:
        os.kill(os.getpid(), 9)
start = checkpoints.from_bytes(open(path, "rb").read())[0] if os.path.exists(path) else None
print(train(on_state=keep, state=start).hex())
"""


def corpus(seed):
    rng = np.random.default_rng(seed)
    offsets = offsets_of(rng.integers(1, 9, 60))
    tokens = rng.integers(2, 12, offsets[-1]).astype(np.int32)
    return Sequences(tokens, offsets, (tokens % 3).astype(np.int32))


def train(state=None, **callbacks):
    dev = corpus(1)
    data = Data(BAGS, corpus(0), dev, lambda prediction: float((prediction.tags == dev.targets).mean()))
    result = Trainer(CONFIG, HOW, data, seed=5).run(Callbacks(**callbacks), state)
    return to_bytes(result.params, CONFIG)


@pytest.mark.kills
def test_a_training_killed_at_random_steps_ends_with_the_same_bytes(tmp_path):
    whole = train()
    script = tmp_path / "trainer.py"
    script.write_text(TRAINER.format(here=os.path.dirname(__file__)))
    rng = np.random.default_rng()
    for _ in range(3):
        stop = int(rng.integers(1, 9))
        run = subprocess.run([sys.executable, script, tmp_path, str(stop)], capture_output=True, check=False)
        assert run.returncode == -signal.SIGKILL, run.stderr.decode()
    run = subprocess.run([sys.executable, script, tmp_path, "0"], capture_output=True, check=True)
    assert bytes.fromhex(run.stdout.decode()) == whole


@pytest.mark.parametrize("stop", [1, 5, 6, 13, 22])
def test_a_checkpoint_of_any_step_resumes_exactly(stop):
    saved = []
    whole = train(on_state=lambda state: saved.append(checkpoints.to_bytes(state, {"a": "b"})))
    state, extra = checkpoints.from_bytes(saved[stop])
    assert extra == {"a": "b"}
    assert checkpoints.to_bytes(state, extra) == saved[stop]
    assert train(state=state) == whole


def test_other_files_are_refused():
    for file in (b"", b"no checkpoint at all", train()):
        with pytest.raises(ValueError, match="expected the checkpoint of a training"):
            checkpoints.from_bytes(file)
