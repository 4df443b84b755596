"""Draw the pictures of the documentation: `.venv/bin/python docs/draw.py` after `make demo`.

docs/img/comparison.png is the picture of the demo's comparison, as every `elman train --compare` draws it.
"""

import shutil
from pathlib import Path

from elman.tasks.runtime.environment import CHECKOUT, home

found = sorted((home() / "runs").glob("*-train-*/artifacts/comparison.png"))
if not found:
    raise SystemExit(
        f"expected a run with a comparison under {home() / 'runs'}. Got none. Run `make demo` first."
    )
target = CHECKOUT / "docs" / "img" / "comparison.png"
Path(target.parent).mkdir(parents=True, exist_ok=True)
shutil.copyfile(found[-1], target)
