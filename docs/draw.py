"""Draw the pictures of the documentation: `.venv/bin/python docs/draw.py` after `make demo`.

docs/img/comparison.png is the picture of the demo's comparison, as every `elman train --compare` draws it.
"""

import shutil
import sys
from pathlib import Path

from elman.tasks.runtime.environment import CHECKOUT, home

PICTURE = "comparison.png"


def latest(runs: Path) -> Path:
    """The picture of the latest training with a comparison.

    Raises:
        SystemExit: there is none.
    """
    pictures = sorted(runs.glob(f"*-train-*/artifacts/{PICTURE}"))
    if not pictures:
        raise SystemExit(f"expected a run with a comparison under {runs}. Got none. Run `make demo` first.")
    return pictures[-1]


def draw(images: Path) -> Path:
    """Copy the latest picture to a folder of images."""
    images.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(latest(home() / "runs"), images / PICTURE))


if __name__ == "__main__":
    print(draw(CHECKOUT / "docs" / "img"), file=sys.stderr)
