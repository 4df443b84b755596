"""Regression check of two commits: corpora, weights and tags of OLD and of NEW by their command lines alone.

    python bench/compare_commits.py OLD NEW --quick
    python bench/compare_commits.py OLD NEW --corpora ../shared/corpora --old-results DIR --json table.json

OLD and NEW are checkouts with an environment of their own (`make env`). Each side ingests, trains and tags
the same input in a home folder of its own. Compared are

    corpus/...   the tables of each ingested corpus
    model/...    weights, vocabulary, passport and scores of what each side trained
    same/...     bytes of Parquet and exports where both sides tag with the model that OLD trained
    own/...      columns but `model`, and record counts, where each side tags with the model it trained

A Markdown table goes to stdout; the exit code is 1 if a line of it differs. With --old-results the side of
OLD is made once: the folder keeps what a later run needs, and a run that was stopped goes on with it.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from commits.digests import Digest, sha256, together
from commits.inputs import make_inputs
from commits.plan import Plan, only, plan_of
from commits.side import Results, Side, commit_of

FORMAT = 1  # of a folder of results


@dataclass(frozen=True)
class Line:
    """One line of the table: digests before and after, and the parts that differ."""

    name: str
    before: str
    after: str
    parts: tuple[str, ...] = ()
    allowed: bool = False

    @property
    def differs(self) -> bool:
        """True for a difference that nobody has allowed."""
        return self.before != self.after and not self.allowed

    @property
    def verdict(self) -> str:
        """Text of the last column."""
        if self.before == self.after:
            return "equal"
        more = f" and {len(self.parts) - 4} more" if len(self.parts) > 4 else ""
        return f"{'allowed' if self.allowed else 'differs'}: {', '.join(self.parts[:4])}{more}"


def planned(plan: Plan, digests: Mapping[str, Digest]) -> dict[str, Digest]:
    """Those digests that a plan makes; results that are kept may hold more."""
    names = {("corpus", job.name) for job in plan.ingest} | {("model", job.name) for job in plan.train}
    names |= {(kind, job.name) for job in plan.tag for kind in ("same", "own")}
    return {name: digest for name, digest in digests.items() if tuple(name.split("/")[:2]) in names}


def compare(old: Mapping[str, Digest], new: Mapping[str, Digest], allowed: Iterable[str] = ()) -> list[Line]:
    """Lines of the table, in order; what only one side has differs."""
    lines = []
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name, {}), new.get(name, {})
        parts = [part for part in dict.fromkeys([*before, *after]) if before.get(part) != after.get(part)]
        known = any(fnmatch(name, pattern) for pattern in allowed)
        lines.append(Line(name, together(before), together(after), tuple(parts), known))
    return lines


def markdown(lines: Iterable[Line]) -> str:
    """The table, with the first 16 digits of each sha256."""
    rows = [
        f"| {line.name} | `{line.before[:16]}` | `{line.after[:16]}` | {line.verdict} |" for line in lines
    ]
    return "\n".join(["| what | before | after | |", "| --- | --- | --- | --- |", *rows])


def fingerprint_of(old: Path, inputs: Path) -> dict[str, Any]:
    """Commit and inputs that the results of OLD depend on."""
    files = sorted(path for path in inputs.rglob("*") if path.is_file())
    digests = {path.relative_to(inputs).as_posix(): sha256(path.read_bytes()) for path in files}
    return {"format": FORMAT, "commit": commit_of(old), "inputs": digests}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path, help="checkout of the commit before, with its .venv")
    parser.add_argument(
        "new", type=Path, nargs="?", help="checkout of the commit after; none: only make OLD's side"
    )
    parser.add_argument("--corpora", type=Path, help="folder with text/ncbi-disease and dna/ecoli_k12_mg1655")
    parser.add_argument("--book", type=Path, help="plain text to tag; written from the samples if not given")
    parser.add_argument(
        "--genome", type=Path, help="FASTA to tag; of the corpora, or the fixture, if not given"
    )
    parser.add_argument("--quick", action="store_true", help="fewer models and epochs")
    parser.add_argument(
        "--only", metavar="MODELS", help="comma-separated: some of the models, and what they tag"
    )
    parser.add_argument("--old-results", type=Path, help="folder that keeps the side of OLD between runs")
    parser.add_argument(
        "--new-kernels", type=Path, help="folder that keeps NEW's compiled kernels between runs"
    )
    parser.add_argument(
        "--allow", action="append", default=[], metavar="PATTERN", help="lines that may differ"
    )
    parser.add_argument("--json", type=Path, help="write the table, and seconds by step, here")
    return parser.parse_args()


def main() -> int:
    """Run both sides and print the table; 1 if anything differs."""
    asked = arguments()
    old, new = asked.old.resolve(), asked.new.resolve() if asked.new else None
    with tempfile.TemporaryDirectory(prefix="compare-") as scratch:
        before = asked.old_results.resolve() if asked.old_results else Path(scratch) / "old"
        inputs, plan = before / "inputs", plan_of(asked.quick, asked.corpora is not None)
        plan = only(plan, asked.only.split(",")) if asked.only else plan
        make_inputs(inputs, old, asked.book, asked.genome, asked.corpora)
        left = Side(old, before, inputs, Results.load(before, fingerprint_of(old, inputs)))
        expected = left.run(plan)
        if new is None:
            print(f"{before}: {len(expected.digests)} digests of {commit_of(old)}")
            return 0
        kernels = asked.new_kernels.resolve() if asked.new_kernels else None
        right = Side(new, Path(scratch) / "new", inputs, Results({}), kernels)
        got = right.run(plan, left)
    lines = compare(planned(plan, expected.digests), got.digests, asked.allow)
    print(f"{commit_of(old)} (before), {commit_of(new)} (after)\n\n{markdown(lines)}")
    if asked.json:
        about = {
            "old": commit_of(old),
            "new": commit_of(new),
            "old_s": expected.seconds,
            "new_s": got.seconds,
        }
        table = [{**asdict(line), "verdict": line.verdict} for line in lines]
        asked.json.write_text(json.dumps({**about, "lines": table}, indent=1) + "\n")
    return int(any(line.differs for line in lines))


if __name__ == "__main__":
    sys.exit(main())
