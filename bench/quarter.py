"""Simulated quarter of `elman retrain` on real text, a command a week: good and bad weeks, one without data.

    .venv/bin/python bench/quarter.py ../shared/corpora/text [--good 9] [--sentences 400] [--warm-start]

Good weeks are cut from wikineural-en (val; its whole test file is the frozen test set, so that noise hides
little of what a week gains). Between them come a week of
shuffled labels, one of Chinese (uner-zh-gsdsimp), one with the types of wnut17, and one with nothing new. The
last champion is compared with models trained at once on all good weeks. Exit code 1 if a week ends otherwise
than it has to, or the champion is worse by more than seeds differ.
"""

import argparse
import gzip
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from elman.tasks.retraining.gate import GateRules

ROOT = Path(__file__).resolve().parents[1]
SHUFFLED, NOTHING, FOREIGN, SCHEME = "shuffled labels", "nothing new", "Chinese", "other types"
BAD = (SHUFFLED, NOTHING, FOREIGN, SCHEME)
REASONS = {
    SHUFFLED: "labels that contradict the champion",
    FOREIGN: "another language or subject",
    SCHEME: "another tag scheme",
}
SEEDS = (0, 1, 2)  # of the trainings on all good weeks at once
DEV_SENTENCES = 500

Tokens = list[tuple[str, str]]  # a sentence: tokens with their tags


def sentences(path: Path, token: int, tag: int) -> Iterator[Tokens]:
    """Sentences of a file of columns, plain or gzipped."""
    found: Tokens = []
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open() as stream:
        for line in stream:
            if line.startswith("# "):
                continue
            columns = line.split()
            if columns:
                found.append((columns[token], columns[tag]))
            elif found:
                yield found
                found = []
    if found:
        yield found


def write(path: Path, chosen: Sequence[Tokens]) -> None:
    """Write sentences as CoNLL rows of token and tag."""
    text = "\n".join("".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in chosen)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def shuffled(chosen: Sequence[Tokens], rng: random.Random) -> list[Tokens]:
    """The same sentences, with the tags of all tokens in another order."""
    tags = [tag for sentence in chosen for _, tag in sentence]
    rng.shuffle(tags)
    drawn = iter(tags)
    return [[(word, next(drawn)) for word, _ in sentence] for sentence in chosen]


def order(good: int) -> list[str]:
    """Kinds of the weeks: "good" so many times, and each of BAD once between them."""
    weeks = []
    for number in range(good):
        weeks.append("good")
        weeks += [kind for place, kind in enumerate(BAD) if 1 + place * (good - 1) // len(BAD) == number]
    return weeks


def write_weeks(text: Path, folder: Path, good: int, size: int) -> list[tuple[str, list[Path]]]:
    """Write the files of each week; return their kinds and paths, in order."""
    rng = random.Random(0)  # noqa: S311 (a draw of sentences, no secret)
    pool = list(sentences(text / "wikineural-en" / "val.conllu.gz", 1, 2))
    frozen = list(sentences(text / "wikineural-en" / "test.conllu.gz", 1, 2))
    rng.shuffle(pool)
    sources = {
        FOREIGN: lambda: list(sentences(text / "uner-zh-gsdsimp" / "zh_gsdsimp-ud-train.iob2.gz", 1, 2))[
            :size
        ],
        SCHEME: lambda: list(sentences(text / "wnut17" / "train.conll", 0, 1))[:size],
        SHUFFLED: lambda: shuffled([pool.pop() for _ in range(size)], rng),
    }
    weeks = []
    for number, kind in enumerate(order(good), 1):
        name, paths = f"week-{number:02}", []
        if kind == "good":
            chosen = [pool.pop() for _ in range(size)]
            parts = {"train": chosen[size // 10 :], "test": chosen[: size // 10]}
            if number == 1:
                parts["test"] = frozen
                parts["dev"] = [pool.pop() for _ in range(DEV_SENTENCES)]
        else:
            parts = {"train": sources[kind]()} if kind in sources else {}
        for split, of_split in parts.items():
            paths.append(folder / f"{name}.{split}.conll")
            write(paths[-1], of_split)
        weeks.append((kind, paths))
    return weeks


class Home:
    """Runs commands in a home folder of their own."""

    def __init__(self, folder: Path) -> None:
        kernels = os.environ.get("NUMBA_CACHE_DIR", str(ROOT / "var" / "quarter-kernels"))
        self.env = {
            **os.environ,
            "ELMAN_HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "NUMBA_CACHE_DIR": kernels,
        }
        for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
            self.env.pop(name, None)

    def run(self, *arguments: str | Path) -> dict[str, Any]:
        """Summary of a command, with its CPU seconds.

        Raises:
            SystemExit: it failed.
        """
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "elman.flows.cli", *map(str, arguments), "--json"]
        done = subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"elman {' '.join(map(str, arguments))} failed:\n{done.stderr}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        summary: dict[str, Any] = json.loads(done.stdout)
        return {**summary, "cpu_s": seconds}


def verdict(kind: str, summary: dict[str, Any], first: bool) -> tuple[str, bool]:
    """Outcome of a week in words, and True if it is the one expected."""
    held, why = summary.get("held_apart"), summary["why"]
    if kind == NOTHING:
        return why, not summary["trained"] and "nothing new" in why
    if kind in REASONS:
        reason = held["reason"] if held else why
        return f"held apart: {reason}", bool(held) and not summary["trained"] and reason.startswith(
            REASONS[kind]
        )
    promoted = summary["promoted"]
    better = any(check["name"] == "F1" and check["passed"] for check in summary.get("checks", ()))
    right = summary["trained"] and not held and (promoted if first else promoted <= better)
    return f"{'promoted' if promoted else 'refused'}: {why}", bool(right)


def train_once(home: Home, files: Sequence[Path]) -> tuple[list[float], float]:
    """Test F1 of models trained on all good weeks at once, of each of SEEDS, and the CPU seconds."""
    ingested = home.run("ingest", *files, "--name", "once")
    trained = [home.run("train", "once", "--preset", "fast", "--seed", str(seed)) for seed in SEEDS]
    cpu_s = sum(summary["cpu_s"] for summary in (ingested, *trained))
    return [summary["test"]["f1"] for summary in trained], cpu_s


def good_enough(champion: float, once: Sequence[float]) -> bool:
    """Return True unless the champion's F1 is below that of trainings at once by more than two seeds differ.

    The deviation of seeds is measured, and at least the one that the gate takes by default.
    """
    deviation = max(statistics.stdev(once), GateRules.seed_noise)
    return champion >= statistics.mean(once) - 1.96 * deviation * (1 + 1 / len(once)) ** 0.5


def simulate(text: Path, scratch: Path, good: int, size: int, more: Sequence[str]) -> dict[str, Any]:
    """Run the weeks and the one training on all good ones; return all figures."""
    inbox, home, rows = scratch / "inbox", Home(scratch / "home"), []
    weeks = write_weeks(text, scratch / "weeks", good, size)
    inbox.mkdir()
    for number, (kind, paths) in enumerate(weeks, 1):
        for path in paths:
            (inbox / path.name).write_bytes(path.read_bytes())
        options = ["--model", "names", "--preset", "fast", *more]
        summary = home.run("retrain", "letters", inbox, *options)
        shown, right = verdict(kind, summary, number == 1)
        rows.append(
            {
                "week": number,
                "kind": kind,
                "as it has to be": right,
                "verdict": shown,
                "challenger": summary.get("challenger_score"),
                "champion": summary.get("champion_score"),
                "cpu_s": round(summary["cpu_s"], 1),
            }
        )
        print(
            f"{number:>4}  {kind:<15}  {'ok ' if right else 'BAD'}  {summary['cpu_s']:6.1f} s  {shown}",
            flush=True,
        )
    files = [path for kind, paths in weeks if kind == "good" for path in paths]
    once, once_cpu_s = train_once(home, files)
    last = home.run("evaluate", "models:/names@champion", "once", "--split", "test")
    return {
        "weeks": rows,
        "champion_test_f1": last["f1"],
        "trained_once_test_f1": once,
        "cpu_s": round(sum(row["cpu_s"] for row in rows) + once_cpu_s + last["cpu_s"], 1),
        "versions_promoted": sum(row["verdict"].startswith("promoted") for row in rows),
    }


def main() -> int:
    """Run the quarter and print its figures; see the module."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path, help="folder with wikineural-en, uner-zh-gsdsimp and wnut17")
    parser.add_argument("--good", type=int, default=9, help="good weeks")
    parser.add_argument("--sentences", type=int, default=400, help="of a week")
    parser.add_argument("--warm-start", action="store_true", help="of the challengers")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument(
        "--keep", type=Path, help="new folder for the files and homes, else removed at the end"
    )
    options = parser.parse_args()
    began = time.monotonic()
    if options.keep:
        options.keep.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        more = ["--warm-start"] if options.warm_start else []
        scratch = (options.keep or Path(temporary)).resolve()
        found = simulate(options.text.resolve(), scratch, options.good, options.sentences, more)
    found["wall_s"] = round(time.monotonic() - began, 1)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    last, once = found["champion_test_f1"], found["trained_once_test_f1"]
    shown = ", ".join(f"{f1:.4f}" for f1 in once)
    print(f"The last champion: test F1 {last:.4f}; trained at once on all good weeks, three seeds: {shown}.")
    print(
        f"{found['wall_s']:.0f} s by the clock, {found['cpu_s']:.0f} CPU seconds with the trainings at once."
    )
    right = all(row["as it has to be"] for row in found["weeks"]) and good_enough(last, once)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
