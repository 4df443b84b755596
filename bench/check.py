"""Peak memory of `elman check` by the size of the corpus.

    python bench/check.py 100 300 1000

Writes a synthetic CoNLL file of each size in MB (words by Zipf's law, an entity in twelve words, sentences
of 5 to 35 tokens, nine tenths training) to a temporary folder, and checks it as a process of its own.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WORDS, TYPES = 2_000_000, ("PER", "LOC", "ORG")
BLOCK = 200_000  # tokens made at a time


def write(path: Path, megabytes: float, seed: int) -> None:
    """Write a labelled file of this size."""
    rng = np.random.default_rng(seed)
    with path.open("w") as file:
        while file.tell() < megabytes * 1e6:
            words = rng.zipf(1.2, BLOCK) % WORDS
            entity = rng.random(BLOCK) < 1 / 12
            ends = np.zeros(BLOCK, bool)
            ends[np.cumsum(rng.integers(5, 36, BLOCK // 20)) % BLOCK] = True
            lines = [
                f"w{word}\t{f'B-{TYPES[word % 3]}' if inside else 'O'}\n" + ("\n" if end else "")
                for word, inside, end in zip(words.tolist(), entity.tolist(), ends.tolist(), strict=True)
            ]
            file.write("".join(lines) + "\n")


def main() -> None:
    """Print a line for each size."""
    for size in map(float, sys.argv[1:]):
        with tempfile.TemporaryDirectory(prefix="elman-bench-") as scratch:
            folder = Path(scratch) / "corpus"
            folder.mkdir()
            for name, share, seed in (("train", 0.9, 1), ("dev", 0.05, 2), ("test", 0.05, 3)):
                write(folder / f"{name}.conll", share * size, seed)
            began = time.monotonic()
            command = [sys.executable, "-m", "elman.flows.cli", "check", str(folder), "--json"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # of the largest so far
            print(f"{size:6.0f} MB  {peak:6.0f} MiB  {time.monotonic() - began:6.0f} s", flush=True)


if __name__ == "__main__":
    main()
