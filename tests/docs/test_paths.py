"""Every file, folder and heading that the documentation names exists."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *(CHECKOUT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "bench/README.md")),
    *sorted((CHECKOUT / "docs").glob("*.md")),
    CHECKOUT / "data" / "samples" / "README.md",
]
FOLDERS = ("bench", "data", "docs", "elman", "flows", "rnn", "tasks", "tests", ".ci")
PLACE = re.compile(rf"`((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
EVERY_DOCUMENT = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(CHECKOUT).as_posix()
)


def missing_places(text: str) -> list[str]:
    """Paths in backticks that the checkout lacks; NAME stands for any."""
    places = (place for place in PLACE.findall(text) if "NAME" not in place)
    return [place for place in places if not (CHECKOUT / place).exists()]


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a document, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(document: Path, text: str) -> list[str]:
    """Links to files or headings that are not there."""
    broken = []
    for target, anchor in LINK.findall(text):
        path = document.parent / target if target else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(f"{target}#{anchor}")
    return broken


@EVERY_DOCUMENT
def test_every_path_named_exists(document):
    assert missing_places(document.read_text("utf-8")) == []


@EVERY_DOCUMENT
def test_every_link_leads_somewhere(document):
    assert broken_links(document, document.read_text("utf-8")) == []


def test_every_page_of_the_documentation_is_linked_from_the_readme():
    text = (CHECKOUT / "README.md").read_text("utf-8")
    assert [page.name for page in (CHECKOUT / "docs").glob("*.md") if f"docs/{page.name}" not in text] == []


def test_the_checks_can_fail(tmp_path):
    assert missing_places("`tests/data/test_slices.py` and `tests/data/formats/common/test_slices.py`") == [
        "tests/data/test_slices.py"
    ]
    page = tmp_path / "page.md"
    page.write_text("# A title\n")
    assert broken_links(page, "[one](page.md#a-title) [two](page.md#none) [three](none.md)") == [
        "page.md#none",
        "none.md#",
    ]
