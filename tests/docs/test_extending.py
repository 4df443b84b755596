"""docs/extending.md: its blocks, put into place as files, pass the tests among them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n# (?P<path>\S+\.py)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
CONFTEST = f"""
import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, {str(CHECKOUT)!r})
here = Path(__file__).parent
for folder in sorted({{path.parent for path in here.rglob("*.py")}} - {{here}}):
    place = folder.relative_to(here)
    if place.parts[0] != "tests":
        import_module("elman." + ".".join(place.parts)).__path__.append(str(folder))

from tests.conftest import *  # fixtures
from tests.small_models import *
"""


def blocks() -> dict[str, str]:
    """The files of the page by path."""
    page = (CHECKOUT / "docs" / "extending.md").read_text("utf-8")
    return {match["path"]: match["code"] for match in BLOCK.finditer(page)}


def test_every_new_module_has_a_test_beside_it():
    tests = {path for path in blocks() if path.startswith("tests/")}
    modules = blocks().keys() - tests
    assert {f"tests/{Path(m).parent}/test_{Path(m).name}" for m in modules} <= tests
    assert not any((CHECKOUT / path).exists() for path in blocks())


@pytest.mark.heavy
def test_the_parts_of_the_page_work(tmp_path):
    for path, code in blocks().items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = --import-mode=importlib\nmarkers =\n    kills: x\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_blocks_are_formatted_as_the_code(tmp_path):
    for path, code in blocks().items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
    (tmp_path / "pyproject.toml").write_text((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    settings = [str(tmp_path)]
    for check in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, *settings], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
