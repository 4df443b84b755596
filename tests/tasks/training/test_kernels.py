"""What a training needs is compiled in a process of its own, and then nothing more."""

import subprocess
import sys
from pathlib import Path

import pytest

from elman.tasks.runtime import environment
from elman.tasks.training.kernels import KernelCompilation

SAMPLES = environment.CHECKOUT / "data" / "samples"
MODULES = {path.stem for path in (environment.CHECKOUT / "rnn").glob("**/*.py")}


def compiled(folder: Path):
    """Kernels of rnn in a cache, one name for each combination of types."""
    return {path.name for path in folder.glob("**/*.nbc") if path.name.split(".")[0] in MODULES}


def elman(*arguments):
    run = subprocess.run(
        [sys.executable, "-m", "elman.flows.cli", *arguments], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["fast", "default"])
def test_a_training_finds_all_its_kernels_compiled(preset, home, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(home / "kernels"))
    elman("ingest", str(SAMPLES / "english"), "--name", "english")
    with KernelCompilation(preset) as compilation:
        compilation.wait()
    assert any("adam_dense" in name for name in compiled(home / "kernels"))
    before = compiled(home / "kernels")
    assert any("_likelihood" in name for name in before)
    elman("train", "english", "--preset", preset, "--epochs", "1")
    assert compiled(home / "kernels") == before
