"""Peak memory of `elman check` by the size of the corpus.

    python bench/check.py 100 300 1000
    python bench/check.py --documents 1500000

Writes a synthetic CoNLL file of each size in MB (words by Zipf's law, an entity in twelve words, sentences
of 5 to 35 tokens, nine tenths training), or JSON lines of as many documents of 4 to 9 words, to a temporary
folder, and checks it as a process of its own.
"""

import argparse
import json
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


def write_documents(path: Path, count: int) -> None:
    """Write short documents with ids, a line each."""
    rng = np.random.default_rng(1)
    with path.open("w") as file:
        for number in range(count):
            words = rng.zipf(1.2, rng.integers(3, 9)) % WORDS
            text = " ".join(f"w{word}" for word in words.tolist())
            file.write(json.dumps({"id": f"doc-{number:09}", "text": f"{text} ."}) + "\n")


def check(folder: Path, what: str) -> None:
    """Check a folder and print a line."""
    began = time.monotonic()
    command = [sys.executable, "-m", "elman.flows.cli", "check", str(folder), "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)  # of the largest so far, and of all
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    print(f"{what}  {peak:6.0f} MiB  {time.monotonic() - began:6.0f} s, {cpu:.0f} CPU s in all", flush=True)


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=float, help="MB")
    parser.add_argument("--documents", type=int, default=0, help="short documents of one more file")
    options = parser.parse_args()
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="elman-bench-") as scratch:
            folder = Path(scratch) / "corpus"
            folder.mkdir()
            for name, share, seed in (("train", 0.9, 1), ("dev", 0.05, 2), ("test", 0.05, 3)):
                write(folder / f"{name}.conll", share * size, seed)
            check(folder, f"{size:6.0f} MB")
    if options.documents:
        with tempfile.TemporaryDirectory(prefix="elman-bench-") as scratch:
            write_documents(Path(scratch) / "short.jsonl", options.documents)
            check(Path(scratch), f"{options.documents:,} documents")


if __name__ == "__main__":
    main()
