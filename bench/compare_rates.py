"""CPU seconds of two commits, ingesting, training and tagging the same input in turn.

    python bench/compare_rates.py OLD NEW --passes 3

OLD and NEW are checkouts with an environment of their own (`make env`). Each pass runs every step by the
command line of OLD and of NEW, one after the other, so that both see the same machine; who goes first changes
from pass to pass. A step is measured in CPU seconds of its process and of the workers it waits for, start and
imports included. The table gives the medians and OLD by NEW: above 1, NEW is faster.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from commits.inputs import make_inputs
from commits.side import Results, Side, commit_of

BOOK_COPIES, GENOME = 10, "genome.fna"  # 3 MB of text, 100,000 bases
TRAINED = (  # name, corpus, options
    ("article", "english", ("--preset", "article", "--epochs", "10")),
    ("fast", "english", ("--preset", "fast", "--epochs", "10")),
    ("default", "english", ("--preset", "default", "--epochs", "2")),
    ("genes", "ecoli", ("--preset", "fast")),
)
TAGGED = (  # model, input, options
    ("article", "books.txt", ("--format", "parquet,jsonl")),
    ("fast", "books.txt", ("--format", "parquet,jsonl")),
    ("default", "books.txt", ("--format", "parquet,jsonl")),
    ("genes", GENOME, ("--format", "parquet,gff3")),
)


def cpu_seconds() -> float:
    """CPU seconds of all processes that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Measured(Side):
    """A side whose steps are measured."""

    def __init__(self, checkout: Path, folder: Path, inputs: Path) -> None:
        super().__init__(checkout, folder, inputs, Results({}))
        self.cpu: dict[str, list[float]] = defaultdict(list)

    def measure(self, step: str, *arguments: str | Path) -> dict[str, object]:
        """Run a command and note its CPU seconds under the name of the step."""
        before = cpu_seconds()
        summary = self.elman(step, *arguments)
        self.cpu[step].append(cpu_seconds() - before)
        return summary

    def prepare(self) -> None:
        """Compile the kernels and ingest, unmeasured: the first run of each command."""
        genome = (self.inputs / "ecoli_100kb.fna.gz", self.inputs / "ecoli_100kb.gff3.gz")
        self.elman("ingest ecoli", "ingest", *genome, "--name", "ecoli", "--as", "train")
        self.elman("ingest english", "ingest", self.inputs / "english", "--name", "english")
        self.run_pass(0)
        self.cpu.clear()

    def run_pass(self, number: int) -> None:
        """Run every step; the number is the seed, so that nothing of an earlier pass is reused."""
        english = self.inputs / "english"
        self.measure("ingest english", "ingest", english, "--name", f"english-{number}")
        models = {}
        for name, corpus, options in TRAINED:
            found = self.measure(f"train {name}", "train", corpus, *options, "--seed", str(number))
            models[name] = str(found["model"])
        for name, source, options in TAGGED:
            out = self.folder / "tagged" / f"{name}-{number}"
            command = ("tag", models[name], self.inputs / source, "--out", out, "--no-reuse", *options)
            self.measure(f"tag {source} by {name}", *command)


def table(sides: list[Measured]) -> str:
    """Medians of the passes so far, in Markdown."""
    lines = [
        "| step | OLD, CPU s | NEW, CPU s | OLD by NEW | single passes |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for step, before in sides[0].cpu.items():
        after = sides[1].cpu[step]
        left, right = statistics.median(before), statistics.median(after)
        single = ", ".join(f"{a / b:.2f}" for a, b in zip(before, after, strict=True))
        lines.append(f"| {step} | {left:.1f} | {right:.1f} | {left / right:.2f} | {single} |")
    return "\n".join(lines)


def main() -> None:
    """Run the passes and print the table after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path, help="checkout of the commit before, with its .venv")
    parser.add_argument("new", type=Path, help="checkout of the commit after, with its .venv")
    parser.add_argument("--passes", type=int, default=3, help="measured passes of each side")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rates-") as scratch:
        inputs, old = Path(scratch) / "inputs", asked.old.resolve()
        make_inputs(inputs, old, None, None, None)
        (inputs / "books.txt").write_bytes((inputs / "book.txt").read_bytes() * BOOK_COPIES)
        sides = [
            Measured(checkout, Path(scratch) / name, inputs)
            for name, checkout in (("old", old), ("new", asked.new.resolve()))
        ]
        for side in sides:
            side.prepare()
        for number in range(1, asked.passes + 1):
            for side in sides if number % 2 else reversed(sides):
                side.run_pass(number)
            commits = f"{commit_of(sides[0].checkout)} (OLD), {commit_of(sides[1].checkout)} (NEW)"
            print(f"{commits}, pass {number}, load {os.getloadavg()[0]:.1f}\n\n{table(sides)}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
