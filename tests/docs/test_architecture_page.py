"""The map in ARCHITECTURE.md has a line for every folder, in an order in which imports point upwards only."""

import ast
import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "ARCHITECTURE.md").read_text("utf-8")
MAP = re.findall(r"^\| `((?:data|rnn|tasks)/\w+)/` \|", PAGE, re.MULTILINE)


def folders_imported(folder: str) -> set[str]:
    """Folders of the same package that modules of a folder import."""
    package = folder.split("/", maxsplit=1)[0]
    found = set()
    for path in (CHECKOUT / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.ImportFrom)
                and node.module
                and node.module.startswith(f"elman.{package}.")
            ):
                found.add("/".join(node.module.split(".")[1:3]))
    return {other for other in found if (CHECKOUT / other).is_dir()} - {folder}


def test_every_folder_has_a_line():
    folders = {
        path.parent.relative_to(CHECKOUT).as_posix()
        for package in ("data", "rnn", "tasks")
        for path in (CHECKOUT / package).glob("*/__init__.py")
    }
    assert set(MAP) - {"data/samples"} == folders
    assert len(MAP) == len(set(MAP))


def test_a_folder_imports_from_lines_above_its_own():
    wrong = [
        f"{folder} imports {other}"
        for line, folder in enumerate(MAP)
        for other in sorted(folders_imported(folder))
        if other not in MAP[:line]
    ]
    assert wrong == []


def test_the_page_stays_short():
    assert len(PAGE.splitlines()) <= 110
