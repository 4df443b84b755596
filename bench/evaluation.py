"""Evaluation of many sentences with its report: CPU seconds, peak memory, size of the page.

    python -m bench.evaluation --sentences 100000

Sentences are generated: invented people, places and firms in a few forms, 20 a document. A model of preset
`fast` is trained on 2,000 of them for one epoch first, and not counted; what is counted is one evaluation in
a process of its own, from its start to the report.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MEASURED = """
import resource, sys, time
from elman.tasks.evaluation.text import evaluate_model
began = time.process_time()
scores = evaluate_model(sys.argv[1], sys.argv[2], "test", report=sys.argv[3])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{time.process_time() - began:.1f} CPU s of {time.process_time():.1f} with the start, {peak:.0f} MiB")
print(f"{scores.support:,} entities, {scores.predicted:,} predicted, F1 {100 * scores.f1:.1f}")
"""
WORDS = ("the", "old", "new", "late", "small", "first", "last", "grey", "report", "river", "market", "letter")


def sentence(rng: random.Random) -> list[str]:
    """Lines token TAB tag of one generated sentence."""

    def name(ending: str) -> str:
        pairs = (rng.choice("bdgklmnprst") + rng.choice("aeiou") for _ in range(rng.randint(2, 3)))
        return "".join(pairs).title() + ending

    lines = []
    for _ in range(rng.randint(1, 3)):
        lines += [f"{rng.choice(WORDS)}\tO" for _ in range(rng.randint(1, 6))]
        kind, ending = rng.choice((("PER", "son"), ("LOC", "burg"), ("ORG", "corp"), ("MISC", "")))
        lines += [f"{name(ending)}\tB-{kind}"] + [f"{name(ending)}\tI-{kind}"] * rng.randint(0, 2)
    return [*lines, ".\tO"]


def write(path: Path, count: int, seed: int) -> Path:
    """Write CoNLL columns of so many sentences."""
    rng = random.Random(seed)  # noqa: S311
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            head = "" if number % 20 else "-DOCSTART-\tO\n\n"
            out.write(head + "\n".join(sentence(rng)) + "\n\n")
    return path


def main() -> None:
    """Train, evaluate, and print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sentences", type=int, default=100_000)
    count = parser.parse_args().sentences
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        os.environ["ELMAN_HOME"] = str(home)
        elman = [sys.executable, "-m", "elman.flows.cli"]
        for name, split, size in (("made", "train", 2000), ("made", "dev", 500), ("many", "test", count)):
            source = write(home / f"{split}.conll", size, len(split) + size)
            subprocess.run([*elman, "ingest", str(source), "--name", name, "--as", split], check=True)
        subprocess.run([*elman, "train", "made", "--preset", "fast", "--epochs", "1"], check=True)
        (model,) = (home / "models").iterdir()
        began = time.monotonic()
        command = [
            sys.executable,
            "-c",
            MEASURED,
            str(model),
            str(home / "corpora" / "many"),
            str(home / "out"),
        ]
        subprocess.run(command, check=True)
        page = home / "out" / "evaluation_test" / "report.html"
        print(f"{count:,} sentences, {time.monotonic() - began:.1f} s, load {os.getloadavg()[0]:.1f}")
        print(f"page {page.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
