"""Draw the pictures of the documentation: `.venv/bin/python docs/draw.py [FOLDER]`.

docs/img/comparison.png is drawn from comparison.json of the training with the most entity tokens in dev
that `elman train --compare` made in this home. That in the repository is of wikineural-en (11,590 sentences
to train on, 11,597 to judge by, https://github.com/Babelscape/wikineural): given the FOLDER of its files,
which are not part of the repository, it is ingested and trained on first, about 10 CPU minutes.
"""

import json
import subprocess
import sys
from pathlib import Path

from elman.tasks.evaluation import plots
from elman.tasks.runtime.environment import CHECKOUT, home

REPORT, PICTURE = "comparison.json", "comparison.png"
FILES = {"train": "val.conllu.gz", "dev": "test.conllu.gz"}


def largest(runs: Path) -> Path:
    """The comparison with the most entity tokens to judge by, the latest of equals.

    Raises:
        SystemExit: there is none.
    """
    reports = [path for path in sorted(runs.glob(f"*-train-*/artifacts/{REPORT}")) if _judged(path)]
    if not reports:
        raise SystemExit(
            f"expected a run with a comparison under {runs}. Got none. Run `make demo`, or name "
            "the folder of a corpus."
        )
    return max(reversed(reports), key=_judged)


def _judged(report: Path) -> int:
    rows = json.loads(report.read_bytes()).get("by_position", ())
    return sum(row["entity_tokens"] for row in rows)


def draw(images: Path) -> Path:
    """Draw the picture of the largest comparison into a folder of images."""
    images.mkdir(parents=True, exist_ok=True)
    plots.comparison(json.loads(largest(home() / "runs").read_bytes()), images / PICTURE)
    return images / PICTURE


def compare(folder: Path) -> None:
    """Ingest a corpus of two files and train with a comparison.

    Raises:
        SystemExit: a file is missing.
    """
    missing = [name for name in FILES.values() if not (folder / name).is_file()]
    if missing:
        raise SystemExit(f"{folder}: expected {', '.join(FILES.values())}. Got no {', '.join(missing)}.")
    elman = [sys.executable, "-m", "elman.flows.cli"]
    for split, name in FILES.items():
        command = ["ingest", "--name", "wikineural", "--as", split, str(folder / name)]
        subprocess.run([*elman, *command], check=True)
    subprocess.run([*elman, "train", "wikineural", "--preset", "fast", "--compare"], check=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        compare(Path(sys.argv[1]))
    print(draw(CHECKOUT / "docs" / "img"), file=sys.stderr)
